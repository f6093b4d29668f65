"""A comparison that cannot fail proves nothing."""

from __future__ import annotations

import pytest

from tests.simulator.comparing import Row, differences, multiset_differences

PLANNED: Row = {"id": "a", "flag": True, "count": 1, "share": 0.1 + 0.2, "at": None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "b"}, "missing"),
        ({"flag": None}, "flag"),
        ({"flag": 1}, "flag"),
        ({"count": True}, "count"),
        ({"count": 2}, "count"),
        ({"share": 0.31}, "share"),
        ({"share": None}, "share"),
        ({"at": "2026-05-01T00:00:00Z"}, "at"),
        ({"more": 1}, "more"),
    ],
)
def test_a_row_that_is_not_as_planned_is_told(change: Row, said: str) -> None:
    found = differences([PLANNED], [{**PLANNED, **change}], ("id",))
    assert any(said in line for line in found)


def test_a_column_that_is_not_there_is_told() -> None:
    row = {name: item for name, item in PLANNED.items() if name != "at"}
    assert differences([PLANNED], [row], ("id",))


def test_a_row_that_is_there_twice_is_told() -> None:
    assert differences([PLANNED], [PLANNED, PLANNED], ("id",))
    assert multiset_differences([PLANNED], [PLANNED, PLANNED])


def test_the_last_digits_of_a_sum_are_no_difference() -> None:
    assert not differences([PLANNED], [{**PLANNED, "share": 0.3}], ("id",))


def test_equal_rows_are_no_difference() -> None:
    assert not differences([PLANNED], [dict(PLANNED)], ("id",))
    assert not multiset_differences([PLANNED], [dict(PLANNED)])
