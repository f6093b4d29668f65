"""The loader is timed against a reader that reads the same records, typed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.load import Load
from benchmarks.loading import read_by_engine, records
from orchestration.loading.contracts import FEEDS
from simulator.landing import FEEDS as LANDED
from tests.benchmarks.conftest import FILES, Built


@pytest.fixture(scope="session")
def engine(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("engine") / "loaded.duckdb"
    read_by_engine(built.landing, database)
    return database


def test_both_read_every_record(built: Built, engine: Path, load: Load) -> None:
    landed = sum(load.count(feed, 0, FILES) for feed in load.records)
    assert records(engine) == landed
    assert records(built.warehouse) == landed


@pytest.mark.parametrize("feed", LANDED)
def test_every_row_that_stands_was_read(built: Built, engine: Path, feed: str) -> None:
    contract = FEEDS[feed]
    # all of one system, which no line of the load names
    identity = [name for name in contract.identity if name != "source_system"]
    names = dict.fromkeys((*identity, *contract.times))
    listed = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built.warehouse}' as loader (read_only)")
        connection.execute(f"attach '{engine}' as engine (read_only)")
        (unread,) = connection.execute(
            f"select count(*) from (select {listed} from loader.{contract.table} "
            f"except select {listed} from engine.{contract.table})"
        ).fetchone()
        (identities, kept) = connection.execute(
            f"select (select count(*) from (select distinct "
            f"{', '.join(identity)} from engine.{contract.table})), "
            f"(select count(*) from loader.{contract.table})"
        ).fetchone()
    assert unread == 0
    assert identities == kept > 0
