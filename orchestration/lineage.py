"""Column lineage as one page: from which columns each column of a model is worked out.

It is read off the SQL that dbt compiled, by sqlglot. A column counts as a source of
another if its value goes into it; what only joins or filters rows does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

TEMPLATE = Path(__file__).parent / "lineage.html"
DIALECT = "duckdb"
KINDS = ("model", "seed", "snapshot", "source")

Sources = dict[str, list[str]]


def write_page(target: Path) -> Path:
    """Writes the page beside the manifest and catalog of a `dbt docs generate`.

    Returns its path; the columns that no SQL explains have no sources on it.
    """
    manifest = json.loads((target / "manifest.json").read_bytes())
    catalog = json.loads((target / "catalog.json").read_bytes())
    page = target / "column_lineage.html"
    data = json.dumps(tables(manifest, catalog)).replace("</", "<\\/")
    text = TEMPLATE.read_text(encoding="utf-8").replace("{{ tables }}", data)
    page.write_text(text, encoding="utf-8")
    return page


def tables(
    manifest: Mapping[str, Any], catalog: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Every relation with its columns, their descriptions and where they come from.

    Columns are named `relation.column`; a source is named with its schema.
    """
    nodes = {
        name: node
        for name, node in {**manifest["nodes"], **manifest["sources"]}.items()
        if node["resource_type"] in KINDS
    }
    found = {**catalog["nodes"], **catalog["sources"]}
    columns = {
        name: {
            column.lower(): str(about["type"])
            for column, about in found[name]["columns"].items()
        }
        for name in nodes
        if name in found
    }
    shown = {_relation(nodes[name]): _label(nodes[name]) for name in columns}
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name, kinds in columns.items():
        place, table = _relation(nodes[name])
        schema.setdefault(place, {})[table] = kinds
    return {
        _label(nodes[name]): {
            "kind": nodes[name]["resource_type"],
            "description": nodes[name]["description"],
            "columns": {
                column: {
                    "description": _description(nodes[name], column),
                    "sources": sources,
                }
                for column, sources in _sources(
                    nodes[name], list(kinds), schema, shown
                ).items()
            },
        }
        for name, kinds in columns.items()
    }


def _sources(
    node: Mapping[str, Any],
    columns: list[str],
    schema: dict[str, dict[str, dict[str, str]]],
    shown: Mapping[tuple[str, str], str],
) -> Sources:
    nothing: Sources = {column: [] for column in columns}
    code = node.get("compiled_code")
    if not code:
        return nothing
    try:
        query = _without_database(parse_one(code, dialect=DIALECT))
        qualified = qualify(
            query,
            dialect=DIALECT,
            schema=schema,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(qualified)
    except SqlglotError:
        return nothing
    return {
        column: sorted(set(_leaves(column, qualified, scope, shown)))
        for column in columns
    }


def _without_database(query: exp.Expression) -> exp.Expression:
    """The same query: dbt names the database, which differs from target to target."""
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    return query


def _leaves(
    column: str,
    query: exp.Expression,
    scope: Any,  # noqa: ANN401 - sqlglot's scopes have no public type
    shown: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    try:
        root = lineage(
            column, query, schema=None, scope=scope, dialect=DIALECT, trim_selects=False
        )
    except (SqlglotError, ValueError):
        return
    for node in root.walk():
        if not node.downstream and isinstance(node.expression, exp.Table):
            label = shown.get((node.expression.db, node.expression.name))
            if label:
                yield f"{label}.{node.name.rpartition('.')[2]}"


def _relation(node: Mapping[str, Any]) -> tuple[str, str]:
    """Schema and name in the warehouse."""
    return node["schema"], node.get("alias") or node.get("identifier") or node["name"]


def _label(node: Mapping[str, Any]) -> str:
    """What a reader calls it; a source goes with its schema."""
    if node["resource_type"] == "source":
        return f"{node['schema']}.{node['name']}"
    return node["name"]


def _description(node: Mapping[str, Any], column: str) -> str:
    about = node["columns"].get(column) or {}
    return " ".join(about.get("description", "").split())
