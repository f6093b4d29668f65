"""What stands on the facts, against the same sums over the planned cases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.simulator.comparing import Key, Month, Row, differences, query, told

STEPS = ("handled", "human", "intent", "policy", "action", "closure")
SEGMENTS = ("all", "intent", "tier", "channel", "agent_version")
PERIODS = ("day", "week", "month")
Z = 1.959963984540054
TRENDS = ("period_type", "period_start", "segment_type", "segment", "kpi")


def test_every_survey_is_as_planned(month: Month, warehouse: Path) -> None:
    planned = [
        {
            "case_id": row["case_id"],
            "response_id": row["response_id"],
            "survey_type": row["survey_type"],
            "sent_at": row["sent_at"],
            "is_answered": row["effort_score"] is not None,
            "score_1_to_7": row["effort_score"],
        }
        for row in month.rows("surveys")
    ]
    got = query(
        warehouse,
        """
        select case_id, response_id, survey_type, sent_at, is_answered, score_1_to_7
        from marts.fct_survey_responses
        left join marts.fct_cases using (case_key)
        """,
    )
    found = differences(planned, got, ("response_id",))
    assert not found, told(found, month)


def test_every_audit_is_as_planned(month: Month, warehouse: Path) -> None:
    got = query(
        warehouse,
        """
        select
            case_id, audit_id, audited_at, verdict, policy_id, auditor_type,
            sample_method, inclusion_probability, severity, is_outcome_correct,
            should_have_escalated
        from marts.fct_audits
        left join marts.fct_cases using (case_key)
        """,
    )
    # a violation states its severity; what states none has that of its policy
    for row in got:
        row["severity"] = row["severity"] if row["verdict"] == "violation" else None
    found = differences(month.rows("audits"), got, ("audit_id",))
    assert not found, told(found, month)


def test_every_case_has_the_checks_attempts_and_cost_that_were_planned(
    month: Month, warehouse: Path
) -> None:
    """Of all cases, tests and those that are not handled too."""
    names = ("attempts", "attempts_failed", "checks_evaluated", "checks_passed")
    planned = [
        {
            "case_id": row["case_id"],
            "opened_at": row["opened_at"],
            **{name: row["tallies"][name] for name in names},
            "cost_usd": row["tallies"]["cost_micros"] / 1_000_000,
        }
        for row in month.rows("cases")
    ]
    got = query(
        warehouse,
        """
        with actions as (
            select
                case_key,
                count(*) as attempts,
                count_if(outcome is distinct from 'success') as attempts_failed
            from marts.fct_actions
            where is_automation
            group by case_key
        ),
        checks as (
            select
                case_key,
                count(*) as checks_evaluated,
                count_if(outcome = 'pass') as checks_passed
            from marts.fct_policy_checks
            where is_required and is_evaluated
            group by case_key
        )
        select
            case_id,
            opened_at,
            coalesce(attempts, 0) as attempts,
            coalesce(attempts_failed, 0) as attempts_failed,
            coalesce(checks_evaluated, 0) as checks_evaluated,
            coalesce(checks_passed, 0) as checks_passed,
            coalesce(model_cost_usd, 0) as cost_usd
        from marts.fct_cases
        left join actions using (case_key)
        left join checks using (case_key)
        """,
    )
    found = differences(planned, got, ("case_id", "opened_at"))
    assert not found, told(found, month)


def handled(month: Month) -> list[Row]:
    """The cases that the agent's rates are about."""
    rows = month.rows("cases")
    return [row for row in rows if row["is_eligible"] and row["is_handled"]]


