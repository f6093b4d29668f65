"""Boards as HTML: asks what the panels ask, and says it in their words and shapes."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dashboards import boards, charts, formats
from dashboards.asking import Published, Row, asking
from dashboards.boards import CASES, Board, Column, Link, Panel
from dashboards.charts import Point
from dashboards.filters import CHOICES, PERIODS, Filters
from orchestration.project import ProjectError

PAGE_SIZE = 50
NAMES = {**CHOICES, "period": "Period"}
LEGS = ("intent", "policy", "action", "closure")


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what stands in it, and what it is."""

    content: str | Markup
    kind: str = "text"
    value: float | None = None
    link: str | None = None
    help: str | None = None


@dataclass(frozen=True)
class Drawn:
    """A panel with its answer."""

    panel: Panel
    body: Markup
    ignored: tuple[str, ...]


class Pages:
    """Draws the pages of one published file.

    `is_live` pages link figures to their cases; others stand alone, without a server.
    """

    def __init__(self, published: Published, *, is_live: bool = True) -> None:
        self.published = published
        self.filters = published.filters
        self.is_live = is_live

    def board(self, board: Board) -> list[Drawn]:
        """The panels of a board, answered."""
        return [self._panel(panel) for panel in board.panels]

    def _panel(self, panel: Panel) -> Drawn:
        rows = self.published.rows(panel.sql)
        if rows:
            draw: Mapping[str, Callable[[Panel, list[Row]], Markup]] = {
                "cards": self._cards,
                "table": self._table,
                "trend": self._trend,
                "scatter": self._scatter,
            }
            body = draw[panel.kind](panel, rows)
        else:
            body = Markup('<p class="empty">{}</p>').format(panel.empty)
        set_filters = {"period", *self.filters.chosen}
        ignored = tuple(
            NAMES[name].lower() for name in panel.ignores if name in set_filters
        )
        return Drawn(panel, body, ignored)

    def _cards(self, _: Panel, rows: list[Row]) -> Markup:
        history: dict[str, list[Row]] = {}
        for row in self.published.rows(
            "select kpi, first_day, value, lower, upper, is_too_small from kpi_figures "
            "where slot = 'trend' order by first_day"
        ):
            history.setdefault(row["kpi"], []).append(row)
        return _fragment(
            "cards.html",
            cards=[self._card(row, history.get(row["kpi"], [])) for row in rows],
        )

    def _card(self, row: Row, history: list[Row]) -> dict[str, Any]:
        unit = row["unit"]
        has_interval = row["lower"] is not None and row["upper"] is not None
        say = partial(formats.shown, unit=unit)
        counted = f"{row['kpi']}.of"
        return {
            **row,
            "shown": say(row["value"]),
            "interval": f"{say(row['lower'])} to {say(row['upper'])}"
            if has_interval
            else None,
            "target_shown": (">= " if row["direction"] == "up" else "<= ")
            .replace(">=", "at least")
            .replace("<=", "at most")
            + say(row["target"])
            if row["target"] is not None
            else None,
            "badge": badge(row["status"]),
            "change_shown": formats.moved(row["change"], unit),
            "change_tone": _change_tone(row),
            "n": formats.shown(row["effective_n"], "count"),
            "link": self._link(Link(show=counted), row)
            if counted in boards.selections()
            else None,
            "percentiles": f"half within {say(row['p50'])}, 9 in 10 within "
            f"{say(row['p90'])}"
            if unit == "seconds" and row["p50"] is not None
            else None,
            "spark": self._spark(history, row),
        }

    def _spark(self, history: list[Row], row: Row) -> Markup:
        points = [
            Point(
                self._across(each["first_day"]),
                each["value"],
                None if each["is_too_small"] else each["lower"],
                None if each["is_too_small"] else each["upper"],
                is_weak=each["is_too_small"],
            )
            for each in history
        ]
        if len(points) < 2:
            return Markup("")
        return charts.trend(
            [("", points)],
            row["unit"],
            ends=("", ""),
            target=row["target"],
            picked=self._picked(),
            is_small=True,
        )

    def _across(self, day: date) -> float:
        """Where a step of the trend stands, in percent: in the middle of its days."""
        shown = self.published.shown
        days = (shown.trend_last - shown.trend_first).days + 1
        return (
            100
            * ((day - shown.trend_first).days + shown.trend_days / 2)
            / max(days, shown.trend_days)
        )

    def _edge(self, day: date) -> float:
        shown = self.published.shown
        days = (shown.trend_last - shown.trend_first).days + 1
        place = 100 * (day - shown.trend_first).days / max(days, 1)
        return min(100.0, max(0.0, place))

    def _picked(self) -> tuple[float, float]:
        shown = self.published.shown
        after = date.fromordinal(shown.last.toordinal() + 1)
        return self._edge(shown.first), self._edge(after)

    def _trend(self, panel: Panel, rows: list[Row]) -> Markup:
        shown = self.published.shown
        unit = panel.unit
        lines: dict[str, list[Point]] = {}
        for row in rows:
            name = row[panel.series] if panel.series else ""
            lines.setdefault(name, []).append(self._trend_point(panel, row, name))
        drawn = charts.trend(
            list(lines.items()),
            unit,
            ends=charts.dates_ends(shown.trend_first, shown.trend_last),
            target=next((row[panel.target] for row in rows), None)
            if panel.target
            else None,
            picked=self._picked(),
            unsettled_from=self._edge(
                date.fromordinal(shown.final_until.toordinal() + 1)
            )
            if "is_provisional" in rows[0]
            else None,
        )
        return _fragment(
            "trend.html",
            chart=drawn,
            names=[name for name in lines if name],
            has_target=bool(panel.target and rows[0][panel.target] is not None),
            has_band=panel.lower is not None,
            is_settled="is_provisional" not in rows[0],
            step="week"
            if shown.trend_days == 7 and "is_provisional" in rows[0]
            else "day",
        )

    def _trend_point(self, panel: Panel, row: Row, name: str) -> Point:
        first, last = row[panel.x], row["last_day"]
        days = f"{first}" if first == last else f"{first} to {last}"
        value = formats.shown(row[panel.y], panel.unit)
        weak = " (too few to rely on)" if row["is_too_small"] else ""
        title = (
            f"{name + ', ' if name else ''}{days}: {value}, n = {row['n'] or 0:,.0f}"
        )
        link = None
        if panel.cases:
            narrowed = self.filters.narrowed(first=first, last=last)
            link = self._link(panel.cases, row, narrowed)
        return Point(
            self._across(first),
            row[panel.y],
            row[panel.lower] if panel.lower and not row["is_too_small"] else None,
            row[panel.upper] if panel.upper and not row["is_too_small"] else None,
            title + weak,
            link,
            is_weak=row["is_too_small"],
        )

    def _scatter(self, panel: Panel, rows: list[Row]) -> Markup:
        points = [
            Point(
                row[panel.x],
                row[panel.y],
                title=f"{row[panel.label]}: {formats.shown(row[panel.x], panel.unit)} "
                f"resolved, score {formats.shown(row[panel.y], 'score_1_to_7')}, "
                f"n = {row['answers'] or 0:,.0f}",
                link=self._link(panel.cases, row) if panel.cases else None,
                tone=formats.tone(row["quadrant"]),
                is_weak=row["is_too_small"],
            )
            for row in rows
            if row[panel.y] is not None
        ]
        if not points:
            return Markup('<p class="empty">{}</p>').format(
                "No survey of these cases was answered: there is no score to draw."
            )
        return charts.scatter(
            points,
            (panel.unit, "score_1_to_7"),
            ("Resolved autonomously", "Effort score, 7 easiest"),
            (rows[0][panel.x_target], rows[0][panel.target]),
        )

    def _table(self, panel: Panel, rows: list[Row]) -> Markup:
        scales = {
            name: _scale(column, name, rows) for name, column in panel.columns.items()
        }
        body = [
            (
                bool(panel.grey and row[panel.grey]),
                [
                    self._cell(name, column, row, scales[name])
                    for name, column in panel.columns.items()
                ],
            )
            for row in rows
        ]
        return _fragment(
            "table.html",
            title=panel.title,
            headings=[(column, _kind(column)) for column in panel.columns.values()],
            rows=body,
        )

    def _cell(self, name: str, column: Column, row: Row, scale: float) -> Cell:
        unit = row[column.unit_from] if column.unit_from else column.unit
        helped = row[column.help] if column.help else None
        if column.shape == "parts":
            parts = [(row[p] or 0, part["tone"]) for p, part in column.parts.items()]
            return Cell(charts.parts_bar(parts, scale), "drawn")
        value = row[column.draws or name]
        if column.shape == "signed":
            return Cell(charts.signed_bar(value, scale), "drawn")
        if column.shape == "bar":
            drawn = charts.bar(
                value,
                scale,
                lower=row[column.lower] if column.lower else None,
                upper=row[column.upper] if column.upper else None,
                target=row[column.target] if column.target else None,
            )
            return Cell(drawn, "drawn")
        if column.shape == "badge":
            return Cell(badge(value))
        if column.shape == "change":
            return Cell(formats.moved(value, unit), "number", value)
        if unit == "case":
            link = f"/case?key={row['case_key']}" if self.is_live else None
            return Cell(formats.shown(value, "text"), link=link)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return Cell(
            formats.shown(value, unit),
            _kind(column),
            float(value) if is_number else None,
            self._link(column.cases, row)
            if column.cases and value not in (None, 0)
            else None,
            helped,
        )

    def _link(self, link: Link, row: Row, filters: Filters | None = None) -> str | None:
        """The address of the cases behind a figure; none in a page without a server."""
        show = row[link.show_from] if link.show_from else link.show
        if not self.is_live or show is None:
            return None
        narrow = {name: row[column] for name, column in link.narrow.items()}
        value = row[link.value_from] if link.value_from else None
        narrowed = (filters or self.filters).narrowed(**narrow)
        return f"/{CASES}{narrowed.query(show=show, value=value)}"

    def stamp(self) -> dict[str, Any]:
        """What every page says of the publication that it shows."""
        publication = self.published.publication
        revision = publication["git_revision"]
        return {
            "as_of": formats.shown(publication["as_of"], "time"),
            "newest_event": formats.shown(publication["newest_event_at"], "time"),
            "publication_id": publication["publication_id"],
            "revision": (revision[:12] + "+" * revision.endswith("+"))
            if revision
            else "unknown",
            "is_sample": publication["is_made_up_sample"],
            "rolled_back_to": publication.get("rolled_back_to"),
        }

    def frame(self, board: Board) -> dict[str, Any]:
        """What the frame around every board needs."""
        shown = self.published.shown
        return {
            "board": board,
            "boards": list(boards.boards().values()),
            "filters": self.filters,
            "query": self.filters.query(),
            "keep": "",
            "periods": [
                (name, label, self._period_query(name))
                for name, label in PERIODS.items()
            ],
            "choices": [
                (name, label, self._options(name)) for name, label in CHOICES.items()
            ],
            "shown": shown,
            "period_shown": _days(shown.first, shown.last),
            "stamp": self.stamp(),
            "is_live": self.is_live,
        }

    def _period_query(self, period: str) -> str:
        return (
            self.filters.narrowed(period=period, first=None, last=None).query() or "?"
        )

    def _options(self, name: str) -> list[str]:
        options = self.published.choices[name]
        chosen = getattr(self.filters, name)
        return [*options, chosen] if chosen and chosen not in options else options


