"""The list of alerts, made anew in plain Python from what was planned."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from tests.alerts.charts import Day
from tests.alerts.test_charts import individuals, laney
from tests.simulator.comparing import Key, Month, Row, differences, query, told
from tests.simulator.test_the_derived_marts_equal_the_truth import wilson

TODAY = date(2026, 6, 1)
FIRST = TODAY - timedelta(days=28)
SETTLED = TODAY - timedelta(days=3)  # the first day that may still move
KEY = ("kind", "kpi", "segment_type", "segment", "period_start")
SHOWN = (*KEY, "severity", "value", "lower_limit", "upper_limit")
TIMES = {
    "aht_automated_seconds",
    "aht_human_active_seconds",
    "aht_human_elapsed_seconds",
    "cost_per_resolution_usd",
}
# cases behind a figure, counted one by one: those in the numerator, or the others
COUNTED = {
    "autonomous_resolution_rate": False,
    "evidence_coverage": False,
    "escalation_rate": True,
}

Series = dict[date, list[float]]


def seed(name: str) -> list[Row]:
    """The rows of a seed."""
    with (project.ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rules(kind: str) -> dict[str, Row]:
    """What is watched in one way, by KPI."""
    return {row["kpi"]: row for row in seed("alert_rules") if row["kind"] == kind}


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def series_of(month: Month, kind: str) -> dict[Key, Series]:
    """Numerator, denominator and squared weights by day, of what is watched."""
    watched = rules(kind)
    found: dict[Key, Series] = defaultdict(lambda: defaultdict(lambda: [0.0] * 3))
    for row in month.rows("kpi_cells"):
        if row["kpi"] not in watched:
            continue
        segments = [("all", "all")]
        if watched[row["kpi"]]["is_by_intent"] == "true":
            segments.append(("intent", row["intent"]))
        for segment in segments:
            sums = found[row["kpi"], *segment][date.fromisoformat(row["opened_on"])]
            sums[0] += row["numerator"]
            sums[1] += row["denominator"]
            if row["kpi"] != "audited_compliance_rate":
                sums[2] += row["denominator"]
    for case in month.rows("cases"):
        if case["is_eligible"] and case["is_handled"]:
            key = ("audited_compliance_rate", "all", "all")
            if key in found:
                weight = case["tallies"]["audit_weight"]
                found[key][date.fromisoformat(case["opened_on"])][2] += weight**2
    return found


def planned_thresholds(month: Month) -> Iterator[Row]:
    """Settled weeks whose interval is past a limit; all these KPIs should be high."""
    catalog = {row["kpi"]: row for row in seed("kpi_catalog")}
    in_scope = {
        row["intent"] for row in seed("intents") if row["is_in_scope"] == "true"
    }
    for (kpi, segment_type, segment), days in series_of(month, "threshold").items():
        weeks: Series = defaultdict(lambda: [0.0] * 3)
        for day, sums in days.items():
            for place, part in enumerate(sums):
                weeks[monday(day)][place] += part
        for week, (numerator, denominator, squares) in weeks.items():
            last = week + timedelta(days=6)
            trials = denominator**2 / squares if squares else 0
            is_listed = FIRST <= last < SETTLED and trials >= 30
            if not is_listed or (segment_type == "intent" and segment not in in_scope):
                continue
            upper = wilson(numerator / denominator, trials, 1)
            for severity in ("critical", "warning"):
                column = "critical_at" if severity == "critical" else "warn_at"
                limit = float(catalog[kpi][column])
                if upper < limit:
                    yield {
                        **keyed("threshold", kpi, segment_type, segment, week),
                        "severity": severity,
                        "value": numerator / denominator,
                        "lower_limit": limit,
                        "upper_limit": None,
                    }
                    break


def keyed(kind: str, kpi: str, segment_type: str, segment: str, day: date) -> Row:
    """The key of an alert."""
    return dict(zip(KEY, (kind, kpi, segment_type, segment, str(day)), strict=True))


def charted(month: Month) -> Iterator[Row]:
    """Every settled day that has enough before it, with its limits."""
    directions = {row["kpi"]: row["direction"] for row in seed("kpi_catalog")}
    for (kpi, segment_type, segment), days in series_of(month, "control_limit").items():
        sigmas = 3.5 if segment_type == "all" else 4.0
        usable = {
            day: Day(sums[0], int(sums[1]))
            for day, sums in sorted(days.items())
            if sums[1] >= 20 and day < SETTLED
        }
        for place, (day, judged) in enumerate(usable.items()):
            baseline = list(usable.values())[max(0, place - 28) : place]
            if len(baseline) < 14 or day < FIRST:
                continue
            is_time = kpi in TIMES
            centre, deviation = (
                individuals(baseline) if is_time else laney(baseline, judged)
            )
            value = judged.numerator / judged.denominator
            upper = centre + sigmas * deviation
            is_good = (directions[kpi] == "up") == (value > upper)
            yield {
                **keyed("control_limit", kpi, segment_type, segment, day),
                "severity": "notice" if is_good else "warning",
                "value": value,
                "lower_limit": max(0.0, centre - sigmas * deviation),
                "upper_limit": upper if is_time else min(1.0, upper),
            }


def alerts(warehouse: Path, kind: str) -> list[Row]:
    """The alerts of one kind, as the mart has them."""
    return query(
        warehouse,
        f"select {', '.join(SHOWN)} from marts.kpi_alerts where kind = '{kind}'",
    )


def test_every_week_past_a_limit_alarms_and_no_other(
    month: Month, warehouse: Path
) -> None:
    planned = list(planned_thresholds(month))
    assert planned
    found = differences(planned, alerts(warehouse, "threshold"), KEY)
    assert not found, told(found, month)


def test_every_day_is_charted_as_the_reference_charts_it(
    month: Month, warehouse: Path
) -> None:
    planned = list(charted(month))
    assert len({row["kpi"] for row in planned}) >= 3
    limits = ("value", "lower_limit", "upper_limit")
    wanted = [{name: row[name] for name in (*KEY, *limits)} for row in planned]
    got = query(
        warehouse,
        f"select 'control_limit' as kind, {', '.join(KEY[1:])}, {', '.join(limits)} "
        "from intermediate.int_kpi_days_charted",
    )
    found = differences(rounded(wanted), rounded(got), KEY)
    assert not found, told(found, month)
    outside = [
        row
        for row in planned
        if not row["lower_limit"] <= row["value"] <= row["upper_limit"]
    ]
    listed = alerts(warehouse, "control_limit")
    found = differences(rounded(outside), rounded(listed), KEY)
    assert not found, told(found, month)


def rounded(rows: list[Row]) -> list[Row]:
    """Square roots of sums differ in their last digits."""
    return [
        {k: float(f"{v:.9g}") if isinstance(v, float) else v for k, v in row.items()}
        for row in rows
    ]


def test_the_planted_outage_alarms_on_its_day(month: Month, warehouse: Path) -> None:
    """A day on which no ordinary case goes well, and no other is so bad."""
    got = query(
        warehouse,
        """
        select period_start
        from marts.kpi_alerts
        where
            kind = 'control_limit' and kpi = 'autonomous_resolution_rate'
            and segment_type = 'all' and severity != 'notice'
        """,
    )
    assert [row["period_start"] for row in got] == [month.manifest["outage_at"][:10]]


def test_every_violation_alarms_and_nothing_else_does(
    month: Month, warehouse: Path
) -> None:
    """Of actions the truth knows how many, not when: older cases are left out."""
    cases = [row for row in month.rows("cases") if row["is_eligible"]]
    got = query(
        warehouse,
        """
        select case_id, opened_at, kpi, period_start, value
        from marts.kpi_alerts
        inner join marts.fct_cases on segment = case_key
        where kind = 'zero_tolerance'
        """,
    )
    broken = Counter(
        {
            (row["case_id"], row["opened_at"]): row["tallies"]["actions_bound"]
            - row["tallies"]["actions_compliant"]
            for row in cases
        }
    )
    seen: Counter[Key] = Counter()
    for row in got:
        if row["kpi"] == "action_compliance_rate":
            seen[row["case_id"], row["opened_at"]] += int(row["value"])
    recent = {key: n for key, n in broken.items() if n and key[1] >= str(FIRST)}
    assert recent
    assert {key: seen[key] for key in recent} == recent
    assert all(n <= broken[key] for key, n in seen.items())

    eligible = {row["case_id"] for row in cases}
    audited = Counter(
        (row["case_id"], row["audited_at"][:10])
        for row in month.rows("audits")
        if row["verdict"] == "violation"
        and row["auditor_type"] == "human"
        and row["case_id"] in eligible
        and row["audited_at"] >= str(FIRST)
    )
    assert audited
    assert audited == Counter(
        {
            (row["case_id"], row["period_start"]): int(row["value"])
            for row in got
            if row["kpi"] == "audited_compliance_rate"
        }
    )


def test_every_week_with_an_unsaid_or_unknown_reason_alarms(
    month: Month, warehouse: Path
) -> None:
    opened = {
        row["case_id"]: date.fromisoformat(row["opened_on"])
        for row in month.rows("cases")
        if row["is_eligible"]
    }
    escalations = [row for row in month.rows("escalations") if row["is_eligible"]]
    weeks = Counter(monday(opened[row["case_id"]]) for row in escalations)
    unsaid = Counter(
        (monday(opened[row["case_id"]]), row["reason_code"])
        for row in escalations
        if row["reason_code"] in ("unstated", "unrecognised")
    )
    planned = [
        {
            **keyed(
                "unstated_reasons",
                "unstated_reason_share",
                "reason_code",
                reason,
                week,
            ),
            "severity": "warning",
            "value": count / weeks[week],
            "lower_limit": None,
            "upper_limit": 0.0,
        }
        for (week, reason), count in unsaid.items()
        if week + timedelta(days=6) >= FIRST
    ]
    assert {row["segment"] for row in planned} == {"unstated", "unrecognised"}
    found = differences(planned, alerts(warehouse, "unstated_reasons"), KEY)
    assert not found, told(found, month)


def test_no_feed_is_stale_on_the_last_day_of_the_month(warehouse: Path) -> None:
    assert alerts(warehouse, "stale_feed") == []


def test_every_alert_leads_to_its_cases(month: Month, warehouse: Path) -> None:
    """Every statement runs; where a figure counts cases, it lists as many."""
    figures = {
        **series_of(month, "threshold"),
        **series_of(month, "control_limit"),
    }
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select kind, kpi, segment_type, segment, period_start, period_end, "
            "value, case_query from marts.kpi_alerts"
        ).fetchall()
        assert {row[0] for row in rows} >= {"threshold", "zero_tolerance"}
        for kind, kpi, segment_type, segment, first, last, value, statement in rows:
            listed = connection.execute(statement).fetchall()
            assert listed, statement
            if kind == "zero_tolerance":
                assert [case[0] for case in listed] == [segment]
            if kind in ("threshold", "control_limit") and kpi in COUNTED:
                days = figures[kpi, segment_type, segment]
                sums = [sums for day, sums in days.items() if first <= day <= last]
                numerator = sum(day[0] for day in sums)
                denominator = sum(day[1] for day in sums)
                assert value == pytest.approx(numerator / denominator)
                left = numerator if COUNTED[kpi] else denominator - numerator
                assert len(listed) == left, statement
