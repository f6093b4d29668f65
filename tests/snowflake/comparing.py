"""Two tables of two engines side by side: the same rows, however often each is there.

Everything is compared exactly but floats, which may differ by 1e-9 of their size, or
by 1e-9 where they are small: sums depend on the order of what is added.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import duckdb
from snowflake.connector import SnowflakeConnection
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.cursor import ResultMetadata

TOLERANCE = 1e-9
SHOWN = 10  # differences of one table that are told in full

Row = tuple[object, ...]
Layout = dict[str, str]  # the family of each column's type, in order

_DUCKDB = {
    "BIGINT": "whole number",
    "INTEGER": "whole number",
    "HUGEINT": "whole number",
    "DOUBLE": "float",
    "VARCHAR": "text",
    "JSON": "json",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "time",
}
_SNOWFLAKE = {
    "FIXED": "whole number",
    "REAL": "float",
    "TEXT": "text",
    "VARIANT": "json",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP_NTZ": "time",
}


@dataclass(frozen=True)
class Table:
    """The rows of a table, and what kind of thing each column holds."""

    layout: Layout
    rows: list[Row]


@dataclass
class Comparison:
    """What came of comparing one table."""

    name: str
    rows: int
    differences: list[str] = field(default_factory=list)


def from_duckdb(connection: duckdb.DuckDBPyConnection, name: str) -> Table:
    """A table of DuckDB, named with its schema."""
    found = connection.execute(f"select * from {name}")
    layout = {
        column[0].lower(): _duckdb_family(str(column[1]))
        for column in found.description
    }
    return Table(layout, list(_plain(layout, found.fetchall())))


def from_snowflake(connection: SnowflakeConnection, name: str) -> Table:
    """A table of Snowflake, named with its schema."""
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {name}")
        layout = {column.name.lower(): _family(column) for column in cursor.description}
        return Table(layout, list(_plain(layout, cursor.fetchall())))


def _duckdb_family(kind: str) -> str:
    if decimal := re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", kind):
        return f"decimal with {decimal[1]} digits"
    return _DUCKDB.get(kind, kind)


def _family(column: ResultMetadata) -> str:
    if column.scale and FIELD_ID_TO_NAME[column.type_code] == "FIXED":
        return f"decimal with {column.scale} digits"
    kind = FIELD_ID_TO_NAME[column.type_code]
    return _SNOWFLAKE.get(kind, kind)


def _plain(layout: Layout, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows whose JSON is written in one way, and whose whole numbers are integers."""
    kinds = list(layout.values())
    for row in rows:
        yield tuple(map(_plain_item, kinds, row))


def _plain_item(kind: str, item: object) -> object:
    if kind == "json" and isinstance(item, str):
        return json.dumps(json.loads(item), sort_keys=True)
    if kind == "whole number" and isinstance(item, Decimal):
        return int(item) if item == item.to_integral_value() else item
    return item


def compare(name: str, ours: Table, theirs: Table) -> Comparison:
    """Compares a table of DuckDB with that of Snowflake."""
    found = Comparison(name, len(ours.rows), list(_layouts(ours, theirs)))
    if found.differences:
        return found
    order = list(ours.layout)
    places = [list(theirs.layout).index(column) for column in order]
    others = [tuple(row[place] for place in places) for row in theirs.rows]
    is_float = [kind == "float" for kind in ours.layout.values()]
    floats = [place for place, loose in enumerate(is_float) if loose]
    exact = [place for place, loose in enumerate(is_float) if not loose]
    only_ours, only_theirs = unmatched(ours.rows, others, exact, floats)
    found.differences += _told(order, only_ours, only_theirs)
    return found


def _layouts(ours: Table, theirs: Table) -> Iterator[str]:
    for column in ours.layout.keys() - theirs.layout.keys():
        yield f"column {column} is missing on Snowflake"
    for column in theirs.layout.keys() - ours.layout.keys():
        yield f"column {column} is missing on DuckDB"
    for column in ours.layout.keys() & theirs.layout.keys():
        here, there = ours.layout[column], theirs.layout[column]
        if here != there:
            yield f"column {column} is a {here} on DuckDB, a {there} on Snowflake"


def unmatched(
    ours: Sequence[Row],
    theirs: Sequence[Row],
    exact: Sequence[int],
    floats: Sequence[int],
) -> tuple[list[Row], list[Row]]:
    """The rows of each side that have no partner of their own on the other.

    `exact` and `floats` are the places of the columns that must be equal, and of those
    that may differ a little.
    """
    waiting: dict[Row, list[Row]] = defaultdict(list)
    for row in theirs:
        waiting[_key(row, exact)].append(row)
    alone = []
    for row in ours:
        partners = waiting[_key(row, exact)]
        for number, partner in enumerate(partners):
            if all(is_close(row[place], partner[place]) for place in floats):
                del partners[number]
                break
        else:
            alone.append(row)
    return alone, [row for rows in waiting.values() for row in rows]


def _key(row: Row, places: Sequence[int]) -> Row:
    """What must be equal; true is not 1, and 1 is not 1.0."""
    return tuple((type(row[place]), row[place]) for place in places)


def is_close(ours: object, theirs: object) -> bool:
    """Whether two floats are as good as equal; null equals null alone."""
    if not isinstance(ours, float) or not isinstance(theirs, float):
        return ours is None and theirs is None
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _told(order: list[str], ours: list[Row], theirs: list[Row]) -> Iterator[str]:
    """One line for each difference; the first ones name the columns."""
    left = list(theirs)
    for row in ours[:SHOWN]:
        partner = min(left, key=lambda other: _distance(row, other), default=None)
        if partner is None or _distance(row, partner) > len(order) / 2:
            yield f"only on DuckDB: {_shown(order, row)}"
            continue
        left.remove(partner)
        unequal = [
            f"{column} is {mine!r} on DuckDB, {other!r} on Snowflake"
            for column, mine, other in zip(order, row, partner, strict=True)
            if not _is_same(mine, other)
        ]
        yield f"{'; '.join(unequal)}: {_shown(order, row)}"
    for row in ours[SHOWN:]:
        if left:
            left.pop()
        yield f"not so on Snowflake: {_shown(order, row)}"
    for row in left:
        yield f"only on Snowflake: {_shown(order, row)}"


def _distance(row: Row, other: Row) -> int:
    return sum(not _is_same(*pair) for pair in zip(row, other, strict=True))


def _is_same(mine: object, other: object) -> bool:
    return (type(mine) is type(other) and mine == other) or is_close(mine, other)


def _shown(order: list[str], row: Row) -> str:
    stated = zip(order, row, strict=True)
    return ", ".join(f"{name}={item!r}" for name, item in stated if item is not None)
