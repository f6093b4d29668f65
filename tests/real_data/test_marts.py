"""What the marts say of real runs and real incidents, and how far it is from arr_B."""

from __future__ import annotations

import duckdb
import pytest

from tests.real_data.tau2_figures import figures

KPIS = """
    select kpi, sum(numerator), sum(denominator) from marts.kpi_daily
    where kpi in (
        'autonomous_resolution_rate',
        'autonomous_resolution_rate_upper',
        'containment_rate',
        'escalation_rate',
        'evidence_coverage'
    )
    group by all
"""
RUNS = "select * from marts.fct_cases where source_system = 'tau2'"


def test_every_simulation_is_one_session_and_one_case(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sessions, cases, linked = warehouse.execute("""
        select count(*), count(distinct case_key), count(link_rule)
        from marts.fct_sessions where source_system = 'tau2'
    """).fetchone()

    assert (sessions, cases, linked) == (626, 626, 0)


def test_a_simulation_that_broke_before_it_began_is_not_handled(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute(f"""
        select count(*), count_if(is_involved), count_if(is_handled) from ({RUNS})
    """).fetchone()

    assert counted == (626, 625, 625)


def test_strictly_nothing_is_proven_and_189_runs_could_be(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = {kpi: counts for kpi, *counts in warehouse.execute(KPIS).fetchall()}

    assert found == {
        "autonomous_resolution_rate": [0, 625],
        "autonomous_resolution_rate_upper": [189, 625],
        "containment_rate": [413, 625],
        "escalation_rate": [212, 625],
        "evidence_coverage": [0, 625],
    }


def test_what_stands_between_a_run_and_a_proven_resolution(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute(f"""
        select first_blocker, count(*) from ({RUNS}) where is_handled group by all
    """).fetchall()

    assert dict(counted) == {"human": 212, "policy": 109, "action": 115, "intent": 189}


def test_where_the_runs_of_arr_b_are_lost(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    figures(warehouse, "")

    counted = warehouse.execute(f"""
        select cases.first_blocker, cases.action_leg, count(*)
        from figure_sessions as simulations
        inner join ({RUNS}) as cases on simulations.session_id = cases.case_id
        where simulations.is_arr_b
        group by all
    """).fetchall()

    assert {(blocker, leg): runs for blocker, leg, runs in counted if runs} == {
        ("human", "pass"): 11,
        ("human", "none"): 12,
        ("action", "none"): 43,
        ("action", "fail"): 4,
        ("intent", "pass"): 188,
    }


def test_an_escalation_of_a_run_is_one_row_without_a_reason(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select reason_detail, initiated_by, reason_code, count(*)
        from marts.fct_escalations group by all order by all
    """).fetchall()

    assert counted == [
        ("agent_transfer_tool", "ai_agent", "unstated", 152),
        ("customer_closing_marker", "customer", "unstated", 60),
    ]


def test_runs_without_usable_times_are_in_no_handling_time(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute(f"""
        select
            simulations.is_time_known,
            count(*),
            count(cases.handling_seconds)
        from ({RUNS}) as cases
        inner join staging.stg_tau2_runs__sessions as simulations
            on cases.case_id = simulations.session_id
        group by all order by all
    """).fetchall()

    assert [row[:2] for row in counted] == [(False, 164), (True, 462)]
    assert counted[0][2] == 0
    assert counted[1][2] > 0


def test_incidents_are_peoples_cases_and_some_were_reopened(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select
            count(*), count(reopened_at), count_if(has_human_touch),
            count_if(outcome = 'resolved_by_human')
        from marts.fct_cases where not is_involved and source_system != 'tau2'
    """).fetchone()

    assert counted == (17_136, 202, 17_136, 17_136)


def test_the_mean_time_to_a_stated_resolution_is_that_of_the_file(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted, hours = warehouse.execute("""
        select count(*), avg(cases.handling_seconds) / 3600
        from marts.fct_cases as cases
        semi join staging.stg_servicenow_incidents__updates as updates
            on cases.case_id = updates.number and updates.resolved_at is not null
    """).fetchone()

    assert counted == 15_906
    assert hours == pytest.approx(197.33, abs=0.005)
