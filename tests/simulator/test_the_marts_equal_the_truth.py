"""Every figure of the marts is the one that the simulator planned: 0 differences.

``ACSR_SIMULATED_CASES_PER_DAY`` sets the size of the month (40; 700 is the
demonstration's).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.comparing import (
    Month,
    Row,
    differences,
    multiset_differences,
    query,
    told,
)

CUSTOMERS = """
    with landed as (
        select customer_id, customer_key from raw.agent_events
        union
        select customer_id, customer_key from raw.ticket_events
    )
    select customer_id, customer_key from landed where customer_id is not null
"""
NOT_IN_MART = ("scenario", "tallies", "counted_in", "customer_id")


@pytest.fixture(scope="module")
def keys(warehouse: Path) -> dict[str | None, str | None]:
    """The hash of every customer."""
    rows = query(warehouse, CUSTOMERS)
    return {None: None} | {row["customer_id"]: row["customer_key"] for row in rows}


def with_key(row: Row, keys: dict[str | None, str | None]) -> Row:
    """A planned row with the customer's hash, as the marts have it."""
    kept = {name: item for name, item in row.items() if name not in NOT_IN_MART}
    return {**kept, "customer_key": keys[row["customer_id"]]}


def columns(row: Row, *, without: tuple[str, ...] = ()) -> str:
    """The columns of a planned row, for a select."""
    return ", ".join(name for name in row if name not in without)


def test_every_case_is_as_planned(
    month: Month, warehouse: Path, keys: dict[str | None, str | None]
) -> None:
    planned = [with_key(row, keys) for row in month.rows("cases")]
    got = query(warehouse, f"select {columns(planned[0])} from marts.fct_cases")
    found = differences(planned, got, ("case_id", "opened_at"))
    assert not found, told(found, month)


def test_every_session_is_as_planned(
    month: Month, warehouse: Path, keys: dict[str | None, str | None]
) -> None:
    planned = [with_key(row, keys) for row in month.rows("sessions")]
    own = columns(planned[0], without=("case_id",))
    got = query(
        warehouse,
        f"""
        select fct_cases.case_id, sessions.*
        from (select case_key, {own} from marts.fct_sessions) as sessions
        left join marts.fct_cases using (case_key)
        """,
    )
    for row in got:
        del row["case_key"]
    found = differences(planned, got, ("source_system", "session_id"))
    assert not found, told(found, month)


def test_every_escalation_is_as_planned(month: Month, warehouse: Path) -> None:
    """Who began it and why in detail is said by `escalated` events alone."""
    planned = month.rows("escalations")
    got = query(
        warehouse,
        """
        select
            cases.case_id,
            cases.is_eligible,
            escalations.session_id,
            escalations.reason_code,
            escalations.reason_detail,
            escalations.initiated_by,
            escalations.escalated_at,
            escalations.source
        from marts.fct_escalations as escalations
        left join marts.fct_cases as cases on escalations.case_key = cases.case_key
        """,
    )
    for row in got:
        if row["source"] != "escalated":
            row["initiated_by"] = row["reason_detail"] = None
    found = multiset_differences(planned, got)
    assert not found, told(found, month)


def test_every_cell_of_every_kpi_is_as_planned(month: Month, warehouse: Path) -> None:
    planned = month.rows("kpi_cells")
    key = tuple(name for name in planned[0] if name not in ("numerator", "denominator"))
    got = query(
        warehouse,
        f"""
        select
            {", ".join(key)},
            cast(sum(numerator) as double) as numerator,
            cast(sum(denominator) as double) as denominator
        from marts.kpi_daily
        group by all
        having sum(numerator) <> 0 or sum(denominator) <> 0
        """,
    )
    for row in planned:
        row["numerator"] = float(row["numerator"])
        row["denominator"] = float(row["denominator"])
    found = differences(planned, got, key)
    assert not found, told(found, month)


def test_every_kpi_total_is_as_planned(month: Month, warehouse: Path) -> None:
    planned = [
        {name: float(item) if name != "kpi" else item for name, item in row.items()}
        for row in month.rows("kpi_totals")
    ]
    got = query(
        warehouse,
        """
        select
            kpi,
            cast(sum(numerator) as double) as numerator,
            cast(sum(denominator) as double) as denominator
        from marts.kpi_daily
        group by kpi
        """,
    )
    found = differences(planned, got, ("kpi",))
    assert not found, told(found, month)


def test_every_load_count_is_as_planned(month: Month, warehouse: Path) -> None:
    planned = month.rows("loads")
    got = query(
        warehouse,
        """
        select
            feed,
            count(*) as files,
            cast(sum(records) as bigint) as records,
            cast(sum(loaded) as bigint) as loaded,
            cast(sum(replaced) as bigint) as replaced,
            cast(sum(duplicates) as bigint) as duplicates,
            cast(sum(rejected) as bigint) as rejected
        from raw.load_history
        group by feed
        """,
    )
    assert not differences(planned, got, ("feed",))
