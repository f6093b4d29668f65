"""Columns that are masked on Snowflake: each carries the tag that its YAML declares.

`meta: {privacy: ...}` on a column of a source or model says that it is about customers
or that anything may be written in it. The policy of the tag masks it for every role but
those that load and build. Setting a tag twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.snowflake.grants import Cursor

RAW = "RAW"
TAG = "GOVERNANCE.PRIVACY"


class MaskingError(Exception):
    """A column that must be masked has not the tag by which it would be."""


@dataclass(frozen=True, order=True)
class PrivateColumn:
    """A column with its schema and table, upper case, and the value of its tag."""

    schema: str
    table: str
    name: str
    privacy: str

    def address(self, database: str, schema: str | None = None) -> str:
        """Its full name, in its own schema or in one that holds copies."""
        return ".".join((database, schema or self.schema, self.table, self.name))


def declared(manifest: Path, schema: str) -> list[PrivateColumn]:
    """The private columns of a schema, as the dbt project declares them."""
    told = json.loads(manifest.read_bytes())
    return sorted(
        PrivateColumn(schema, relation.upper(), column.upper(), privacy)
        for relation, columns in _relations(told, schema)
        for column, said in columns.items()
        if (privacy := ((said.get("config") or {}).get("meta") or {}).get("privacy"))
    )


def _relations(
    told: Mapping[str, Any], schema: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for source in told["sources"].values():
        if source["schema"].upper() == schema:
            yield source["identifier"], source["columns"]
    for node in told["nodes"].values():
        if node["resource_type"] == "model" and node["schema"].upper() == schema:
            yield node["alias"], node["columns"]


def untagged(
    cursor: Cursor,
    database: str,
    columns: list[PrivateColumn],
    *,
    published: tuple[str, str] | None = None,
) -> list[str]:
    """Which of some columns lack their tag, with the statement that sets it.

    `published` names the database and schema of their copies, where these are meant.
    """
    if not columns:
        return []
    tag = f"{database}.{TAG}"
    place = published or (database, None)
    asked = ", ".join(
        f"system$get_tag('{tag}', '{column.address(*place)}', 'column')"
        for column in columns
    )
    cursor.execute(f"select {asked}")
    (values,) = cursor.fetchall()
    return [
        f"alter table {column.address(*place).rpartition('.')[0]} modify column "
        f"{column.name} set tag {tag} = '{column.privacy}'"
        for column, value in zip(columns, values, strict=True)
        if value != column.privacy
    ]


def tag(cursor: Cursor, database: str, columns: list[PrivateColumn]) -> None:
    """Gives each column the tag that it lacks; the role in use owns the tables."""
    for statement in untagged(cursor, database, columns):
        cursor.execute(statement)


def check(
    cursor: Cursor, database: str, columns: list[PrivateColumn], place: tuple[str, str]
) -> None:
    """Raises MaskingError unless each copy of a private column has its tag."""
    lacking = untagged(cursor, database, columns, published=place)
    if lacking:
        raise MaskingError(
            "columns that must be masked have no tag: readers would see them:\n  "
            + "\n  ".join(lacking)
        )
