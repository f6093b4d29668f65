"""Effort, changes, releases and cost, worked out again from the planned cases.

Correlations, intervals and corrections for many comparisons are those of SciPy and
statsmodels, not of formulas written here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

from simulator.vocabulary import GROWN_INTENT, INTENTS_BY_CODE, WORSENED_INTENT
from tests.simulator.comparing import Key, Month, Row, differences, query, told

MIN_CASES = 30
Z = 1.959963984540054
TARGET = 0.7
EASY_FROM = 5
LOW = 3
WINDOW_DAYS = 28
ERROR_RATE = 0.05
SURVEY_TYPES = ("ces", "csat")
KPIS = {
    "autonomous_resolution_rate": 1,
    "durable_resolution_rate": 1,
    "containment_rate": 1,
    "escalation_rate": -1,
}
Pair = tuple[float, float]
Sums = dict[Key, list[float]]


def handled(month: Month) -> list[Row]:
    """The cases that the agent's rates are about."""
    rows = month.rows("cases")
    return [row for row in rows if row["is_eligible"] and row["is_handled"]]


def surveyed(month: Month) -> list[tuple[Row, Row]]:
    """Each survey about a handled case, beside its case."""
    cases = {row["case_id"]: row for row in handled(month)}
    surveys = month.rows("surveys")
    return [(row, cases[row["case_id"]]) for row in surveys if row["case_id"] in cases]


def monday(day: str) -> date:
    """The Monday on or before a day."""
    opened_on = date.fromisoformat(day)
    return opened_on - timedelta(days=opened_on.weekday())


def is_resolved(case: Row) -> bool:
    """Proven, not only possible."""
    return case["is_resolved_autonomously"] is True


def of_cases(month: Month, survey_type: str) -> Iterator[tuple[float, Row]]:
    """Each answer beside its case."""
    for survey, case in surveyed(month):
        is_meant = survey["survey_type"] == survey_type
        if is_meant and survey["effort_score"] is not None:
            yield survey["effort_score"], case


def case_pairs(month: Month, survey_type: str, driver: str) -> list[Pair]:
    """Scores beside what became of the very case."""
    pairs = list(of_cases(month, survey_type))
    if driver == "resolution":
        return [(score, float(is_resolved(case))) for score, case in pairs]
    return [
        (score, case["handling_seconds"])
        for score, case in pairs
        if case["handling_seconds"] is not None
    ]


def cell(case: Row) -> Key:
    """The intent and week of a case."""
    return case["intent"], monday(case["opened_on"])


def cell_pairs(month: Month, survey_type: str, driver: str) -> list[Pair]:
    """Mean scores of an intent's week beside the figure of all its cases."""
    scores: dict[Key, list[float]] = defaultdict(list)
    for score, case in of_cases(month, survey_type):
        scores[cell(case)].append(score)
    figures: dict[Key, list[float]] = defaultdict(list)
    for case in handled(month):
        if driver == "resolution":
            figures[cell(case)].append(float(is_resolved(case)))
        elif case["handling_seconds"] is not None:
            figures[cell(case)].append(case["handling_seconds"])
    return [
        (fmean(some), fmean(figures[key]))
        for key, some in scores.items()
        if figures[key]
    ]


def correlated(pairs: list[Pair], method: str) -> Row:
    """The correlation with its interval; nothing under thirty pairs."""
    names = ("correlation", "interval_lower", "interval_upper")
    if len(pairs) < MIN_CASES:
        return dict.fromkeys(names)
    scores, values = zip(*pairs, strict=True)
    if method == "pearson":
        found = stats.pearsonr(scores, values)
        interval = found.confidence_interval(0.95)
        figures = (found.statistic, interval.low, interval.high)
    else:
        r = stats.spearmanr(scores, values).statistic
        width = Z * math.sqrt((1 + r * r / 2) / (len(pairs) - 3))
        figures = (r, *(math.tanh(math.atanh(r) + s * width) for s in (-1, 1)))
    return {name: float(figure) for name, figure in zip(names, figures, strict=True)}


