"""Incidents of a real audit trail become the tickets of a people's helpdesk."""

from __future__ import annotations

import duckdb
import pytest

SOLVED = """
    select
        ticket_id,
        min(case when event_type = 'created' then occurred_at end) as opened_at,
        max(case when event_type = 'reopened' then occurred_at end) as reopened_at,
        max(case when event_type = 'solved' then occurred_at end) as solved_at
    from staging.stg_servicenow_incidents__events
    group by all
"""
STATED = """
    select
        number,
        any_value(resolved_at) as stated_at,
        count(distinct resolved_at) as statements
    from staging.stg_servicenow_incidents__updates
    group by all
"""


def test_every_row_of_the_export_is_an_update(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select count(*), count(distinct number), count(distinct update_key)
        from staging.stg_servicenow_incidents__updates
    """).fetchone()

    assert counted == (101_045, 17_136, 101_045)


def test_every_incident_is_opened_and_closed_and_some_are_reopened(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select event_type, count(*), count(distinct ticket_id)
        from staging.stg_servicenow_incidents__events group by all
    """).fetchall()

    assert {event_type: counts for event_type, *counts in counted} == {
        "created": [17_136, 17_136],
        "assigned": [17_108, 17_108],
        "reassigned": [17_645, 8_352],
        "solved": [17_376, 17_133],
        "closed": [17_143, 17_136],
        "reopened": [243, 202],
    }


def test_the_mean_of_the_stated_resolutions_is_that_of_the_file(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted, hours = warehouse.execute(f"""
        select count(*), avg(epoch(solved.solved_at - solved.opened_at)) / 3600
        from ({SOLVED}) as solved
        inner join ({STATED}) as stated on solved.ticket_id = stated.number
        where stated.stated_at is not null
    """).fetchone()

    assert counted == 15_906
    assert hours == pytest.approx(197.33, abs=0.005)


def test_a_stated_resolution_is_the_last_one_of_its_incident(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    odd = warehouse.execute(f"""
        select solved.ticket_id
        from ({SOLVED}) as solved
        inner join ({STATED}) as stated on solved.ticket_id = stated.number
        where
            stated.statements > 1
            or stated.stated_at != solved.solved_at
            or stated.stated_at < solved.reopened_at
    """).fetchall()

    assert odd == []


def test_what_is_reopened_had_been_solved_or_closed_before(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    odd = warehouse.execute("""
        select ticket_id, event_type, previous_type
        from (
            select
                *,
                lag(event_type) over (
                    partition by ticket_id order by occurred_at, event_id
                ) as previous_type
            from staging.stg_servicenow_incidents__events
            where event_type in ('solved', 'closed', 'reopened')
        )
        where
            event_type = 'reopened'
            and coalesce(previous_type, '') not in ('solved', 'closed')
    """).fetchall()

    assert odd == []


def test_reopenings_are_those_the_system_counted(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    flipped, counted = warehouse.execute("""
        select
            count(distinct number) filter (
                where
                    previous_state in ('resolved', 'closed')
                    and state not in ('resolved', 'closed')
            ),
            count(distinct number) filter (where reopenings > 0)
        from (
            select
                *,
                lag(state) over (
                    partition by incident_key order by update_number
                ) as previous_state
            from staging.stg_servicenow_incidents__updates
        )
    """).fetchone()

    assert (flipped, counted) == (203, 202)


def test_no_customer_is_named_after_the_raw_layer(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    named = warehouse.execute("""
        select count(*) from staging.stg_servicenow_incidents__events
        where contains(customer_key, 'Caller') or contains(actor_id, 'Caller')
    """).fetchone()

    assert named == (0,)
