"""Warehouses built once from the real data beside the checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support import build_warehouse

AS_OF = "2026-07-01T00:00:00+00:00"
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
    _land(root, "tau2_runs", (shared_data / "tau2").glob("*.json.gz"))
    incidents = (shared_data / "tickets").glob("servicenow_incident*.csv.gz")
    _land(root, "servicenow_incidents", incidents)
    built = build_warehouse(root / "landing", AS_OF, root / "home")
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def event_log_runs(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The staging layer on the three runs that also left an event log."""
    root = tmp_path_factory.mktemp("event_log_runs")
    _land(root, "tau2_runs", (shared_data / "agent_events").glob("*results.json.gz"))
    built = build_warehouse(root / "landing", AS_OF, root / "home", TAU2_STAGING)
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


def _land(root: Path, feed: str, files: Iterable[Path]) -> None:
    folder = root / "landing" / feed
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)