def test_what_goes_with_effort_is_as_planned(month: Month, warehouse: Path) -> None:
    planned = [
        {
            "survey_type": survey_type,
            "observation_level": level,
            "driver": driver,
            "method": method,
            "pair_count": len(pairs),
            "is_too_small": len(pairs) < MIN_CASES,
            **correlated(pairs, method),
        }
        for survey_type in SURVEY_TYPES
        for level, pairs_of in (("case", case_pairs), ("intent_week", cell_pairs))
        for driver in ("resolution", "handling_time")
        for pairs in [pairs_of(month, survey_type, driver)]
        for method in ("pearson", "spearman")
    ]
    key = ("survey_type", "observation_level", "driver", "method")
    got = query(
        warehouse,
        f"""
        select
            {", ".join(key)}, pair_count, is_too_small,
            correlation, interval_lower, interval_upper
        from marts.ces_drivers
        """,
    )
    found = differences(planned, got, key)
    assert not found, told(found, month)
    assert any(row["correlation"] is not None for row in got)


def test_response_rates_are_as_planned(month: Month, warehouse: Path) -> None:
    planned = []
    for survey_type in SURVEY_TYPES:
        some = [s for s, _ in surveyed(month) if s["survey_type"] == survey_type]
        answered = sum(survey["effort_score"] is not None for survey in some)
        counts = {"sent_surveys": len(some), "answered_surveys": answered}
        rate = {"response_rate": answered / len(some)}
        planned.append({"survey_type": survey_type, **counts, **rate})
    names = ("survey_type", "sent_surveys", "answered_surveys", "response_rate")
    for source in ("ces_drivers", "effort_quadrants where segment_type = 'all'"):
        got = query(
            warehouse, f"select distinct {', '.join(names)} from marts.{source}"
        )
        assert not differences(planned, got, ("survey_type",))


def quadrant(rate: float, mean: float | None, target: float | None) -> str:
    """High or low against target and bar."""
    if target is None:
        return "no_target"
    if mean is None:
        return "no_answers"
    is_high, is_easy = rate >= target, mean >= EASY_FROM
    if is_high:
        return "resolved_and_easy" if is_easy else "resolved_but_hard"
    return "unresolved_but_easy" if is_easy else "unresolved_and_hard"


def quadrant_row(
    survey_type: str, segment: str, cases: list[Row], scores: list[float | None]
) -> Row:
    """What a segment's cases and surveys make of it."""
    answers = [score for score in scores if score is not None]
    mean = fmean(answers) if answers else None
    known = INTENTS_BY_CODE.get(segment)
    has_target = segment == "all" or bool(known and known.requires_action)
    resolved = sum(map(is_resolved, cases))
    lower, upper = proportion_confint(resolved, len(cases), method="wilson")
    placed = quadrant(resolved / len(cases), mean, TARGET if has_target else None)
    is_too_small = min(len(cases), len(answers)) < MIN_CASES
    return {
        "survey_type": survey_type,
        "segment": segment,
        "quadrant": placed,
        "is_too_small": is_too_small,
        "is_resolved_but_hard": placed == "resolved_but_hard" and not is_too_small,
        "handled_cases": len(cases),
        "resolved_cases": resolved,
        "sent_surveys": len(scores),
        "answered_surveys": len(answers),
        "favourable_surveys": sum(score >= EASY_FROM for score in answers),
        "score_mean": mean,
        "resolution_lower": float(lower),
        "resolution_upper": float(upper),
    }