def badge(word: str | None) -> Markup:
    """A word with the colour and the sign of what it means."""
    if word is None:
        return Markup(formats.NONE)
    return _template("badge.html").module.badge(  # type: ignore[attr-defined]
        formats.words(word), formats.tone(word)
    )


def board_page(path: Path, name: str, filters: Filters) -> str:
    """A board of a published file, as a page."""
    board = boards.boards()[name]
    with asking(path, filters) as published:
        pages = Pages(published)
        return _template("page.html").render(
            pages.frame(board), panels=pages.board(board)
        )


def cases_page(
    path: Path, filters: Filters, show: str, value: str | None, page: int
) -> str:
    """The cases behind a figure, page by page."""
    selection = boards.selections()[show]
    with asking(path, filters, value) as published:
        condition = selection.where
        if show == "alert":
            stored = published.rows(
                "select case_query, kpi, segment, period_start from marts.kpi_alerts "
                "cross join asked where alert_key = asked.part"
            )
            query = stored[0]["case_query"] if stored else None
            # written by this project's own models, and asked read-only
            condition = (
                f"cases.case_key in (select case_key from ({query}))"
                if query
                else "false"
            )
        rows = published.rows(
            _case_sql("list").format(condition=condition, cases=selection.of),
            {"size": PAGE_SIZE, "start": (page - 1) * PAGE_SIZE},
        )
        pages = Pages(published)
        query = partial(filters.query, show=show, value=value)
        return _template("cases.html").render(
            {**pages.frame(boards.boards()[CASES]), "keep": _kept(show, value)},
            selection=selection,
            show=show,
            value=value,
            rows=[_case_row(row) for row in rows],
            all_cases=rows[0]["all_cases"] if rows else 0,
            first=(page - 1) * PAGE_SIZE + 1,
            before=query(page=page - 1) if page > 1 else None,
            after=query(page=page + 1)
            if rows and rows[0]["all_cases"] > page * PAGE_SIZE
            else None,
            follows_filters=selection.of != "marts.fct_cases",
            legs=LEGS,
        )


