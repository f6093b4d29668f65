"""The marts of two DuckDB files, compared table by table and row by row.

Rows are the same if they agree on the grain that the manifest states; without one, or
where it does not hold, a row is its own key. Values are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration import project

# who loaded and when: it differs between two loads of the same files
BY_LOAD = frozenset({"load_id", "last_loaded_at"})
SHOWN = 3

Layout = dict[str, str]
Values = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A row that moved: its key, and of each column that moved both values."""

    what: str
    key: Values
    moved: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass
class Difference:
    """How a mart differs between two files; `grain` is empty where rows have none."""

    table: str
    status: str = "kept"
    rows: tuple[int, int] = (0, 0)
    grain: tuple[str, ...] = ()
    columns: list[str] = field(default_factory=list)
    came: int = 0
    gone: int = 0
    changed: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        """Whether anything differs at all."""
        return bool(
            self.status != "kept"
            or self.columns
            or self.came
            or self.gone
            or self.changed
        )


def compare(
    base: Path, head: Path, grains: Mapping[str, Sequence[str]]
) -> list[Difference]:
    """Every mart of either file, in order of its name, and how it differs."""
    limit = {"memory_limit": project.memory_limit()}
    with duckdb.connect(config=limit) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, path in (("base", base), ("head", head)):
            text = str(path).replace("'", "''")
            connection.execute(f"attach '{text}' as {name} (read_only)")
        tables = {side: _layouts(connection, side) for side in ("base", "head")}
        names = sorted(tables["base"].keys() | tables["head"].keys())
        return [
            _compare(
                connection,
                Difference(name, grain=tuple(grains.get(name, ()))),
                tables["base"].get(name),
                tables["head"].get(name),
            )
            for name in names
        ]


