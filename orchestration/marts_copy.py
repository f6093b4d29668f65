"""Copies the marts of a warehouse into the draft of a publication.

A draft may begin as the file that readers have. Where the build worked on a batch, most
of it is right already: of a mart whose rows a batch replaces by key, only those of what
the build touched are copied. All other marts are small, or were built whole anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

MARTS = "marts"
_TOUCHED = "intermediate.int_nodes_touched"

Keys = Mapping[str, str]
Connection = duckdb.DuckDBPyConnection


def declared(manifest: Path) -> dict[str, str]:
    """The marts in which a batch replaces rows by key, and the column of the key."""
    configs = [
        (node["name"], node["config"])
        for node in json.loads(manifest.read_bytes())["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == MARTS
    ]
    return {
        name: config["unique_key"]
        for name, config in configs
        if config["incremental_strategy"] == "by_touched_node"
    }


def follows(
    connection: Connection, warehouse: str, before: str | None, build_id: str | None
) -> bool:
    """Whether a build worked on a batch and came right after the build `before`.

    `warehouse` is what the connection calls it. Only then is what the build touched,
    which is kept until the next one, all that changed since. A build that failed in
    between changed nothing else: the next complete one does its work again, whole.
    """
    if before is None or build_id is None or not _is_recorded(connection, warehouse):
        return False
    last = connection.execute(
        f"select build_id, is_full from {warehouse}.intermediate.builds "
        "order by build_number desc limit 2"
    ).fetchall()
    return [found for found, _ in last] == [build_id, before] and not last[0][1]


def copy_marts(connection: Connection, names: Iterable[str], keys: Keys) -> None:
    """Makes the draft hold these marts as the warehouse does, and no other table.

    `connection` is open on the draft and has the warehouse as `warehouse`. `keys` has,
    of the marts that the draft holds as they were before the build, the column by which
    the build replaced rows.
    """
    kept = {
        name: key
        for name, key in keys.items()
        if _columns(connection, name) == _columns(connection, name, "warehouse")
    }
    for name in _held(connection):
        if name not in kept:
            connection.execute(f"drop table {MARTS}.{quoted(name)}")
    for name in names:
        table = f"{MARTS}.{quoted(name)}"
        if name in kept:
            _renew(connection, table, quoted(kept[name]))
        else:
            connection.execute(f"create table {table} as from warehouse.{table}")


def _renew(connection: Connection, table: str, key: str) -> None:
    """Replaces the rows of what was touched; the others are not read, but for a key.

    Rows that a condition names by their number are found without a scan of the rest.
    """
    touched = f"{key} in (select node_key from warehouse.{_TOUCHED})"
    connection.execute(f"delete from {table} where {touched}")
    connection.execute(
        f"insert into {table} by name from warehouse.{table} "
        f"where rowid in (select rowid from warehouse.{table} where {touched})"
    )


def _is_recorded(connection: Connection, warehouse: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = $warehouse "
        "and schema_name = 'intermediate' "
        "and table_name in ('builds', 'int_nodes_touched')",
        {"warehouse": warehouse},
    ).fetchone()
    return found == (2,)


def _held(connection: Connection) -> list[str]:
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = current_database() and schema_name = $schema",
        {"schema": MARTS},
    ).fetchall()
    return [name for (name,) in rows]


def _columns(
    connection: Connection, name: str, database: str | None = None
) -> list[tuple]:
    """Columns of a table in order, each with its type; none where there is no table."""
    return connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = coalesce($database, current_database()) "
        "and schema_name = $schema and table_name = $name order by column_index",
        {"database": database, "schema": MARTS, "name": name},
    ).fetchall()


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'