def test_the_funnel_is_as_planned(month: Month, warehouse: Path) -> None:
    cells: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    cut = ("intent", "tier", "channel", "agent_version")
    for row in handled(month):
        where = (row["opened_on"], *(row[name] or "unknown" for name in cut))
        blocker = row["first_blocker"]
        stopped_at = STEPS.index(blocker) if blocker else len(STEPS)
        is_missing = row["is_resolved_autonomously"] is None
        for number in range(min(stopped_at + 1, len(STEPS))):
            cell = cells[(*where, number)]
            is_stopped = number == stopped_at
            cell[0] += 1
            cell[1] += not is_stopped
            cell[2] += is_stopped and not is_missing
            cell[3] += is_stopped and is_missing
    counts = ("entered_cases", "passed_cases", "failed_cases", "missing_cases")
    key = ("opened_on", *cut, "step_number")
    planned = [
        {
            **dict(zip(key, where, strict=True)),
            "step": STEPS[int(where[-1])],
            **dict(zip(counts, cell, strict=True)),
        }
        for where, cell in cells.items()
    ]
    got = query(warehouse, "select * from marts.resolution_funnel")
    found = differences(planned, got, key)
    assert not found, told(found, month)


def period_of(opened_on: str, kind: str) -> tuple[date, date]:
    """The first day of a period, and of the one after it."""
    day = date.fromisoformat(opened_on)
    if kind == "day":
        return day, day + timedelta(days=1)
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def trend_keys(row: Row) -> Iterator[tuple[Key, date]]:
    """The rows of the trends that a row of the truth is part of."""
    for period in PERIODS:
        first, following = period_of(row["opened_on"], period)
        for segment in SEGMENTS:
            value = "all" if segment == "all" else row[segment] or "unknown"
            yield (period, first.isoformat(), segment, value, row["kpi"]), following


def wilson(share: float, trials: float, sign: int) -> float:
    """Wilson's bound of a share, within 0..1."""
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials**2))
    bound = (share + Z * Z / (2 * trials) + sign * spread) / (1 + Z * Z / trials)
    return min(1.0, max(0.0, bound))


def test_every_trend_is_as_planned(month: Month, warehouse: Path) -> None:
    """Sums, values, the period before, and whether the period may still move."""
    sums: dict[Key, list[float]] = defaultdict(lambda: [0.0, 0.0])
    ends: dict[Key, date] = {}
    for row in month.rows("kpi_cells"):
        for key, following in trend_keys(row):
            sums[key][0] += row["numerator"]
            sums[key][1] += row["denominator"]
            ends[key] = following
    values = {key: n / d if d else None for key, (n, d) in sums.items()}
    before = {(key, ends[key].isoformat()): value for key, value in values.items()}
    previous = {
        (key[0], following, *key[2:]): value
        for (key, following), value in before.items()
    }
    as_of = datetime.fromisoformat(month.manifest["as_of"])
    planned = [
        {
            **dict(zip(TRENDS, key, strict=True)),
            "numerator": sums[key][0],
            "denominator": sums[key][1],
            "value": values[key],
            "previous_value": previous.get(key),
            "is_provisional": settles_at(ends[key]) > as_of,
        }
        for key in sums
    ]
    got = query(
        warehouse,
        f"""
        select
            {", ".join(TRENDS)},
            numerator, denominator, value, previous_value, is_provisional
        from marts.kpi_trends
        """,
    )
    found = differences(planned, got, TRENDS)
    assert not found, told(found, month)


def settles_at(following: date) -> datetime:
    """When nothing in a period that ends before this day is in progress."""
    return datetime(*following.timetuple()[:3], tzinfo=UTC) + timedelta(hours=72)


def test_every_interval_of_a_share_is_wilsons(warehouse: Path) -> None:
    """The audited share has unequal weights and an effective number of its own."""
    rows = query(
        warehouse,
        """
        select
            period_type, period_start, segment_type, segment, kpi,
            value, denominator, interval_lower, interval_upper
        from marts.kpi_trends
        where unit = 'share' and kpi != 'audited_compliance_rate' and denominator > 0
        """,
    )
    planned = [
        {
            **row,
            "interval_lower": wilson(row["value"], row["denominator"], -1),
            "interval_upper": wilson(row["value"], row["denominator"], 1),
        }
        for row in rows
    ]
    assert rows
    assert not differences(planned, rows, TRENDS)


def audit_weights(month: Month) -> dict[Key, list[float]]:
    """The weights of the audited verdicts behind every row of the trends."""
    weights: dict[Key, list[float]] = defaultdict(list)
    for row in handled(month):
        weight = row["tallies"]["audit_weight"]
        if weight:
            for key, _ in trend_keys({**row, "kpi": "audited_compliance_rate"}):
                weights[key].append(weight)
    return weights