def test_the_quadrants_of_effort_are_as_planned(month: Month, warehouse: Path) -> None:
    cases: dict[str, list[Row]] = defaultdict(list)
    scores: dict[Key, list[float | None]] = defaultdict(list)
    for case in handled(month):
        for segment in ("all", case["intent"] or "unknown"):
            cases[segment].append(case)
    for survey, case in surveyed(month):
        for segment in ("all", case["intent"] or "unknown"):
            scores[survey["survey_type"], segment].append(survey["effort_score"])
    planned = [
        quadrant_row(survey_type, segment, some, scores[survey_type, segment])
        for survey_type in SURVEY_TYPES
        for segment, some in cases.items()
    ]
    got = query(
        warehouse, f"select {', '.join(planned[0])} from marts.effort_quadrants"
    )
    found = differences(planned, got, ("survey_type", "segment"))
    assert not found, told(found, month)


def test_every_low_score_is_listed_with_its_case(month: Month, warehouse: Path) -> None:
    names = ("outcome", "first_blocker", "has_human_touch", "handling_seconds")
    planned = [
        {
            "response_id": survey["response_id"],
            "case_id": case["case_id"],
            "survey_type": survey["survey_type"],
            "score_1_to_7": survey["effort_score"],
            "intent": case["intent"] or "unknown",
            "agent_version": case["agent_version"] or "unknown",
            **{name: case[name] for name in names},
        }
        for survey, case in surveyed(month)
        if survey["effort_score"] is not None and survey["effort_score"] <= LOW
    ]
    assert planned
    got = query(warehouse, f"select {', '.join(planned[0])} from marts.low_scores")
    found = differences(planned, got, ("response_id",))
    assert not found, told(found, month)


def shares(case: Row) -> Iterator[tuple[str, bool]]:
    """Which of the explained KPIs a case is counted in, and whether it counts."""
    yield "autonomous_resolution_rate", is_resolved(case)
    yield "containment_rate", not case["has_human_touch"]
    yield "escalation_rate", case["has_human_touch"]
    if case["is_mature"] and case["customer_id"] and case["intent"]:
        yield "durable_resolution_rate", case["is_durable"] is True


def weekly_sums(month: Month) -> dict[Key, Sums]:
    """Numerator and denominator by segment, of each KPI, week and way to cut."""
    sums: dict[Key, Sums] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for case in handled(month):
        for kpi, counts in shares(case):
            for cut in ("intent", "agent_version"):
                week = sums[kpi, cut, monday(case["opened_on"])]
                both = week[(case[cut] or "unknown",)]
                both[0] += counts
                both[1] += 1
    return sums


def change_rows(before: Sums, after: Sums) -> Iterator[Row]:
    """A change taken apart: segments in both weeks by midpoints, others as mix."""
    totals = [
        [sum(s) for s in zip(*some.values(), strict=True)] for some in (before, after)
    ]
    cases_before, cases_after = totals[0][1], totals[1][1]
    level = (totals[0][0] / cases_before + totals[1][0] / cases_after) / 2
    for segment in before.keys() | after.keys():
        one, two = before.get(segment), after.get(segment)
        share_before = one[1] / cases_before if one else 0.0
        share_after = two[1] / cases_after if two else 0.0
        rates = [side[0] / side[1] for side in (one, two) if side]
        within = 0.0
        if one and two:
            within = (share_before + share_after) / 2 * (rates[1] - rates[0])
        yield {
            "segment": segment[0],
            "presence": "in_both" if one and two else "gone" if one else "new",
            "mix_contribution": (share_after - share_before) * (fmean(rates) - level),
            "within_contribution": within,
            "total_change": totals[1][0] / cases_after - totals[0][0] / cases_before,
        }


def test_every_change_of_a_rate_is_explained_as_planned(
    month: Month, warehouse: Path
) -> None:
    sums = weekly_sums(month)
    planned = [
        {
            "kpi": kpi,
            "period_type": "week",
            "period_start": week.isoformat(),
            "segment_type": cut,
            **row,
        }
        for kpi, cut, week in sums
        if (kpi, cut, week - timedelta(days=7)) in sums
        for row in change_rows(
            sums[kpi, cut, week - timedelta(days=7)], sums[kpi, cut, week]
        )
    ]
    assert planned
    key = ("kpi", "period_type", "period_start", "segment_type", "segment")
    got = query(
        warehouse, f"select {', '.join(planned[0])} from marts.kpi_change_drivers"
    )
    found = differences(planned, got, key)
    assert not found, told(found, month)


