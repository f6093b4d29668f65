"""The published KPIs as text: what a reader sees at the end of `make run`.

Everything comes from what readers open, so the terminal can say nothing
that a dashboard would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from orchestration import engines, project

QUERIES = Path(__file__).parent / "queries"
HEADINGS = ("KPI", "value", "95 % interval", "target", "status", "week before", "n")
NONE = "-"

Row = Mapping[str, Any]


def render(current: Path | None = None) -> str:
    """The report on what is published, or on a published file."""
    if current is not None:
        with engines.reading_file(current) as ask:
            return _rendered(ask, str(current))
    with engines.reading() as ask:
        return _rendered(ask, engines.published_name())


def headline() -> dict[str, float]:
    """The KPIs of the report as numbers, by their names; in their own units."""
    with engines.reading() as ask:
        return {row["kpi"]: float(row["value"]) for row in ask(_query("kpis"))}


def _rendered(ask: engines.Ask, place: str) -> str:
    publication = ask(_query("publication"))[0]
    kpis = ask(_query("kpis"))
    feeds = ask(_query("feeds"))
    return "\n".join(
        (
            *_opening(publication),
            "",
            *_kpi_table(kpis),
            "",
            *_feed_lines(feeds),
            "",
            *_where_next(place),
        )
    )


def _query(name: str) -> str:
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def _opening(publication: Row) -> Iterator[str]:
    newest = publication["newest_event_at"]
    yield (
        f"KPIs as of {_time(publication['as_of'])}, newest record "
        f"{_time(newest) if newest else NONE}"
    )
    if publication.get("rolled_back_to"):
        yield (
            f"ROLLED BACK to publication {publication['rolled_back_to']}: newer builds "
            "are not shown until `make resume`."
        )
    if publication["is_made_up_sample"]:
        yield (
            "MADE-UP SAMPLE: simulated support traffic; no figure is about a real "
            "agent or customer."
        )


def _kpi_table(kpis: Sequence[Row]) -> Iterator[str]:
    if not kpis:
        yield "There is no KPI yet: no case has been loaded."
        return
    newest = max(row["period_start"] for row in kpis)
    is_final = not any(row["is_provisional"] for row in kpis)
    why = " (the newest whose figures are final)" if is_final else ""
    yield f"Week from Monday {newest:%Y-%m-%d}{why}, all cases"
    yield from _aligned([HEADINGS, *(_kpi_cells(row, newest) for row in kpis)])
    if any(row["period_start"] != newest for row in kpis):
        yield "* the newest week whose figure is known and final, from that Monday"
    if any(row["is_provisional"] for row in kpis):
        yield "~ provisional: some cases of the week are not settled yet"
    if any(row["is_too_small"] for row in kpis):
        yield "! too few cases to rely on"


def _kpi_cells(row: Row, newest: date) -> list[str]:
    unit, start = row["unit"], row["period_start"]
    lower, upper = row["interval_lower"], row["interval_upper"]
    has_interval = lower is not None and upper is not None
    has_target = row["target"] is not None
    bound = ">= " if row["direction"] == "up" else "<= "
    marks = "~" * row["is_provisional"] + "!" * row["is_too_small"]
    return [
        row["label"] + (f" *{start:%m-%d}" if start != newest else ""),
        amount(row["value"], unit) + marks,
        f"{amount(lower, unit)} to {amount(upper, unit)}" if has_interval else NONE,
        bound + amount(row["target"], unit) if has_target else NONE,
        row["status"].replace("_", " ") if has_target else NONE,
        change(row["change"], unit),
        f"{row['effective_n'] or 0:,.0f}",
    ]


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
    if unit == "tokens":
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def change(value: float | None, unit: str) -> str:
    """A difference to the period before, signed, in its unit."""
    if value is None:
        return NONE
    if unit == "share":
        points = round(value * 100, 1) + 0.0  # no minus before a zero
        return f"{points:+.1f} pp"
    return ("-" if value < 0 else "+") + amount(abs(value), unit)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _feed_lines(feeds: Sequence[Row]) -> Iterator[str]:
    yield "Records: " + (
        ", ".join(f"{row['feed']} {row['records']:,}" for row in feeds) or "none"
    )
    for row in feeds:
        if row["rejected"]:
            files = row["quarantined_files"]
            yield (
                f"  {row['feed']}: {row['rejected']:,} rejected"
                + (f", {files:,} of them whole files" if files else "")
            )
    if any(row["rejected"] for row in feeds):
        yield f"  which and why: raw.rejected_records in {engines.warehouse_name()}"


def _where_next(place: str) -> Iterator[str]:
    if project.engine() == "snowflake":
        yield f"The marts, for whoever has the role REPORTER: {place}"
    else:
        yield f"The marts, for any tool that reads DuckDB:  {place}"
    yield "What every table and column means:          make docs"
    yield "Runs, lineage, tests, the schedule:         make dev"
    yield "Your own logs:       ACSR_LANDING=<folder> ACSR_HOME=<folder> make run"


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
