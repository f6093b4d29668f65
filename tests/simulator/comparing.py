"""Truth and marts side by side: what one says and the other does not."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]
Key = tuple[Any, ...]
SHOWN = 25


@dataclass(frozen=True)
class Month:
    """A simulated period: its landing folder and its truth."""

    landing: Path
    truth: Path

    @cached_property
    def manifest(self) -> Row:
        """What was simulated."""
        return json.loads((self.truth / "manifest.json").read_text(encoding="utf-8"))

    def rows(self, name: str) -> list[Row]:
        """The rows of one file of the truth."""
        text = (self.truth / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def files(self, feed: str) -> list[Path]:
        """The ordinary landed files of a feed."""
        return sorted((self.landing / feed).glob("*/????.jsonl.gz"))

    def lines(self, path: Path) -> list[bytes]:
        """The lines of a landed file."""
        return gzip.decompress(path.read_bytes()).splitlines()

    @cached_property
    def scenario_of(self) -> dict[str, str]:
        """Which scenario a case came from, for messages."""
        return {row["case_id"]: row["scenario"] for row in self.rows("cases")}


def query(warehouse: Path, sql: str) -> list[Row]:
    """Rows of the warehouse, spelled as the truth spells them."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        return [
            {name: plain(item) for name, item in zip(names, row, strict=True)}
            for row in found.fetchall()
        ]


def plain(item: object) -> object:
    """A value of the warehouse as JSON has it."""
    if isinstance(item, datetime):
        text = item.replace(tzinfo=UTC).isoformat(timespec="microseconds")
        seconds, _, fraction = text.removesuffix("+00:00").partition(".")
        fraction = fraction.rstrip("0")
        return f"{seconds}.{fraction}Z" if fraction else f"{seconds}Z"
    return item.isoformat() if isinstance(item, date) else item


def differences(
    planned: Iterable[Row], found: Iterable[Row], key: Iterable[str]
) -> list[str]:
    """Every row and column in which the warehouse is not as planned."""
    names = tuple(key)
    found = list(found)
    wanted, got = by_key(planned, names), by_key(found, names)
    return [
        *(f"twice: {one}" for one in repeated(found, names)),
        *(f"missing: {one}" for one in sorted(wanted.keys() - got.keys(), key=str)),
        *(f"unplanned: {one}" for one in sorted(got.keys() - wanted.keys(), key=str)),
        *(
            line
            for one in sorted(wanted.keys() & got.keys(), key=str)
            for line in unequal_columns(one, wanted[one], got[one])
        ),
    ]


def by_key(rows: Iterable[Row], names: tuple[str, ...]) -> dict[Key, Row]:
    """Rows by their key."""
    return {tuple(row[name] for name in names): row for row in rows}


def repeated(rows: Iterable[Row], names: tuple[str, ...]) -> list[Key]:
    """Keys that are not one."""
    counts = Counter(tuple(row[name] for name in names) for row in rows)
    return [one for one, count in counts.items() if count > 1]


def unequal_columns(one: Key, planned: Row, found: Row) -> Iterator[str]:
    """The columns of one row that differ; both rows must have the same ones."""
    for name in planned.keys() | found.keys():
        wanted, got = planned.get(name, "no such column"), found.get(name, "none")
        if not is_equal(wanted, got):
            yield f"{one}: {name} is planned {wanted!r}, found {got!r}"


def is_equal(wanted: object, got: object) -> bool:
    """Equal, and of one kind; sums of fractions may differ in their last digits."""
    if isinstance(wanted, float) or isinstance(got, float):
        are_numbers = not isinstance(wanted, bool | str) and got is not None
        return wanted == got or (
            are_numbers
            and wanted is not None
            and math.isclose(wanted, got, abs_tol=1e-12)
        )
    return wanted == got and (isinstance(wanted, bool) == isinstance(got, bool))


def multiset_differences(planned: Iterable[Row], found: Iterable[Row]) -> list[str]:
    """As `differences`, for rows without a key."""
    wanted, got = Counter(map(frozen, planned)), Counter(map(frozen, found))
    return [
        *(f"missing: {dict(row)}" for row in (wanted - got).elements()),
        *(f"unplanned: {dict(row)}" for row in (got - wanted).elements()),
    ]


def frozen(row: Row) -> tuple[tuple[str, Any], ...]:
    """A row that can be counted."""
    return tuple(sorted(row.items()))


def told(found: list[str], month: Month) -> str:
    """A message that names the scenarios of what differs."""
    lines = [f"{scenario_in(line, month.scenario_of)}{line}" for line in found[:SHOWN]]
    return f"{len(found)} differences, the first of them:\n" + "\n".join(lines)


def scenario_in(line: str, scenario_of: Mapping[str, str]) -> str:
    """The scenario of the case that a difference names, if it names one."""
    told = (name for case, name in scenario_of.items() if f"'{case}'" in line)
    name = next(told, None)
    return f"[{name}] " if name else ""