def versions(month: Month) -> dict[str, list[tuple[str, str]]]:
    """The versions of each agent by the first day on which a handled case opened."""
    first: dict[Key, str] = {}
    for case in handled(month):
        name, version = case["agent_name"] or "unknown", case["agent_version"]
        if version:
            day = case["opened_on"]
            first[name, version] = min(day, first.get((name, version), day))
    ordered: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (name, version), day in first.items():
        ordered[name].append((day, version))
    return {name: sorted(some) for name, some in ordered.items()}


def compared_cases(month: Month) -> Iterator[tuple[Key, str, Row]]:
    """Each case of a release's window, with the release and the side it is on."""
    for name, some in versions(month).items():
        for (_, old), (released_on, new) in pairwise(some):
            released = date.fromisoformat(released_on)
            window = timedelta(days=WINDOW_DAYS)
            for case in handled(month):
                if (case["agent_name"] or "unknown") != name:
                    continue
                opened_on = date.fromisoformat(case["opened_on"])
                if case["agent_version"] == old:
                    side, earliest = "before", released - window
                elif case["agent_version"] == new:
                    side, earliest = "after", released
                else:
                    continue
                if earliest <= opened_on < released + window:
                    yield (name, new, released_on), side, case


def release_sums(month: Month) -> dict[Key, dict[str, dict[str, list[int]]]]:
    """Successes and cases by intent and side, of each release and KPI."""
    sums: dict[Key, dict[str, dict[str, list[int]]]] = defaultdict(
        lambda: defaultdict(lambda: {"before": [0, 0], "after": [0, 0]})
    )
    for release, side, case in compared_cases(month):
        for kpi, counts in shares(case):
            both = sums[*release, kpi][case["intent"] or "unknown"][side]
            both[0] += counts
            both[1] += 1
    return sums


def holm(intents: dict[str, dict[str, list[int]]]) -> dict[str, bool]:
    """Which intents differ after Holm's correction."""
    p_values = {}
    for intent, sides in intents.items():
        successes, cases = zip(*sides.values(), strict=True)
        is_mixed = 0 < sum(successes) < sum(cases)
        if min(cases) >= MIN_CASES and is_mixed:
            p_values[intent] = proportions_ztest(successes, cases)[1]
    if not p_values:
        return {}
    rejected = multipletests(list(p_values.values()), ERROR_RATE, "holm")[0]
    return dict(zip(p_values, map(bool, rejected), strict=True))


def verdict(lower: float, upper: float, direction: int) -> str:
    """What an interval says of a difference."""
    if lower > 0:
        return "better" if direction > 0 else "worse"
    if upper < 0:
        return "worse" if direction > 0 else "better"
    return "no_evidence"


def intent_row(sides: dict[str, list[int]], kpi: str, is_rejected: bool) -> Row:
    """One intent before and after, by statsmodels."""
    (before, cases_before), (after, cases_after) = sides["before"], sides["after"]
    row: Row = {
        "before_denominator": float(cases_before),
        "after_denominator": float(cases_after),
        **dict.fromkeys(("difference", "interval_lower", "interval_upper")),
        "verdict": "too_small",
    }
    if not (cases_before and cases_after):
        return row
    lower, upper = confint_proportions_2indep(
        after, cases_after, before, cases_before, method="newcomb", compare="diff"
    )
    row["difference"] = after / cases_after - before / cases_before
    row["interval_lower"], row["interval_upper"] = float(lower), float(upper)
    if min(cases_before, cases_after) >= MIN_CASES:
        said = verdict(lower, upper, KPIS[kpi]) if is_rejected else "no_evidence"
        row["verdict"] = said
    return row


