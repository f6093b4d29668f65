"""Staging holds against figures by a program that shares no code with it."""

from __future__ import annotations

import duckdb
import pytest

from tests.real_data.tau2_figures import NOT_IN_THE_WAREHOUSE, figures

ALL = "__all_tau2_files__"
# the rates and times of the independent program are rounded to six digits
ROUNDING = 1e-6

Expected = dict[str, dict[str, object]]


def test_the_headline_figures_are_those_of_the_benchmark(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = figures(warehouse, "")

    assert found["simulations"] == 626
    assert found["transferred"] == 152
    assert found["agent_tool_calls"] == 4755
    assert found["agent_tool_errors"] == 110
    assert [found[f"arr_{letter}"] for letter in "ABCD"] == [343, 258, 250, 235]
    assert found["duration_mean"] == pytest.approx(72.654772, abs=ROUNDING)
    assert found["duration_n"] == 462
    assert found["user_tool_calls"] == 607
    assert found["duplicate_call_ids"] == 546
    assert found["closing_TRANSFER_without_transfer_call"] == 60
    assert found["agent_cost_sum"] == pytest.approx(31.735291, abs=ROUNDING)


def test_every_figure_of_the_17_files_is_found_in_the_warehouse(
    warehouse: duckdb.DuckDBPyConnection, expected: Expected
) -> None:
    files = [name for name in expected if name.startswith("tau2/")]

    assert len(files) == 17
    assert _differences(warehouse, expected, [*files, ALL]) == []


def test_every_figure_of_the_runs_with_an_event_log_is_found_in_the_warehouse(
    event_log_runs: duckdb.DuckDBPyConnection, expected: Expected
) -> None:
    files = [name for name in expected if name.startswith("agent_events/")]

    assert len(files) == 3
    assert _differences(event_log_runs, expected, files) == []


def test_no_simulation_was_loaded_twice(
    warehouse: duckdb.DuckDBPyConnection, expected: Expected
) -> None:
    counted = warehouse.execute(
        "select sum(records), sum(loaded), sum(duplicates) + sum(replaced) "
        "from raw.load_history where feed = 'tau2_runs'"
    ).fetchone()

    assert counted == (626, 626, expected[ALL]["simulation_ids_in_more_than_one_place"])


def test_the_cost_of_the_model_calls_adds_up_to_the_cost_of_each_session(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    unequal = warehouse.execute("""
        select sessions.session_id
        from staging.stg_tau2_runs__sessions as sessions
        left join staging.stg_tau2_runs__events as events
            on sessions.session_id = events.session_id
        group by sessions.session_id, sessions.agent_cost_usd
        having
            abs(coalesce(sum(events.cost_usd), 0) - coalesce(agent_cost_usd, 0)) > 1e-9
    """).fetchall()

    assert unequal == []


def test_order_and_time_never_disagree_within_a_session(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    disagreeing = warehouse.execute("""
        select event_id from staging.stg_tau2_runs__events
        where action_type != 'session_started'
        qualify occurred_at < lag(occurred_at) over (
            partition by session_id order by sequence
        )
    """).fetchall()

    assert disagreeing == []


def test_sessions_without_usable_times_stay_and_are_counted(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select is_time_known, count(distinct session_id)
        from staging.stg_tau2_runs__events group by all order by all
    """).fetchall()

    assert counted == [(False, 164), (True, 462)]


def test_a_session_is_handed_over_once_however_often_the_tool_is_called(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    counted = warehouse.execute("""
        select reason_detail, count(*), count(distinct escalation_id)
        from staging.stg_tau2_runs__events where action_type = 'escalated'
        group by all order by all
    """).fetchall()

    assert counted == [
        ("agent_transfer_tool", 587, 152),
        ("customer_closing_marker", 60, 60),
    ]


def test_no_words_reach_the_warehouse(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    held = warehouse.execute("""
        select count(*) from raw.tau2_runs
        where
            contains(messages, '"content"') or contains(messages, '"arguments"')
            or contains(reward_info, '"justification"')
    """).fetchone()

    assert held == (0,)


def _differences(
    connection: duckdb.DuckDBPyConnection, expected: Expected, files: list[str]
) -> list[str]:
    """Every figure that is not the expected one, as `file: figure: wanted, found`."""
    differences = []
    for file in files:
        found = figures(connection, "" if file == ALL else f"/{file.split('/')[1]}")
        wanted = {
            figure: value
            for figure, value in expected[file].items()
            if figure not in NOT_IN_THE_WAREHOUSE
            and figure != "simulation_ids_in_more_than_one_place"
        }
        differences += [
            f"{file}: {figure}: wanted {value}, found {found.get(figure)}"
            for figure, value in wanted.items()
            if not _is_same(value, found.get(figure))
        ]
    return differences


def _is_same(wanted: object, found: object) -> bool:
    if isinstance(wanted, float) and isinstance(found, float):
        return abs(wanted - found) <= ROUNDING
    return wanted == found