def test_the_audited_share_counts_by_kishs_effective_number(
    month: Month, warehouse: Path
) -> None:
    planned = [
        {
            **dict(zip(TRENDS, key, strict=True)),
            "effective_n": sum(some) ** 2 / sum(weight**2 for weight in some),
        }
        for key, some in audit_weights(month).items()
    ]
    got = query(
        warehouse,
        f"""
        select {", ".join(TRENDS)}, effective_n
        from marts.kpi_trends
        where kpi = 'audited_compliance_rate'
        """,
    )
    found = differences(planned, got, TRENDS)
    assert not found, told(found, month)


def quantile(values: list[float], share: float) -> float:
    """A quantile that interpolates linearly between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def test_the_percentiles_of_handling_time_are_as_planned(
    month: Month, warehouse: Path
) -> None:
    times: dict[Key, list[float]] = defaultdict(list)
    for row in handled(month):
        if row["is_resolved_autonomously"]:
            for key, _ in trend_keys({**row, "kpi": "aht_automated_seconds"}):
                times[key].append(row["handling_seconds"])
    planned = [
        {
            **dict(zip(TRENDS, key, strict=True)),
            "p50": quantile(some, 0.5),
            "p90": quantile(some, 0.9),
        }
        for key, some in times.items()
    ]
    got = query(
        warehouse,
        f"""
        select {", ".join(TRENDS)}, p50, p90
        from marts.kpi_trends
        where kpi = 'aht_automated_seconds'
        """,
    )
    found = differences(planned, got, TRENDS)
    assert not found, told(found, month)


def test_the_health_of_the_feeds_is_as_planned(month: Month, warehouse: Path) -> None:
    rejects = month.rows("rejects")
    planned = [
        {
            **row,
            "quarantined_files": sum(
                reject["feed"] == row["feed"] and reject["reason"] == "unreadable_file"
                for reject in rejects
            ),
        }
        for row in month.rows("loads")
    ]
    got = query(
        warehouse,
        """
        select
            feed, files, records, loaded, replaced, duplicates, rejected,
            quarantined_files
        from marts.feed_health
        where files > 0
        """,
    )
    assert not differences(planned, got, ("feed",))


def test_the_hours_of_an_agent_add_up_to_what_was_planned(
    month: Month, warehouse: Path
) -> None:
    """Production sessions only, and every version of an agent."""
    rows = [row["tallies"] for row in month.rows("cases") if row["is_eligible"]]
    [got] = query(
        warehouse,
        """
        select
            cast(sum(attempts) as bigint) as attempts,
            cast(sum(failed_attempts) as bigint) as failed,
            sum(model_cost_usd) as cost_usd
        from marts.agent_health_hourly
        """,
    )
    assert got["attempts"] == sum(row["attempts"] for row in rows)
    assert got["failed"] == sum(row["attempts_failed"] for row in rows)
    cost_usd = sum(row["cost_micros"] for row in rows) / 1_000_000
    assert math.isclose(got["cost_usd"], cost_usd)


def test_agents_and_intents_are_counted_as_planned(
    month: Month, warehouse: Path
) -> None:
    agents: dict[Key, int] = defaultdict(int)
    for row in month.rows("sessions"):
        if row["is_production"]:
            key = (row["agent_name"] or "unknown", row["agent_version"] or "unknown")
            agents[key] += 1
    intents: dict[str, int] = defaultdict(int)
    for row in month.rows("cases"):
        intents[row["intent"] or "unknown"] += 1
    got = query(
        warehouse,
        "select agent_name, agent_version, session_count from marts.dim_agents",
    )
    assert {(r["agent_name"], r["agent_version"]): r["session_count"] for r in got} == (
        agents
    )
    got = query(
        warehouse,
        "select intent, case_count from marts.dim_intents where case_count > 0",
    )
    assert {row["intent"]: row["case_count"] for row in got} == intents
