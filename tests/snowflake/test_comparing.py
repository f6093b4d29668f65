"""The comparison of two engines sees every kind of difference, and no other."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.snowflake.comparing import Comparison, Layout, Row, Table, compare

LAYOUT: Layout = {
    "case_key": "text",
    "reason": "text",
    "turns": "whole number",
    "cost_usd": "float",
    "share": "float",
    "is_resolved": "boolean",
    "opened_on": "date",
    "opened_at": "time",
    "attributes": "json",
}
ROW = {
    "case_key": "a",
    "reason": "",
    "turns": 3,
    "cost_usd": 1234.5,
    "share": 0.25,
    "is_resolved": True,
    "opened_on": date(2026, 1, 2),
    "opened_at": datetime(2026, 1, 2, 3, 4, 5, 6),
    "attributes": '{"tone": "calm"}',
}
OTHER = {**ROW, "case_key": "b", "cost_usd": None}


def row(**changes: object) -> Row:
    return tuple({**ROW, **changes}.values())


def compared(ours: list[Row], theirs: list[Row]) -> Comparison:
    return compare("marts.planted", Table(LAYOUT, ours), Table(LAYOUT, theirs))


def test_equal_rows_in_any_order_are_equal() -> None:
    ours = [row(), row(), tuple(OTHER.values())]
    found = compared(ours, ours[::-1])
    assert found.rows == 3
    assert found.differences == []


@pytest.mark.parametrize(
    ("column", "changed"),
    [
        ("case_key", "A"),
        ("reason", None),
        ("reason", " "),
        ("turns", 4),
        ("turns", None),
        ("turns", 3.0),
        ("cost_usd", 1234.5 + 1e-6 * 1234.5),
        ("cost_usd", None),
        ("cost_usd", float("nan")),
        ("share", 0.25 + 1e-6),
        ("share", 0.25 + 2e-9),
        ("is_resolved", False),
        ("is_resolved", None),
        ("is_resolved", 1),
        ("opened_on", date(2026, 1, 3)),
        ("opened_at", datetime(2026, 1, 2, 3, 4, 5, 7)),
        ("attributes", '{"tone": "Calm"}'),
        ("attributes", None),
    ],
)
def test_a_difference_is_seen_in_each_kind_of_column(
    column: str, changed: object
) -> None:
    same = tuple(OTHER.values())
    for ours, theirs in ((ROW[column], changed), (changed, ROW[column])):
        found = compared([row(**{column: ours}), same], [same, row(**{column: theirs})])
        told = f"{column} is {ours!r} on DuckDB, {theirs!r} on Snowflake"
        assert len(found.differences) == 1
        assert found.differences[0].startswith(told)


@pytest.mark.parametrize(
    ("column", "changed"),
    [("cost_usd", 1234.5 * (1 + 9e-10)), ("share", 0.25 + 9e-10)],
)
def test_floats_may_differ_by_the_order_of_a_sum(column: str, changed: float) -> None:
    assert compared([row()], [row(**{column: changed})]).differences == []


def test_a_row_too_few_or_too_many_is_seen() -> None:
    other = tuple(OTHER.values())
    assert len(compared([row(), other], [row()]).differences) == 1
    assert len(compared([row()], [row(), other]).differences) == 1
    assert len(compared([row(), row()], [row()]).differences) == 1
    assert len(compared([row()], [row(), row()]).differences) == 1
    assert len(compared([row(), row(), other], [row(), other, other]).differences) >= 1
    assert len(compared([], [row()]).differences) == 1
    assert len(compared([row()], []).differences) == 1


def test_every_row_that_differs_is_counted() -> None:
    ours = [row(case_key=str(number)) for number in range(50)]
    theirs = [row(case_key=str(number), turns=number) for number in range(50)]
    assert len(compared(ours, theirs).differences) == 49


def test_floats_are_matched_whatever_order_they_come_in() -> None:
    """Rows without a key of their own, equal but for floats."""
    ours = [row(cost_usd=cost, share=share) for cost, share in ((1.0, 2.0), (1.0, 1.0))]
    theirs = [
        row(cost_usd=cost, share=share)
        for cost, share in ((1.0 + 1e-12, 2.0), (1.0 - 1e-12, 1.0))
    ]
    assert compared(ours, theirs).differences == []


def test_columns_and_their_types_are_compared() -> None:
    ours = Table({"a": "text", "b": "float", "c": "time"}, [])
    theirs = Table({"b": "whole number", "c": "time", "d": "text"}, [])
    assert sorted(compare("marts.planted", ours, theirs).differences) == [
        "column a is missing on Snowflake",
        "column b is a float on DuckDB, a whole number on Snowflake",
        "column d is missing on DuckDB",
    ]


def test_the_order_of_columns_does_not_count() -> None:
    ours = Table({"a": "text", "b": "whole number"}, [("x", 1)])
    theirs = Table({"b": "whole number", "a": "text"}, [(1, "x")])
    assert compare("marts.planted", ours, theirs).differences == []