def _kept(show: str, value: str | None) -> str:
    """The selection, for links that change the filters and nothing else."""
    given = {"show": show, **({"value": value} if value else {})}
    return "&" + urlencode(given)


def _case_row(row: Row) -> Row:
    return {
        **row,
        "opened": formats.shown(row["opened_at"], "time"),
        "about": ", ".join(
            row[name] or formats.NONE for name in ("tier", "channel", "agent_version")
        ),
        "outcome_badge": badge(row["outcome"]),
        "time": formats.shown(row["handling_seconds"], "seconds"),
        "blocker": formats.words(row["first_blocker"])
        if row["first_blocker"]
        else None,
        "leg_badges": [badge(row[f"{leg}_leg"]) for leg in LEGS],
    }


def case_page(path: Path, key: str) -> str | None:
    """A case and its events; None where there is no such case."""
    with asking(path, Filters(), key) as published:
        found = published.rows(_case_sql("case"))
        if not found:
            return None
        pages = Pages(published)
        return _template("case.html").render(
            pages.frame(boards.boards()[CASES]),
            case=found[0],
            facts=_facts(found[0]),
            legs=[(leg, badge(found[0][f"{leg}_leg"])) for leg in LEGS],
            outcome=badge(found[0]["outcome"]),
            events=[
                {
                    **event,
                    "time": formats.shown(event["happened_at"], "time"),
                    "badge": badge(event["outcome"]),
                }
                for event in published.rows(_case_sql("events"))
            ],
            reviews=[
                {
                    **review,
                    "due": formats.shown(review["due_at"], "time"),
                    "badge": badge(review["status"]),
                }
                for review in published.rows(_case_sql("reviews"))
            ],
        )


