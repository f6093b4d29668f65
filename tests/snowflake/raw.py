"""Raw tables on the test server, as a DuckDB warehouse holds them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from snowflake.connector.cursor import SnowflakeCursor

from tests.snowflake.support import Server

TYPES = {
    "JSON": "variant",
    "TIMESTAMP": "timestamp_ntz(6)",
    "DOUBLE": "float",
    "BIGINT": "number(38, 0)",
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
}


def copy_raw(server: Server, warehouse: Path, database: str) -> dict[str, int]:
    """Fills the raw tables of a database with what those of `warehouse` hold.

    Makes what is absent, replaces what is there. Returns the number of rows by table.
    """
    counts = {}
    with (
        duckdb.connect(str(warehouse), read_only=True) as held,
        TemporaryDirectory() as folder,
        server.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"create database if not exists {database}")
        cursor.execute(f"create schema if not exists {database}.raw")
        cursor.execute(f"use schema {database}.raw")
        cursor.execute("create stage if not exists landed")
        for table, columns in _columns(held).items():
            listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            cursor.execute(f"create or replace table {table} ({listed})")
            path = Path(folder) / f"{table}.json"
            (counts[table],) = held.execute(
                f"copy raw.{table} to '{path}' (format json)"
            ).fetchone()
            if counts[table]:
                _fill(cursor, table, columns, path)
    return counts


def _columns(held: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = held.execute(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'raw' order by table_name, ordinal_position"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = TYPES[kind]
    return tables


def _fill(
    cursor: SnowflakeCursor, table: str, columns: dict[str, str], path: Path
) -> None:
    cursor.execute(f"create or replace table records_of_{table} (record variant)")
    cursor.execute(f"put file://{path} @landed")
    cursor.execute(
        f"copy into records_of_{table} from @landed/{path.name}.gz "
        "file_format = (type = json)"
    )
    values = ", ".join(
        f"record:{name}" if kind == "variant" else f"record:{name}::{kind}"
        for name, kind in columns.items()
    )
    cursor.execute(f"insert into {table} select {values} from records_of_{table}")
    cursor.execute(f"drop table records_of_{table}")
