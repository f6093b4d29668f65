"""What must hold of the reference whatever the world, drawn by Hypothesis."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.records import Seeds, Settings
from tests.oracle.reference import Answer, answer
from tests.oracle.worlds import AS_OF, Vocabulary, World, draw_world

NOW = Settings(AS_OF)
WORDS = Vocabulary(("refund", "hours", "stargazing"), ("issue_a", "get_a", "dance"))
SEEDS = Seeds(
    intents_without_action=frozenset({"hours"}),
    action_patterns={"issue_*": True, "get_*": False},
    reasons=frozenset({"low_confidence", "customer_request"}),
)
WORLDS = st.integers(min_value=0, max_value=10**9).map(
    lambda seed: draw_world(Random(seed), "w00000", WORDS)
)


def told(world: World) -> Answer:
    return answer(world.feeds, SEEDS, NOW)


@settings(deadline=None, derandomize=True)
@given(world=WORLDS, seed=st.integers())
def test_the_order_of_arrival_says_nothing(world: World, seed: int) -> None:
    rng = Random(seed)
    shuffled = {feed: rng.sample(rs, len(rs)) for feed, rs in world.feeds.items()}
    assert told(World(world.name, shuffled)) == told(world)


@settings(deadline=None, derandomize=True)
@given(world=WORLDS)
def test_the_same_again_changes_nothing(world: World) -> None:
    twice = {feed: [*records, *records] for feed, records in world.feeds.items()}
    assert told(World(world.name, twice)) == told(world)


@settings(deadline=None, derandomize=True)
@given(world=WORLDS)
def test_a_rate_never_passes_one(world: World) -> None:
    for cell, (numerator, denominator) in told(world).figures.items():
        if cell[-1].endswith(("_rate", "_share", "_coverage")):
            assert 0 <= numerator <= denominator, cell


@settings(deadline=None, derandomize=True)
@given(world=WORLDS)
def test_an_involved_case_with_a_touch_has_an_escalation_and_the_other_way_round(
    world: World,
) -> None:
    found = told(world)
    escalated = {row["case"] for row in found.escalations}
    for key, row in found.cases.items():
        if row["is_involved"]:
            assert (key in escalated) is row["has_human_touch"]


@settings(deadline=None, derandomize=True)
@given(world=WORLDS, hours=st.integers(min_value=0, max_value=2000))
def test_time_only_ends_waiting(world: World, hours: int) -> None:
    later = answer(world.feeds, SEEDS, Settings(AS_OF + timedelta(hours=hours)))
    waits = {"outcome", "is_handled", "is_mature", "is_durable"}
    for key, row in told(world).cases.items():
        changed = {name for name in row if row[name] != later.cases[key][name]}
        assert changed <= waits
        if "outcome" in changed:
            assert (row["outcome"], later.cases[key]["outcome"]) == (
                "in_progress",
                "abandoned",
            )
