from __future__ import annotations

import json
import math
import re
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import yaml

from dashboards import __main__ as command
from dashboards import boards, charts, filters, formats
from dashboards.filters import FilterError, Filters
from orchestration import project
from orchestration.project import ProjectError

PANEL = {"title": "t", "kind": "table", "sql": "select 1 as a", "empty": "none"}
REF = re.compile(r"ref\('(\w+)'\)")


def exposures() -> dict[str, set[str]]:
    path = project.ROOT / "models" / "marts" / "_marts__exposures.yml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    return {
        each["name"].removesuffix("_board"): {
            REF.fullmatch(named)[1] for named in each["depends_on"]
        }
        for each in given
    }


def test_every_board_has_an_exposure_and_every_exposure_a_board() -> None:
    assert list(exposures()) == list(boards.boards())


@pytest.mark.parametrize("name", list(boards.boards()))
def test_an_exposure_names_the_marts_that_its_board_reads_and_no_other(
    name: str,
) -> None:
    # the ledger of publications is no model: publishing writes it
    read = boards.marts_read(boards.boards()[name]) - {"publications"}
    assert exposures()[name] == read


def test_the_boards_are_those_that_the_tabs_promise() -> None:
    assert [board.title for board in boards.boards().values()] == [
        "Overview",
        "Resolution",
        "Escalations",
        "Compliance",
        "Effort",
        "Handling time",
        "Health",
        "Cases",
    ]


def test_no_filter_and_no_value_is_written_into_sql() -> None:
    for board in boards.boards().values():
        for panel in board.panels:
            assert "{" not in panel.sql, (board.name, panel.title)
            assert "$" not in panel.sql, (board.name, panel.title)
    for name, selection in boards.selections().items():
        assert "{" not in selection.where or name == "alert"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "pie"}, "kind 'pie' is none of cards, table"),
        ({"ignores": ["weather"]}, r"ignores \['weather'\], which are no filters"),
        ({"cases": {"show": "nobody"}}, "'nobody' is not in selections.yml"),
        ({"ignores": ["tier"], "cases": {"show": "handled"}}, "cannot lead to cases"),
        ({"colour": "red"}, "may have"),
        ({"empty": None, "columns": {"a": {"unit": "share"}}}, r"wants \['label'\]"),
    ],
)
def test_a_board_that_is_declared_wrong_says_where_and_what(
    tmp_path: Path, change: dict, said: str
) -> None:
    path = tmp_path / "some.yml"
    board = {
        "title": "Some",
        "question": "Which?",
        "sort_order": 1,
        "panels": [{**PANEL, **change}],
    }
    path.write_text(json.dumps(board), encoding="utf-8")
    with pytest.raises(ProjectError, match=said) as problem:
        boards._board(path)
    assert "some.yml, panel 1" in str(problem.value)


@pytest.mark.parametrize(
    "given",
    [
        Filters(),
        Filters(period="4w"),
        Filters(first=date(2026, 5, 1), last=date(2026, 5, 3), intent="a b&c=d"),
        Filters(period="all", tier="<1>", channel="voice", agent_version="2.0+x"),
    ],
)
def test_filters_survive_their_own_address(given: Filters) -> None:
    assert filters.read(dict(parse_qsl(given.query().removeprefix("?")))) == given


def test_a_filter_that_says_nothing_sensible_is_named() -> None:
    with pytest.raises(FilterError, match="write it as 2026-05-01"):
        filters.read({"from": "01/05/2026"})


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.47765, "share", "47.8%"),
        (0.9971, "share", "99.71%"),
        (7920.7, "seconds", "2.2 h"),
        (75.0, "seconds", "75.0 s"),
        (0.0232, "usd", "$0.0232"),
        (5.149, "score_1_to_7", "5.15"),
        (12345.0, "count", "12,345"),
        (1234.4, "milliseconds", "1,234 ms"),
        (-0.0632, "points", "-6.3 pp"),
        (None, "share", formats.NONE),
        (True, "text", "yes"),
        ("resolved_by_human", "words", "Resolved by people"),
    ],
)
def test_a_unit_has_one_format(value: object, unit: str, said: str) -> None:
    assert formats.shown(value, unit) == said


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([0.1, 0.97], "share"),
        ([1.0, 1.0], "share"),
        ([0.0], "share"),
        ([], "count"),
        ([3.0, 250_000.0], "count"),
        ([20.0, 50.0], "seconds"),
        ([20.0, 90_000.0], "seconds"),
        ([4.2, 6.9], "score_1_to_7"),
        ([0.0001, 0.0213], "usd"),
    ],
)
def test_an_axis_holds_its_values_in_equal_steps_without_two_equal_labels(
    values: list[float], unit: str
) -> None:
    axis = charts.axis(values, unit)
    assert all(axis.low <= value <= axis.high + 1e-12 for value in values)
    assert 2 <= len(axis.labels) <= 7
    assert len(set(axis.labels)) == len(axis.labels)
    assert math.isclose(axis.place(axis.high), 100)
    if unit == "share":
        assert axis.high <= 1 + 1e-9


def test_the_boards_are_served_on_a_port_that_exists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACSR_DASHBOARD_PORT", "http")
    assert command.main(["serve"]) == 1
    assert "ACSR_DASHBOARD_PORT is 'http', which is no port" in capsys.readouterr().err
    monkeypatch.setenv("ACSR_DASHBOARD_PORT", "8700")
    assert command.port() == 8700


def test_on_snowflake_the_boards_say_what_to_do_instead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBT_TARGET", "snowflake")
    assert command.main(["report"]) == 1
    assert "point a BI tool at the published schema" in capsys.readouterr().err