def _facts(case: Row) -> list[tuple[str, str]]:
    said = (
        ("Opened", "opened_at", "time"),
        ("Closed", "resolved_at", "time"),
        ("Handling time", "handling_seconds", "seconds"),
        ("Intent", "intent", "text"),
        ("Tier", "tier", "text"),
        ("Channel", "channel", "text"),
        ("Agent", "agent_name", "text"),
        ("Agent version", "agent_version", "text"),
        ("Sessions", "session_count", "count"),
        ("A person touched it", "has_human_touch", "text"),
        ("Stopped at", "first_blocker", "words"),
        ("Escalated for", "primary_escalation_reason", "words"),
        ("Lasted", "is_durable", "text"),
        ("Model cost", "model_cost_usd", "usd"),
        ("Source system", "source_system", "text"),
        ("Case key", "case_key", "text"),
    )
    return [(label, formats.shown(case[name], unit)) for label, name, unit in said]


def report(path: Path, filters: Filters) -> str:
    """Every board in one file that asks for nothing else."""
    css = stylesheet()
    with asking(path, filters) as published:
        pages = Pages(published, is_live=False)
        drawn = [
            (board, pages.board(board))
            for board in boards.boards().values()
            if board.name != CASES
        ]
        return _template("report.html").render(
            pages.frame(drawn[0][0]),
            drawn=drawn,
            css=Markup(css),
            css_hash=b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        )


def message_page(title: str, text: str) -> str:
    """A page that says what is wrong and what to do."""
    return _template("message.html").render(title=title, text=text)


def stylesheet() -> str:
    """The one stylesheet."""
    return (boards.FOLDER / "static" / "boards.css").read_text(encoding="utf-8")


def _case_sql(name: str) -> str:
    return (boards.FOLDER / "cases" / f"{name}.sql").read_text(encoding="utf-8")


def _kind(column: Column) -> str:
    if column.shape in ("bar", "signed", "parts"):
        return "drawn"
    is_number = column.unit in formats.RIGHT or column.unit == "milliseconds"
    if column.unit_from or column.shape == "change" or is_number:
        return "number"
    return "time" if column.unit in ("time", "day") else "text"


def _scale(column: Column, name: str, rows: list[Row]) -> float:
    """What the widest bar of a column stands for."""
    if column.shape == "parts":
        return max((sum(row[p] or 0 for p in column.parts) for row in rows), default=0)
    if column.shape == "bar" and column.unit == "share":
        names = [column.draws or name, column.upper, column.target]
        widest = max(
            (
                row[each]
                for row in rows
                for each in names
                if each and row[each] is not None
            ),
            default=0,
        )
        return min(1.0, widest) if widest <= 1 else widest
    if column.shape in ("bar", "signed"):
        return max((abs(row[column.draws or name] or 0) for row in rows), default=0)
    return 0


def _change_tone(row: Row) -> str:
    if not row["is_sure_change"]:
        return "plain"
    return "better" if (row["change"] > 0) == (row["direction"] == "up") else "worse"


def _days(first: date, last: date) -> str:
    if first == last:
        return f"{first:%a %-d %b %Y}"
    return f"{first:%a %-d %b %Y} to {last:%a %-d %b %Y}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(boards.FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _fragment(name: str, **given: object) -> Markup:
    """Part of a page: the template has escaped what it was given."""
    return Markup(_template(name).render(**given))


def _template(name: str) -> Any:  # noqa: ANN401
    try:
        return _environment().get_template(name)
    except OSError as problem:
        raise ProjectError(f"dashboards/templates/{name}: {problem}") from problem