def stated_grains(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The grain of each model, as its tests state it: a key, or a set of columns."""
    nodes = manifest["nodes"]
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes.values():
        about = node.get("test_metadata")
        model = nodes.get(node.get("attached_node") or "")
        if about is None or model is None:
            continue
        columns = _grain_of(about["name"], about["kwargs"])
        if columns and (about["name"] != "unique" or model["name"] not in found):
            found[model["name"]] = columns
    return found


def _grain_of(test: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    if arguments.get("grain"):
        grain = arguments["grain"]
        return (grain,) if isinstance(grain, str) else tuple(grain)
    if test == "unique_combination":
        return tuple(arguments["columns"])
    return (arguments["column_name"],) if test == "unique" else ()


def _layouts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, Layout]:
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = $database and schema_name = 'marts' "
        "order by table_name, column_index",
        {"database": database},
    ).fetchall()
    found: dict[str, Layout] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _compare(
    connection: duckdb.DuckDBPyConnection,
    found: Difference,
    base: Layout | None,
    head: Layout | None,
) -> Difference:
    found.rows = (
        _count(connection, "base", found.table) if base else 0,
        _count(connection, "head", found.table) if head else 0,
    )
    if base is None or head is None:
        found.status = "added" if base is None else "removed"
        return found
    found.columns = list(_moved_columns(base, head))
    shared = {
        name: base[name] == kind
        for name, kind in head.items()
        if name in base and name not in BY_LOAD
    }
    if not _is_key(connection, found, shared):
        found.grain = ()
        _compare_whole_rows(connection, found, shared)
    else:
        _compare_by_key(connection, found, shared)
    return found


def _moved_columns(base: Layout, head: Layout) -> Iterator[str]:
    for name, kind in head.items():
        if name not in base:
            yield f"`{name}` added ({kind.lower()})"
        elif base[name] != kind:
            yield f"`{name}` was {base[name].lower()}, is {kind.lower()}"
    for name, kind in base.items():
        if name not in head:
            yield f"`{name}` removed ({kind.lower()})"


def _is_key(
    connection: duckdb.DuckDBPyConnection,
    found: Difference,
    shared: Mapping[str, bool],
) -> bool:
    """Whether the stated grain tells the rows of both files apart."""
    if not found.grain or not shared.keys() >= set(found.grain):
        return False
    keys = ", ".join(map(_name, found.grain))
    return all(
        connection.execute(
            f"select count(*) from (select {keys} from {_place(side, found.table)} "
            "group by all having count(*) > 1)"
        ).fetchone()
        == (0,)
        for side in ("base", "head")
    )


def _compare_by_key(
    connection: duckdb.DuckDBPyConnection,
    found: Difference,
    shared: Mapping[str, bool],
) -> None:
    values = [name for name in shared if name not in found.grain]
    flags = {
        name: f"({_value('b', name, same)} is distinct from {_value('h', name, same)})"
        for name, same in shared.items()
        if name in values
    }
    joined = (
        f"(select *, true as is_there from {_place('base', found.table)}) as b "
        f"full join (select *, true as is_there from {_place('head', found.table)}) "
        "as h on "
        + " and ".join(
            f"{_value('b', name, shared[name])} is not distinct from "
            f"{_value('h', name, shared[name])}"
            for name in found.grain
        )
    )
    both = "b.is_there and h.is_there"
    any_moved = " or ".join(flags.values()) or "false"
    counts = connection.execute(
        "select count_if(b.is_there is null), count_if(h.is_there is null), "
        f"count_if({both} and ({any_moved}))"
        + "".join(f", count_if({both} and {flag})" for flag in flags.values())
        + f" from {joined}"
    ).fetchone()
    found.came, found.gone, found.changed = counts[:3]
    moved = zip(flags, counts[3:], strict=True)
    found.moved = {name: count for name, count in moved if count}
    for what, condition in (
        ("changed", f"{both} and ({any_moved})"),
        ("came", "b.is_there is null"),
        ("gone", "h.is_there is null"),
    ):
        found.examples += _examples(
            connection, found, what, f"{joined} where {condition}"
        )


def _examples(
    connection: duckdb.DuckDBPyConnection, found: Difference, what: str, source: str
) -> Iterator[Example]:
    keys = [f"coalesce(b.{_name(it)}, h.{_name(it)})" for it in found.grain]
    moved = list(found.moved) if what == "changed" else []
    pairs = [f"{side}.{_name(name)}" for name in moved for side in ("b", "h")]
    rows = connection.execute(
        f"select {', '.join([*keys, *pairs])} from {source} "
        f"order by {', '.join(keys)} limit {SHOWN}"
    ).fetchall()
    for row in rows:
        key = dict(zip(found.grain, row, strict=False))
        both = row[len(keys) :]
        sides = zip(moved, both[::2], both[1::2], strict=True)
        yield Example(
            what, key, {name: (was, now) for name, was, now in sides if was != now}
        )


def _compare_whole_rows(
    connection: duckdb.DuckDBPyConnection,
    found: Difference,
    shared: Mapping[str, bool],
) -> None:
    def only(side: str, other: str) -> int:
        chosen = {
            it: ", ".join(_value(it, name, same) for name, same in shared.items())
            for it in (side, other)
        }
        left, right = (
            f"select {chosen[it]} from {_place(it, found.table)} as {it}"
            for it in (side, other)
        )
        query = f"select count(*) from ({left} except all {right})"
        return connection.execute(query).fetchone()[0]

    if shared:
        found.came, found.gone = only("head", "base"), only("base", "head")


def _value(side: str, name: str, is_same_type: bool) -> str:
    """A column; of a column whose type is another now, its text."""
    column = f"{side}.{_name(name)}"
    return column if is_same_type else f"cast({column} as varchar)"


def _count(connection: duckdb.DuckDBPyConnection, side: str, table: str) -> int:
    query = f"select count(*) from {_place(side, table)}"
    return connection.execute(query).fetchone()[0]


def _place(side: str, table: str) -> str:
    return f"{side}.marts.{_name(table)}"


def _name(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