def all_row(intents: dict[str, dict[str, list[int]]], kpi: str) -> Row:
    """All intents, weighed by the new version's cases among those that both had."""
    shared = [s for s in intents.values() if s["before"][1] and s["after"][1]]
    covered = sum(sides["after"][1] for sides in shared)
    difference = lower = upper = 0.0
    for sides in shared:
        weight = sides["after"][1] / covered
        row = intent_row(sides, kpi, is_rejected=False)
        gap = row["difference"]
        difference += weight * gap
        lower += (weight * (gap - row["interval_lower"])) ** 2
        upper += (weight * (row["interval_upper"] - gap)) ** 2
    lower, upper = difference - math.sqrt(lower), difference + math.sqrt(upper)
    before, after = (
        [sum(sides[side][number] for sides in intents.values()) for number in (0, 1)]
        for side in ("before", "after")
    )
    smaller = min(covered, sum(sides["before"][1] for sides in shared))
    is_too_small = smaller < MIN_CASES
    return {
        "before_denominator": float(before[1]),
        "after_denominator": float(after[1]),
        "difference": after[0] / after[1] - before[0] / before[1],
        "interval_lower": lower,
        "interval_upper": upper,
        "verdict": "too_small" if is_too_small else verdict(lower, upper, KPIS[kpi]),
    }


def release_rows(month: Month) -> Iterable[Row]:
    """The report that the planned cases make."""
    for (name, version, released_on, kpi), intents in release_sums(month).items():
        rejected = holm(intents)
        rows = {
            intent: intent_row(sides, kpi, rejected.get(intent, False))
            for intent, sides in intents.items()
        }
        rows["all"] = all_row(intents, kpi)
        for segment, row in rows.items():
            names = {"agent_name": name, "agent_version": version, "kpi": kpi}
            yield {**names, "released_on": released_on, "segment": segment, **row}


def shortened(rows: list[Row]) -> list[Row]:
    """Without the digits beyond the ninth: an end of an interval may be almost zero."""
    return [
        {
            name: round(value, 9) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def test_every_release_is_judged_as_planned(month: Month, warehouse: Path) -> None:
    planned = list(release_rows(month))
    assert planned
    got = query(warehouse, f"select {', '.join(planned[0])} from marts.release_report")
    key = ("agent_name", "agent_version", "kpi", "segment")
    found = differences(shortened(planned), shortened(got), key)
    assert not found, told(found, month)


def test_the_planted_worsening_is_found_and_nothing_else(warehouse: Path) -> None:
    """From the release on, one intent of the retail agent goes badly more often."""
    got = query(
        warehouse,
        """
        select distinct agent_name, segment, verdict
        from marts.release_report
        where segment_type = 'intent' and verdict in ('better', 'worse')
        """,
    )
    assert [tuple(row.values()) for row in got] == [
        ("sim_retail_assistant", WORSENED_INTENT, "worse")
    ]


def test_the_planted_shift_moves_the_shares(month: Month, warehouse: Path) -> None:
    """Towards the end one intent comes eight times as often as before."""
    week = monday(month.manifest["shift_at"][:10])
    got = query(
        warehouse,
        f"""
        select segment, share, previous_share
        from marts.kpi_change_drivers
        where
            kpi = 'autonomous_resolution_rate' and period_type = 'week'
            and segment_type = 'intent' and period_start = '{week}'
        order by share - previous_share desc
        """,
    )
    assert got[0]["segment"] == GROWN_INTENT
    assert got[0]["share"] > 3 * got[0]["previous_share"]


def test_every_case_has_the_tokens_that_were_planned(
    month: Month, warehouse: Path
) -> None:
    """Of all cases, tests and those that are not handled too."""
    names = ("input_tokens", "output_tokens")
    planned = [
        {
            "case_id": row["case_id"],
            "opened_at": row["opened_at"],
            **{name: row["tallies"][name] for name in names},
        }
        for row in month.rows("cases")
    ]
    assert any(row["input_tokens"] for row in planned)
    got = query(warehouse, f"select {', '.join(planned[0])} from marts.fct_cases")
    found = differences(planned, got, ("case_id", "opened_at"))
    assert not found, told(found, month)
