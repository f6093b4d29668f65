"""Warehouses built once from the real data beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.real_data.landed import AS_OF, JUDGED, land, land_all, land_audits
from tests.support import build_warehouse

TAU2_STAGING = ("run", "--select", "path:models/staging/tau2_runs")


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, dict[str, object]]:
    """Figures by a separate program that shares no code with this project."""
    return json.loads((shared_data / "expected" / "tau2_open.json").read_text())


@pytest.fixture(scope="session")
def warehouse(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Everything built and tested on the 17 tau2 files and the incidents."""
    root = tmp_path_factory.mktemp("real_data")
    built = build_warehouse(land_all(root, shared_data), AS_OF, root / "home")
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def event_log_runs(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The staging layer on the three runs that also left an event log."""
    root = tmp_path_factory.mktemp("event_log_runs")
    land(root, "tau2_runs", (shared_data / "agent_events").glob("*results.json.gz"))
    built = build_warehouse(root / "landing", AS_OF, root / "home", TAU2_STAGING)
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def event_logs(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The staging layer on the event logs of these runs, without their results."""
    root = tmp_path_factory.mktemp("event_logs")
    land(root, "tau2_runs", (shared_data / "agent_events").glob("*events.jsonl.gz"))
    built = build_warehouse(root / "landing", AS_OF, root / "home", TAU2_STAGING)
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def feeds(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Everything built and tested on spans, helpdesks, audits and the runs audited."""
    root = tmp_path_factory.mktemp("feeds")
    land(root, "otel_spans", (shared_data / "otel").glob("*"))
    land(root, "tau2_runs", [shared_data / "tau2" / JUDGED])
    for helpdesk in ("zendesk", "intercom"):
        tables = shared_data / "tickets" / f"{helpdesk}_seeds"
        land(root, helpdesk, tables.glob("*.csv"))
    land_audits(root, shared_data)
    built = build_warehouse(root / "landing", AS_OF, root / "home")
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection
