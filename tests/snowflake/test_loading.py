"""Loading into Snowflake leaves the tables that loading into DuckDB leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestration.loading import FEEDS, load_all
from orchestration.loading.report import LoadReport
from orchestration.loading.snowflake_store import SnowflakeStore
from orchestration.loading.warehouse import raw_tables
from orchestration.snowflake.connection import connect
from tests.loading.support import (
    AUDIT,
    EVENT,
    NOW,
    SAMPLES,
    SETTINGS,
    SURVEY,
    TICKET,
    Landing,
)
from tests.snowflake.support import Server

# when a load ran, which no two loads share
CLOCK = ("_loaded_at", "rejected_at", "started_at", "finished_at")


@dataclass
class Twins:
    """One landing, loaded into DuckDB and into Snowflake."""

    landing: Landing
    store: SnowflakeStore

    def load(self, *, replay: bool = False) -> LoadReport:
        """Loads into both and proves that reports and tables are equal."""
        ducks = self.landing.load(replay=replay)
        snows = self.load_snowflake(replay=replay)
        assert told(snows) == told(ducks)
        self.prove_equal()
        return snows

    def load_snowflake(self, *, replay: bool = False) -> LoadReport:
        """Loads into Snowflake alone, under the number of the landing's last load."""
        return load_all(
            self.landing.root,
            self.store,
            SETTINGS,
            f"load-{self.landing.loads}",
            NOW,
            replay=replay,
        )

    def prove_equal(self) -> None:
        """Compares every raw table, row for row."""
        for table, columns in raw_tables().items():
            assert self.rows(table) == ducks_rows(self.landing, table), table

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """The rows of a table in Snowflake, sorted, without the clock."""
        return comparable(raw_tables()[table], self.store.run(selection(table)))


def ducks_rows(landing: Landing, table: str) -> list[tuple[object, ...]]:
    """The rows of a table in DuckDB, sorted, without the clock."""
    rows = landing.connection.execute(selection(table)).fetchall()
    return comparable(raw_tables()[table], rows)


def selection(table: str) -> str:
    """A query of a whole table; moments as text, which both write alike."""
    listed = (
        f"cast({column} as varchar)" if kind == "timestamp" else f'"{column.upper()}"'
        for column, kind in raw_tables()[table]
        if column not in CLOCK
    )
    return f"select {', '.join(listed)} from {table}"


def comparable(
    columns: tuple[tuple[str, str], ...], rows: list[tuple[object, ...]]
) -> list[tuple[object, ...]]:
    """Rows in an order of their own, JSON as what it says."""
    kinds = [kind for column, kind in columns if column not in CLOCK]
    return sorted(
        (
            tuple(
                json.loads(value) if kind == "json" and value is not None else value
                for value, kind in zip(row, kinds, strict=True)
            )
            for row in rows
        ),
        key=repr,
    )


def told(report: LoadReport) -> dict[str, list[object]]:
    """What a report says of each file."""
    return {name: feed.files for name, feed in report.feeds.items()}


@pytest.fixture(scope="module")
def database(snowflake_server: Server) -> str:
    """A database for these tests."""
    snowflake_server.run("create or replace database LOADING")
    return "LOADING"


@pytest.fixture
def twins(tmp_path: Path, snowflake_server: Server, database: str) -> Iterator[Twins]:
    """An empty landing, and empty raw tables on both sides."""
    snowflake_server.run("drop schema if exists RAW cascade", database=database)
    connection = connect("LOADER", snowflake_server.environment(database))
    with connection:
        yield Twins(Landing(tmp_path / "landing"), SnowflakeStore(connection))


def test_all_feeds_land_as_they_do_in_duckdb(twins: Twins) -> None:
    for feed, sample in SAMPLES.items():
        twins.landing.put(f"{feed}/a.jsonl.gz", [sample, "nonsense", sample])
    twins.load()
