"""What is behind an alert, a failed test or a rejection: the rows themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from orchestration import engines, project
from orchestration.loading import FEEDS

SHOWN = 100
WIDTH = 60  # characters of a cell
ALERTS = (
    "select alert_key, severity, kind, kpi, segment, period_start, owner "
    "from marts.kpi_alerts order by severity, kind, kpi, period_start desc, segment"
)
REJECTED = (
    "select path, line_number, reason, detail, rejected_at from raw.rejected_records "
    "where feed = '{feed}' order by rejected_at desc, path, line_number"
)


def listed(of: str | None) -> str:
    """Rows as text, of what is named; all alerts where nothing is.

    An alert is named by its key or how that begins, a failed test by its name, the
    rejected records of a feed by `raw.<feed>`. Raises ProjectError for anything else.
    """
    if not of:
        with engines.reading() as ask:
            return _shown(ask(ALERTS), "No alert is listed.")
    feed = of.replace("/", ".").removeprefix("raw.")
    if feed in FEEDS:
        with engines.building() as ask:
            rows = ask(REJECTED.format(feed=feed))
        return _shown(rows, f"No record of {feed} is rejected.")
    if re.fullmatch(r"[0-9a-f]{4,32}", of):
        return _of_alert(of)
    return _of_test(of)


def _of_alert(key: str) -> str:
    with engines.reading() as ask:
        found = ask(
            "select alert_key, case_query from marts.kpi_alerts "
            f"where alert_key like '{key}%'"
        )
        if len(found) != 1:
            problem = "no alert's key begins" if not found else "several keys begin"
            raise project.ProjectError(
                f"{problem} with {key}; what is published now lists: `make cases`"
            )
        query = found[0]["case_query"]
        return f"{query}\n\n{_shown(ask(query), 'No case.')}"


def _of_test(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise project.ProjectError(
            f"{name!r} is no key of an alert, name of a test, or raw.<feed>"
        )
    done = project.run_dbt(
        *("show", "--quiet", "--select", name, "--limit", str(SHOWN)),
        environment={"DBT_TARGET_PATH": str(project.dbt_target_path() / "cases")},
    )
    if done.returncode:
        raise project.ProjectError(f"{name}: {done.stdout.strip() or done.stderr}")
    return done.stdout.strip() or f"{name} finds no row, or there is no such test."


def _shown(rows: Sequence[engines.Row], nothing: str) -> str:
    if not rows:
        return nothing
    cells = [list(rows[0]), *([*map(_cell, row.values())] for row in rows[:SHOWN])]
    hidden = len(rows) - SHOWN
    more = [f"... and {hidden:,} more"] if hidden > 0 else []
    return "\n".join([*_lines(cells), *more])


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else " ".join(str(value).split())[:WIDTH]


def _lines(table: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(table)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
