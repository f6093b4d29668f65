"""Escalations and whether they were right, recomputed from the planned cases."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.simulator.comparing import Key, Month, Row, differences, query, told

Z = 1.959963984540054
MIN_CASES = 30
QUALITY = ("month_start", "segment_type", "segment")
WEEKLY = ("week_start", "intent", "reason_code")
JUDGEMENTS = {
    (True, True): "correct",
    (True, False): "premature",
    (False, True): "missed",
    (False, False): "kept",
}


def handled(month: Month) -> list[Row]:
    """The cases that the agent's rates are about."""
    rows = month.rows("cases")
    return [row for row in rows if row["is_eligible"] and row["is_handled"]]


def by_case(rows: list[Row], order: str) -> dict[str, list[Row]]:
    """Rows of each case, in an order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row[order], row.get("audit_id", ""))):
        found[row["case_id"]].append(row)
    return found


def counts(audit: Row) -> bool:
    """Whether a person looked at a case drawn by chance, or at all of them."""
    is_drawn = audit["inclusion_probability"] is not None
    return audit["auditor_type"] == "human" and (
        audit["sample_method"] == "census"
        or (audit["sample_method"] == "random" and is_drawn)
    )


def opinion(audits: list[Row], is_escalated: bool) -> tuple[bool, float, bool] | None:
    """What is held of a case, with what weight, and whether anybody differed.

    Of auditors who differ the earliest who finds fault is believed.
    """
    stated = [
        audit
        for audit in audits
        if counts(audit) and audit["should_have_escalated"] is not None
    ]
    if not stated:
        return None
    faults = [one for one in stated if one["should_have_escalated"] != is_escalated]
    believed = (faults or stated)[0]
    weight = 1 / (believed["inclusion_probability"] or 1)
    is_disputed = len({one["should_have_escalated"] for one in stated}) > 1
    return believed["should_have_escalated"], weight, is_disputed


def segments(case: Row, reason: str | None) -> Iterator[tuple[str, str]]:
    """The segments that a case is counted in."""
    yield "all", "all"
    yield "intent", case["intent"] or "unknown"
    yield "agent_version", case["agent_version"] or "unknown"
    yield "reason_code", reason or "not_escalated"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Tally:
    """What the cases of a segment add up to."""

    def __init__(self) -> None:
        self.escalated_cases = 0
        self.disputed_cases = 0
        self.judged: Counter[str] = Counter()
        self.weights: dict[str, list[float]] = defaultdict(list)
        self.waits: list[float] = []

    def row(self, key: Key) -> Row:
        """The row of the mart."""
        correct = sum(self.weights["correct"])
        escalated = self.weights["correct"] + self.weights["premature"]
        needed = self.weights["correct"] + self.weights["missed"]
        has_recall = key[1] != "reason_code"
        return {
            **dict(zip(QUALITY, key, strict=True)),
            "escalated_cases": self.escalated_cases,
            "audited_cases": sum(self.judged.values()),
            "disputed_cases": self.disputed_cases,
            **{f"{name}_cases": self.judged[name] for name in JUDGEMENTS.values()},
            **rate_of("precision", correct, escalated, True),
            **rate_of("recall", correct, needed, has_recall),
            "seconds_to_escalation_cases": len(self.waits),
            "seconds_to_escalation_mean": mean(self.waits),
            "seconds_to_escalation_p50": quantile(self.waits, 0.5),
            "seconds_to_escalation_p90": quantile(self.waits, 0.9),
        }


def rate_of(name: str, correct: float, weights: list[float], is_shown: bool) -> Row:
    """A rate of the mart, with its parts and interval."""
    total = sum(weights)
    effective_n = total**2 / sum(one**2 for one in weights) if weights else 0.0
    share = correct / total if total and is_shown else None
    return {
        f"{name}_numerator": correct,
        f"{name}_denominator": total,
        f"{name}_effective_n": effective_n,
        f"is_{name}_too_small": effective_n < MIN_CASES,
        f"escalation_{name}": share,
        f"{name}_lower": None if share is None else wilson(share, effective_n, -1),
        f"{name}_upper": None if share is None else wilson(share, effective_n, 1),
    }


def wilson(share: float, trials: float, sign: int) -> float:
    """Wilson's bound of a share, within 0..1."""
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials**2))
    bound = (share + Z * Z / (2 * trials) + sign * spread) / (1 + Z * Z / trials)
    return min(1.0, max(0.0, bound))


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def quantile(values: list[float], share: float) -> float | None:
    """A quantile that interpolates linearly between neighbours."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def planned_quality(month: Month) -> list[Row]:
    """Every row of `escalation_quality`, without the waits for people."""
    escalations = by_case(
        [row for row in month.rows("escalations") if row["is_eligible"]],
        "escalated_at",
    )
    audits = by_case(month.rows("audits"), "audited_at")
    tallies: dict[Key, Tally] = defaultdict(Tally)
    for case in handled(month):
        first = next(iter(escalations[case["case_id"]]), None)
        found = opinion(audits[case["case_id"]], first is not None)
        if first is None and found is None:
            continue
        month_start = case["opened_on"][:7] + "-01"
        for segment in segments(case, first and first["reason_code"]):
            tally = tallies[month_start, *segment]
            if first:
                wait = moment(first["escalated_at"]) - moment(case["opened_at"])
                tally.escalated_cases += 1
                tally.waits.append(wait.total_seconds())
            if found:
                should, weight, is_disputed = found
                judgement = JUDGEMENTS[first is not None, should]
                tally.judged[judgement] += 1
                tally.weights[judgement].append(weight)
                tally.disputed_cases += is_disputed
    return [tally.row(key) for key, tally in tallies.items()]


def test_the_quality_of_escalations_is_as_planned(
    month: Month, warehouse: Path
) -> None:
    planned = planned_quality(month)
    columns = ", ".join(planned[0])
    got = query(warehouse, f"select {columns} from marts.escalation_quality")
    found = differences(planned, got, QUALITY)
    assert not found, told(found, month)
    [whole] = [row for row in planned if row["segment_type"] == "all"]
    for name in ("disputed", *JUDGEMENTS.values()):
        assert whole[f"{name}_cases"], f"the month has no {name} case"


def test_the_waits_for_people_are_those_of_first_escalations(warehouse: Path) -> None:
    """The truth knows no waits; those of the single escalations are added up here."""
    rows = query(
        warehouse,
        """
        select escalations.reason_code, seconds_to_human_act, opened_on
        from marts.fct_escalations as escalations
        inner join marts.fct_cases as cases using (case_key)
        where is_primary and cases.is_eligible and seconds_to_human_act is not null
        """,
    )
    waits: dict[Key, list[float]] = defaultdict(list)
    for row in rows:
        month_start = row["opened_on"][:7] + "-01"
        for segment in (("all", "all"), ("reason_code", row["reason_code"])):
            waits[month_start, *segment].append(row["seconds_to_human_act"])
    planned = [
        {
            **dict(zip(QUALITY, key, strict=True)),
            "seconds_to_human_act_cases": len(some),
            "seconds_to_human_act_mean": mean(some),
            "seconds_to_human_act_p50": quantile(some, 0.5),
            "seconds_to_human_act_p90": quantile(some, 0.9),
        }
        for key, some in waits.items()
    ]
    columns = ", ".join(planned[0])
    got = query(
        warehouse,
        f"""
        select {columns} from marts.escalation_quality
        where segment_type in ('all', 'reason_code') and seconds_to_human_act_cases > 0
        """,
    )
    assert planned
    assert not differences(planned, got, QUALITY)


def week_of(opened_on: str) -> date:
    """The Monday on or before a day."""
    day = date.fromisoformat(opened_on)
    return day - timedelta(days=day.weekday())


def planned_weeks(month: Month) -> list[Row]:
    """Every row of `escalation_reasons_weekly`, without the words of the seed."""
    cases: Counter[Key] = Counter()
    opened_on: dict[str, Row] = {}
    for case in handled(month):
        opened_on[case["case_id"]] = case
        cases[week_of(case["opened_on"]), case["intent"] or "unknown"] += 1
    told_of: Counter[Key] = Counter()
    for row in month.rows("escalations"):
        if row["is_eligible"]:
            case = opened_on[row["case_id"]]
            where = (week_of(case["opened_on"]), case["intent"] or "unknown")
            told_of[*where, row["reason_code"]] += 1
    week = timedelta(days=7)
    keys = set(told_of) | {(key[0] + week, *key[1:]) for key in told_of}
    as_of = moment(month.manifest["as_of"])
    return [weekly_row(key, cases, told_of, as_of) for key in keys if key[:2] in cases]


def weekly_row(
    key: Key, cases: Counter[Key], told_of: Counter[Key], as_of: datetime
) -> Row:
    """One row of the weeks, beside the week before where it had cases."""
    week_start, intent, reason = key
    before = (week_start - timedelta(days=7), intent)
    intent_total = sum(n for other, n in told_of.items() if other[:2] == key[:2])
    previous = told_of[*before, reason] if before in cases else None
    settled = datetime.combine(week_start, datetime.min.time(), UTC)
    settled += timedelta(days=7, hours=72)
    per_case = told_of[key] / cases[key[:2]]
    return {
        "week_start": week_start.isoformat(),
        "intent": intent,
        "reason_code": reason,
        "is_alarm": reason in ("unstated", "unrecognised"),
        "is_too_small": cases[key[:2]] < MIN_CASES,
        "is_provisional": settled > as_of,
        "escalations": told_of[key],
        "intent_escalations": intent_total,
        "handled_cases": cases[key[:2]],
        "previous_escalations": previous,
        "change": None if previous is None else told_of[key] - previous,
        "share_of_escalations": told_of[key] / intent_total if intent_total else None,
        "escalations_per_case": per_case,
        "change_per_case": (
            None if previous is None else per_case - previous / cases[before]
        ),
    }


def test_the_weeks_of_reasons_are_as_planned(month: Month, warehouse: Path) -> None:
    planned = planned_weeks(month)
    columns = ", ".join(planned[0])
    got = query(warehouse, f"select {columns} from marts.escalation_reasons_weekly")
    found = differences(planned, got, WEEKLY)
    assert not found, told(found, month)
    eligible = [row for row in month.rows("escalations") if row["is_eligible"]]
    assert sum(row["escalations"] for row in got) == len(eligible) > 0
