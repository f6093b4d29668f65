"""When customers turn up, what for, and how it usually goes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate

from simulator.clock import DAY, HOUR, HOUR_WEIGHTS, SECOND, day_weight
from simulator.plot import Period
from simulator.scenarios import EVERYDAY, Scenario
from simulator.vocabulary import (
    ACTION_INTENTS,
    GROWN_INTENT,
    GROWTH,
    INTENTS,
    QUESTION_INTENTS,
    WORSENED_EASE,
    WORSENED_INTENT,
    Intent,
)

Mix = tuple[tuple[str, float], ...]

# Shares of the cases that go well, of those that do not, and of what is no
# business of the agent's.
GOES_WELL: Mix = (
    ("resolved_clean", 78),
    ("retry_then_success", 8),
    ("resolved_over_two_sessions", 7),
    ("closed_in_log_only", 7),
)
GOES_BADLY: Mix = (
    ("escalated_resolved_by_human", 38),
    ("escalated_left_open", 12),
    ("action_failed_then_escalated", 10),
    ("refused_by_policy", 9),
    ("ended_resolved_unproven", 9),
    ("no_checks", 5),
    ("check_after_the_act", 3),
    ("went_silent", 8),
    ("went_silent_with_a_ticket", 6),
)
QUESTION_GOES_WELL: Mix = (("informational_answer", 1),)
QUESTION_GOES_BADLY: Mix = (
    ("escalated_resolved_by_human", 45),
    ("escalated_left_open", 15),
    ("went_silent", 25),
    ("went_silent_with_a_ticket", 15),
)
ELSEWHERE: Mix = (
    ("dropped_off_greeting", 30),
    ("people_only_active", 38),
    ("people_only_elapsed", 24),
    ("automation_only_ticket", 4),
    ("test_by_flag", 10),
    ("staging_environment", 8),
)
ELSEWHERE_SHARE = 0.11


class Calendar:
    """Draws moments of a period: busy days, quiet nights and weekends."""

    def __init__(self, period: Period) -> None:
        hours = range(period.start, period.until, HOUR)
        self.hours = list(hours)
        weights = [day_weight(at) * HOUR_WEIGHTS[at % DAY // HOUR] for at in hours]
        self.cumulative = list(accumulate(weights))

    def draw(self, rng: random.Random) -> int:
        """A moment at which a customer turns up."""
        hour = rng.choices(self.hours, cum_weights=self.cumulative)[0]
        return hour + rng.randrange(3_600) * SECOND


def _draw(mix: Mix, rng: random.Random) -> Scenario:
    names, weights = zip(*mix, strict=True)
    return EVERYDAY[rng.choices(names, weights)[0]]


def usual_scenario(
    intent: Intent, at: int, period: Period, rng: random.Random
) -> Scenario:
    """How an ordinary case of this intent goes at this time."""
    if rng.random() < ELSEWHERE_SHARE:
        return _draw(ELSEWHERE, rng)
    is_worse = intent.code == WORSENED_INTENT and at >= period.release_at
    goes_well = rng.random() < (WORSENED_EASE if is_worse else intent.ease)
    if period.outage_at <= at < period.outage_at + DAY:
        goes_well = False
    if intent.requires_action:
        return _draw(GOES_WELL if goes_well else GOES_BADLY, rng)
    return _draw(QUESTION_GOES_WELL if goes_well else QUESTION_GOES_BADLY, rng)


def draw_intent(about: str, at: int, period: Period, rng: random.Random) -> Intent:
    """What a customer wants at this time, by how often it is wanted."""
    intents: Sequence[Intent] = {
        "action": ACTION_INTENTS,
        "question": QUESTION_INTENTS,
    }.get(about, INTENTS)
    has_grown = about == "any" and at >= period.shift_at
    weights = [
        intent.weight * (GROWTH if has_grown and intent.code == GROWN_INTENT else 1)
        for intent in intents
    ]
    return rng.choices(intents, weights)[0]
