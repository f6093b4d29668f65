"""The boards as they are declared: `boards/*.yml`, `selections.yml`, `shown.sql`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.project import ProjectError

FOLDER = Path(__file__).parent
KINDS = ("cards", "table", "trend", "scatter")
FILTERS = ("period", "intent", "tier", "channel", "agent_version")
CASES = "cases"  # the board that lists cases: every figure links to it


@dataclass(frozen=True)
class Link:
    """Where a figure leads: the selection of its cases, or what its row says.

    `show` names a selection, `show_from` the column that does. `value_from` is the
    column with the part that is followed; `narrow` sets filters from columns.
    """

    show: str | None = None
    show_from: str | None = None
    value_from: str | None = None
    narrow: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its unit, and how it is drawn.

    `shape`: nothing, `bar` (with an interval and a target where columns for them are
    named), `signed` (left and right of zero), `parts` (shares of a whole), `change`
    or `badge`. `draws` names the column that is drawn, where it is another.
    """

    label: str
    unit: str = "text"
    unit_from: str | None = None
    shape: str | None = None
    draws: str | None = None
    lower: str | None = None
    upper: str | None = None
    target: str | None = None
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cases: Link | None = None
    help: str | None = None


@dataclass(frozen=True)
class Panel:
    """One question, its SQL, and how the answer is drawn.

    `width` is in twelfths of the page, `rows` how many neighbours it stands
    beside. `ignores` names the filters that the figures
    cannot follow, which the page says wherever one of them is set. `empty` says what
    it means that there is no row, and what to do.
    """

    title: str
    kind: str
    sql: str
    empty: str
    width: int = 12
    rows: int = 1
    note: str | None = None
    ignores: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    grey: str | None = None
    x: str | None = None
    y: str | None = None
    lower: str | None = None
    upper: str | None = None
    series: str | None = None
    unit: str = "count"
    unit_from: str | None = None
    x_unit: str = "day"
    target: str | None = None
    x_target: str | None = None
    label: str | None = None
    cases: Link | None = None
    per: str | None = None


@dataclass(frozen=True)
class Board:
    """A page: its panels in order, and the question it answers."""

    name: str
    title: str
    question: str
    sort_order: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Selection:
    """Which cases stand behind a figure, as a condition on `cases`.

    `of` says which cases are asked: those of the period, or `matching_cases`, all that
    pass the other filters.
    """

    title: str
    where: str
    of: str = "picked_cases"


@cache
def boards() -> dict[str, Board]:
    """Every board by its name, in the order of the tabs."""
    found = [_board(path) for path in (FOLDER / "boards").glob("*.yml")]
    return {board.name: board for board in sorted(found, key=lambda b: b.sort_order)}


@cache
def selections() -> dict[str, Selection]:
    """Every selection of cases by its name."""
    path = FOLDER / "selections.yml"
    return {
        name: _made(Selection, given, f"{path.name}, {name}")
        for name, given in _read(path).items()
    }


@cache
def shown_sql() -> str:
    """What every panel may ask beside the marts."""
    return (FOLDER / "shown.sql").read_text(encoding="utf-8")


def marts_read(board: Board) -> set[str]:
    """The marts that a board asks, by itself or through `shown.sql`."""
    shown = {
        match["name"]: match["body"]
        for match in re.finditer(
            r"create temp (?:view|macro) (?P<name>\w+)(?P<body>.*?);\n",
            shown_sql(),
            re.DOTALL,
        )
    }
    # the frame around every board asks for days, choices and the publication
    waiting = [(FOLDER / "asking.py").read_text(encoding="utf-8")]
    waiting += [panel.sql for panel in board.panels]
    if board.name == CASES:
        waiting += [selection.where for selection in selections().values()]
        paths = [FOLDER / "pages.py", *(FOLDER / "cases").glob("*.sql")]
        waiting += [path.read_text(encoding="utf-8") for path in paths]
    marts, seen = set(), set()
    while waiting:
        text = waiting.pop()
        marts |= set(re.findall(r"\bmarts\.(\w+)", text))
        for name in shown.keys() & set(re.findall(r"\w+", text)) - seen:
            seen.add(name)
            waiting.append(shown[name])
    return marts


def _board(path: Path) -> Board:
    given = _read(path)
    panels = tuple(
        _panel(panel, f"{path.name}, panel {number}")
        for number, panel in enumerate(given.pop("panels", []), 1)
    )
    return _made(Board, {**given, "name": path.stem, "panels": panels}, path.name)


def _panel(given: dict[str, Any], where: str) -> Panel:
    columns = {
        name: _made(Column, _linked(column, where), f"{where}, column {name}")
        for name, column in given.get("columns", {}).items()
    }
    panel = _made(Panel, {**_linked(given, where), "columns": columns}, where)
    if panel.kind not in KINDS:
        raise ProjectError(
            f"dashboards/boards: {where}: kind {panel.kind!r} is none of "
            + ", ".join(KINDS)
        )
    unknown = set(panel.ignores) - set(FILTERS)
    if unknown:
        raise ProjectError(
            f"dashboards/boards: {where}: ignores {sorted(unknown)}, which are no "
            f"filters; there are {', '.join(FILTERS)}"
        )
    links = [panel.cases, *(column.cases for column in panel.columns.values())]
    if panel.ignores and any(links):
        raise ProjectError(
            f"dashboards/boards: {where}: a panel that ignores filters cannot lead to "
            "cases: they would be others than those behind its figures"
        )
    return panel


def _linked(given: dict[str, Any], where: str) -> dict[str, Any]:
    if "cases" not in given:
        return given
    link = _made(Link, given["cases"], f"{where}, cases")
    if link.show is not None and link.show not in selections():
        raise ProjectError(
            f"dashboards/boards: {where}: {link.show!r} is not in selections.yml"
        )
    return {**given, "cases": link}


def _made(kind: type, given: dict[str, Any], where: str) -> Any:  # noqa: ANN401
    known = {each.name for each in fields(kind)}
    needed = {
        each.name for each in fields(kind) if each.default is each.default_factory
    }
    if not isinstance(given, dict) or set(given) - known or needed - set(given):
        raise ProjectError(
            f"dashboards: {where}: wants {sorted(needed)}, may have "
            f"{sorted(known - needed)}; has "
            + (str(sorted(given)) if isinstance(given, dict) else repr(given))
        )
    return kind(**{k: tuple(v) if k == "ignores" else v for k, v in given.items()})


def _read(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as problem:
        raise ProjectError(f"{path} is no YAML: {problem}") from problem
