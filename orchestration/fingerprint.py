"""A hash over all marts: equal if and only if they say the same.

Rows count in any order and to the last bit of a float. Left out is what tells how
records came rather than what they say: where equal copies of a record lie, in which the
first one counts, how many files and copies there were, and the wall clock; and every
mart with a column `said_at`, which tells what was said when, not what is so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

LINEAGE = frozenset({"file_path", "line_number", "load_id"})
LEFT_OUT = {
    # one file or ten, a record once or twice: how often it came, not what it says
    "feed_health": frozenset(
        {
            "files",
            "records",
            "loaded",
            "replaced",
            "duplicates",
            "rejected",
            "quarantined_files",
            "last_loaded_at",
        }
    ),
}
SAID_AT = "said_at"
ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Fingerprint:
    """The hash over all marts, in hex, and of each mart its rows and its own hash."""

    hash: str
    tables: dict[str, tuple[int, str]]


def fingerprint(warehouse: Path) -> Fingerprint:
    """Hashes the marts of a DuckDB file; raises ValueError where it has none."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        tables = {
            table: _table_hash(connection, row_query(connection, table))
            for table in mart_tables(connection)
        }
    if not tables:
        raise ValueError(f"{warehouse} has no marts: build them first")
    lines = [f"{name} {rows} {digest}\n" for name, (rows, digest) in tables.items()]
    return Fingerprint(hashlib.sha256("".join(lines).encode()).hexdigest(), tables)


def mart_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of the marts that are hashed, in order."""
    rows = connection.execute(
        "select table_name from information_schema.columns "
        "where table_schema = 'marts' group by table_name "
        f"having count_if(column_name = '{SAID_AT}') = 0 order by table_name"
    ).fetchall()
    return [name for (name,) in rows]


def row_query(
    connection: duckdb.DuckDBPyConnection, table: str, database: str | None = None
) -> str:
    """A query that gives each row of a mart as one text, under `row_text`.

    JSON keeps null apart from the word, and writes a float so that it reads back equal.
    """
    place = f'"{database}".marts."{table}"' if database else f'marts."{table}"'
    described = connection.execute(f"describe {place}").fetchall()
    left_out = LINEAGE | LEFT_OUT.get(table, frozenset())
    columns = sorted(row[0] for row in described if row[0] not in left_out)
    packed = ", ".join(f'"{name}" := "{name}"' for name in columns)
    return (
        f"select cast(to_json(struct_pack({packed})) as varchar) row_text from {place}"
    )


def _table_hash(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for text in _texts(connection, f"select md5(row_text) from ({query}) order by 1"):
        digest.update(text.encode())
        count += 1
    return count, digest.hexdigest()


def _texts(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[str]:
    found = connection.execute(query)
    while rows := found.fetchmany(ROWS_AT_ONCE):
        for (text,) in rows:
            yield text
