"""The table at the end: every figure in its unit, every goal met or missed."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report import render

RUN = {
    "seconds": 100.0,
    "cpu_seconds": 150.0,
    "peak_bytes": 5_000_000_000,
    "disk_bytes": 3_000_000_000,
    "records": 5_000,
    "phases": {"start-up": 10.0, "load": 40.0, "models": 50.0},
    "kinds": {"model": (80.0, 53), "test": (20.0, 310)},
    "nodes": [("model.fct_cases", 12.5)],
}


def results(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - figures of any kind
    batch = {**RUN, "seconds": 20.0, "all_seconds": [19.0, 20.0, 25.0]}
    return {
        "machine": {
            **{"at": "2026-03-02T10:00:00+00:00", "git_revision": "abc", "cores": 2},
            **{"memory_bytes": 24 * 2**30, "load_average": 0.5, "python": "3.13"},
            **{"duckdb": "1.5", "dbt-core": "1.12", "dagster": "1.13"},
        },
        "load": {
            "records": {"agent_events": 9_000, "ticket_events": 1_000},
            **{"bytes": 4_000_000_000, "files": 100, "events_per_batch": 90},
            **{"copies": 50, "seconds": 30.0},
        },
        "full": {
            "floor": {**RUN, "seconds": 50.0},
            "pipeline": {**RUN, **changes},
            "ratio": 2.0,
            "counts": {"sessions": 7_000},
        },
        "loading": {
            "engine": {**RUN, "seconds": 50.0},
            "loader": RUN,
            **{"ratio": 2.0, "cpu_ratio": 1.4},
        },
        "batches": {
            "empty": batch,
            "1x": batch,
            "100x": {**batch, "seconds": 25.0},
        },
        "trends": {
            "rows": {"kpi_daily": 1_000_000},
            "rounds": 30,
            "queries": [{"name": "by week", "rows": 157, "p50": 8.0, "p95": 12.0}],
            "p95": 12.0,
        },
    }


def test_every_part_shows() -> None:
    text = render(results())
    for shown in (
        "agent_events 9,000, ticket_events 1,000; 100 files of each feed, 4.00 GB",
        "pipeline    100.0        150.0        100     5.00     3.00",
        "pipeline / floor: 2.00",
        "same in both: sessions 7,000",
        "load         40.0    40%",
        "dbt: 53 models in 80.0 s of a thread, 310 tests in 20.0 s of a thread",
        "12.50  model.fct_cases",
        "engine     50.0        150.0        100     5.00     3.00",
        "loader / engine: 2.00 by the clock, 1.40 of the processor",
        "100x / 1x: 1.25",
        "by week     8.0    12.0   157",
    ):
        assert shown in text


def test_a_part_that_did_not_run_is_left_out() -> None:
    text = render({key: results()[key] for key in ("machine", "load", "trends")})
    assert "Full run" not in text
    assert "floor" not in text
    assert "met     slowest trend query" in text


@pytest.mark.parametrize(
    ("changes", "goal"),
    [
        ({}, "met     full run, times the floor: 2.00, wanted at most 2"),
        ({}, "met     full run, seconds: 100.00, wanted at most 120"),
        ({"seconds": 121.0}, "missed  full run, seconds: 121.00"),
        ({"peak_bytes": 7_000_000_000}, "missed  full run, peak GB: 7.00"),
        ({}, "missed  loader, times the engine's typed reader: 2.00, wanted at most 1"),
        ({}, "met     batch on 1x, seconds: 20.00, wanted at most 30"),
        ({}, "missed  batch on 100x, times 1x: 1.25, wanted at most 1.2"),
    ],
)
def test_goals_are_met_or_missed(changes: dict[str, Any], goal: str) -> None:
    assert goal in render(results(**changes))
