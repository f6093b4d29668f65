"""The loader beside the engine's own typed reader, on the same files.

`python -m benchmarks.loading engine|loader <landing> <database>` does one of both: the
engine reads the lines with the types of the contract straight into the raw tables; the
loader does what it does on any day. Both end when all is in the file.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import project
from orchestration.loading import create_raw_tables, load_all
from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.settings import LoadSettings
from simulator.landing import FEEDS as LANDED

# Times with a zone, or seconds, milliseconds, nanoseconds since 1970, as in the floor.
MOMENT = """case
    when {name}[5:5] = '-' then cast(cast({name} as timestamptz) as timestamp)
    when length({name}) <= 10 then make_timestamp(cast({name} as bigint) * 1000000)
    when length({name}) <= 13 then make_timestamp(cast({name} as bigint) * 1000)
    else make_timestamp(cast({name} as bigint) // 1000)
end"""


def read_by_engine(landing: Path, database: Path) -> None:
    """All lines by `read_json`, typed, into the raw tables."""
    create_raw_tables(database)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set memory_limit = '{project.memory_limit()}'")
        connection.execute("set TimeZone = 'UTC'")
        for feed in LANDED:
            if any((landing / feed).glob("*.jsonl")):
                _read(connection, FEEDS[feed], landing)


def _read(connection: duckdb.DuckDBPyConnection, feed: Feed, landing: Path) -> None:
    kinds = dict(feed.columns)
    said = {field.name: kinds[field.name] for field in feed.fields}
    read = {
        name: "varchar" if kind == "timestamp" else kind for name, kind in said.items()
    }
    values = [
        MOMENT.format(name=f'"{name}"') if kind == "timestamp" else f'"{name}"'
        for name, kind in said.items()
    ]
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in read.items())
    listed = ", ".join(f'"{name}"' for name in said)
    connection.execute(
        f"insert into {feed.table} ({listed}) select {', '.join(values)} "
        "from read_json($files, format = 'newline_delimited', "
        f"columns = {{{columns}}})",
        {"files": str(landing / feed.name / "*.jsonl")},
    )


def load(landing: Path, database: Path) -> None:
    """All lines by the loader."""
    settings = LoadSettings(b"a key of the benchmark")
    now = datetime.now(UTC)
    load_all(landing, database, settings, "load-benchmark", now, list(LANDED))


def records(database: Path) -> int:
    """Records that were read: rows that stand, and those that others replaced."""
    tables = " + ".join(f"(select count(*) from {FEEDS[it].table})" for it in LANDED)
    with duckdb.connect(str(database), read_only=True) as connection:
        (count,) = connection.execute(
            f"select {tables} + (select coalesce(sum(records - loaded + replaced), 0) "
            "from raw.load_history)"
        ).fetchone()
    return int(count)


if __name__ == "__main__":
    {"engine": read_by_engine, "loader": load}[sys.argv[1]](
        Path(sys.argv[2]), Path(sys.argv[3])
    )
