"""The published KPIs as text: what a reader sees at the end of `make run`.

Everything comes from the file that readers open, so the terminal can say nothing
that a dashboard would not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration import project

QUERIES = Path(__file__).parent / "queries"
HEADINGS = ("KPI", "value", "95 % interval", "target", "status", "week before", "n")
NONE = "-"

Row = Mapping[str, Any]


def render(current: Path) -> str:
    """The report on a published file."""
    if not current.exists():
        raise project.ProjectError(f"nothing is published yet at {current}: `make run`")
    with duckdb.connect(str(current), read_only=True) as connection:
        publication = _rows(connection, "publication")[0]
        kpis = {row["kpi"]: row for row in _rows(connection, "kpis")}
        feeds = _rows(connection, "feeds")
    return "\n".join(
        (
            *_opening(publication),
            "",
            *_kpi_table(kpis),
            "",
            *_feed_lines(feeds),
            "",
            *_where_next(current),
        )
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    text = (QUERIES / f"{query}.sql").read_text(encoding="utf-8")
    try:
        found = connection.execute(text)
    except duckdb.Error as problem:
        raise project.ProjectError(
            f"the published file does not answer {query}.sql: {problem}"
        ) from problem
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _opening(publication: Row) -> Iterator[str]:
    newest = publication["newest_event_at"]
    yield (
        f"KPIs as of {_time(publication['as_of'])}, newest record "
        f"{_time(newest) if newest else NONE}"
    )
    if publication["is_made_up_sample"]:
        yield (
            "MADE-UP SAMPLE: simulated support traffic; no figure is about a real "
            "agent or customer."
        )


def _kpi_table(kpis: Mapping[str, Row]) -> Iterator[str]:
    if not kpis:
        yield "No week is over yet, so there is no KPI to show."
        return
    weeks = [row["period_start"] for row in kpis.values()]
    newest = max(weeks)
    yield f"Week from Monday {newest:%Y-%m-%d}, all cases"
    table = [
        _kpi_cells(entry, kpis[entry["kpi"]], newest)
        for entry in _catalog()
        if entry["kpi"] in kpis
    ]
    yield from _aligned([HEADINGS, *table])
    if any(week != newest for week in weeks):
        yield "* the newest week whose figure is known and final, from that Monday"
    if any(row["is_provisional"] for row in kpis.values()):
        yield "~ provisional: some cases of the week are not settled yet"
    if any(row["is_too_small"] for row in kpis.values()):
        yield "! too few cases to rely on"


def _kpi_cells(entry: Mapping[str, str], row: Row, newest: datetime) -> list[str]:
    unit = entry["unit"]
    lower, upper = row["interval_lower"], row["interval_upper"]
    has_interval = lower is not None and upper is not None
    marks = ("~" if row["is_provisional"] else "") + (
        "!" if row["is_too_small"] else ""
    )
    earlier = row["period_start"] != newest
    return [
        entry["label"] + (f" *{row['period_start']:%m-%d}" if earlier else ""),
        amount(row["value"], unit) + marks,
        f"{amount(lower, unit)} to {amount(upper, unit)}" if has_interval else NONE,
        _target(row["target"], entry),
        (row["status"] or NONE).replace("_", " "),
        change(row["change"], unit),
        f"{row['denominator']:,.0f}",
    ]


def _target(target: float | None, entry: Mapping[str, str]) -> str:
    if target is None:
        return NONE
    return (">= " if entry["direction"] == "up" else "<= ") + amount(
        target, entry["unit"]
    )


def amount(value: float | None, unit: str) -> str:
    """A value in its unit, as short as it can be read."""
    if value is None:
        return NONE
    if unit == "share":
        return f"{value:.2%}" if 0.99 < value < 1 else f"{value:.1%}"
    if unit == "seconds":
        return _duration(value)
    if unit == "usd":
        return f"${value:,.4f}" if abs(value) < 1 else f"${value:,.2f}"
    return f"{value:,.2f}"


def change(value: float | None, unit: str) -> str:
    """A difference to the period before, signed, in its unit."""
    if value is None:
        return NONE
    sign = "+" if value > 0 else "-" if value < 0 else ""
    if unit == "share":
        return f"{sign}{abs(value) * 100:.1f} pp"
    return sign + amount(abs(value), unit)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _feed_lines(feeds: Sequence[Row]) -> Iterator[str]:
    landed = [row for row in feeds if row["records"]]
    yield "Records: " + (
        ", ".join(f"{row['feed']} {row['records']:,}" for row in landed) or "none"
    )
    for row in landed:
        if row["rejected"]:
            yield (
                f"  {row['feed']}: {row['rejected']:,} rejected "
                f"(raw.rejected_records in {project.warehouse()} says which and why)"
            )


def _where_next(current: Path) -> Iterator[str]:
    yield f"The marts, for any tool that reads DuckDB:  {current}"
    yield "What every table and column means:          make docs"
    yield "Runs, lineage, tests, the schedule:         make dev"
    yield "Your own logs:                              ACSR_LANDING=<folder> make run"


def _catalog() -> list[dict[str, str]]:
    """The KPIs in the order and with the words that people gave them."""
    path = project.ROOT / "seeds" / "kpi_catalog.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        entries = list(csv.DictReader(handle))
    return sorted(entries, key=lambda entry: int(entry["sort_order"]))


def _aligned(table: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows as text: the first column to the left, the others to the right."""
    rows = [list(row) for row in table]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = zip(others, widths[1:], strict=True)
        yield "  ".join(
            (first.ljust(widths[0]), *(cell.rjust(width) for cell, width in cells))
        )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
