"""The comparison itself: silent where marts are right, loud where a cell is not."""

from __future__ import annotations

from random import Random

import pytest

from tests.oracle.campaign import (
    CASE_COLUMNS,
    DIMENSIONS,
    ESCALATION_COLUMNS,
    NAME,
    SESSION_COLUMNS,
    TABLES,
    Marts,
    differences,
    escalation_columns,
    figure_differences,
    summed,
)
from tests.oracle.records import Record, Seeds, Settings
from tests.oracle.reference import Answer, answer
from tests.oracle.worlds import AS_OF, Vocabulary, draw_world

AMOUNTS = ("numerator", "denominator")
WORDS = Vocabulary(("refund", "hours", "stargazing"), ("issue_a", "get_a", "dance"))
COLUMNS = [
    *(("fct_sessions", column) for column in ("customer_key", *SESSION_COLUMNS)),
    *(("fct_cases", column) for column in ("customer_key", *CASE_COLUMNS)),
    *(("fct_escalations", column) for column in ESCALATION_COLUMNS),
    *(("kpi_daily", column) for column in ("kpi", "numerator", "denominator")),
]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    names = [NAME.format(number) for number in range(40)]
    worlds = [draw_world(Random(name), name, WORDS) for name in names]
    return {w.name: answer(w.feeds, Seeds(), Settings(AS_OF)) for w in worlds}


def key_of(key: tuple[str, ...]) -> str:
    return "/".join(key)


def mart_rows(answers: dict[str, Answer]) -> dict[str, list[Record]]:
    """Write the answers down as marts that are right."""
    tables: dict[str, list[Record]] = {name: [] for name, _ in COLUMNS}
    for found in answers.values():
        for (source, session), row in found.sessions.items():
            named = {"source_system": source, "session_id": session}
            root = {"case_key": key_of(("session", *row["root"]))}
            customer = {"customer_key": row["customer"]}
            tables["fct_sessions"].append(row | named | root | customer)
        for key, row in found.cases.items():
            named = {"case_key": key_of(key), "customer_key": row["customer"]}
            tables["fct_cases"].append(row | named)
        for row in found.escalations:
            columns = escalation_columns(row) | {"case_key": key_of(row["case"])}
            tables["fct_escalations"].append(columns)
    tables["kpi_daily"] = daily_rows(answers)
    return tables


def daily_rows(answers: dict[str, Answer]) -> list[Record]:
    sums = summed(c for found in answers.values() for c in found.figures.items())
    return [
        dict(zip((*DIMENSIONS, "kpi"), cell, strict=True))
        | {"numerator": numerator, "denominator": denominator}
        for cell, (numerator, denominator) in sums.items()
    ]


def test_marts_that_are_right_differ_in_nothing(answers: dict[str, Answer]) -> None:
    marts = Marts(mart_rows(answers), {})
    assert differences(answers, marts) == []
    assert figure_differences(answers, marts) == []


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_one_wrong_cell_is_seen(
    answers: dict[str, Answer], table: str, column: str
) -> None:
    tables = mart_rows(answers)
    tables[table][-1][column] = "wrong" if column not in AMOUNTS else 1e9
    marts = Marts(tables, {})
    assert differences(answers, marts) or figure_differences(answers, marts)


@pytest.mark.parametrize("table", TABLES)
def test_a_row_too_many_is_seen(answers: dict[str, Answer], table: str) -> None:
    tables = mart_rows(answers)
    added = tables[table][-1] | {"session_id": "w00001-s9", "kpi": "made_up"}
    tables[table].append(added)
    marts = Marts(tables, {})
    assert differences(answers, marts) or figure_differences(answers, marts)
