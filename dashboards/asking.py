"""Asking a published file: opened read-only for one page, and closed again.

A connection goes on seeing the file that it opened, so one page never mixes two
publications, and the next page sees the next one. Pages are asked one after the other:
within one process DuckDB shares what is open by its path, and a page that began while
another was open would see that one's file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from dashboards import boards
from dashboards.filters import CHOICES, Filters
from orchestration import project
from orchestration.engines import nothing_published

Row = dict[str, Any]
TREND_WEEKS = 13
DAYS_AS_DAYS = (
    42  # a trend over this many days or less goes by the day, else by the week
)

_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Shown:
    """What the page shows: the days of the period, and how sure they are."""

    first: date
    last: date
    trend_first: date
    trend_last: date
    trend_days: int
    final_until: date

    @property
    def is_provisional(self) -> bool:
        """Whether some case of the period may not be settled yet."""
        return self.last > self.final_until


class Published:
    """A published file, with `shown.sql` in place for the filters."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, filters: Filters, value: str | None
    ) -> None:
        self._connection = connection
        self.filters = filters
        self.shown = self._days()
        self._prepare(value)

    def rows(self, query: str, values: object = None) -> list[Row]:
        """The rows of a query; values are bound. Raises ProjectError."""
        try:
            found = self._connection.execute(query, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as problem:
            raise project.ProjectError(
                f"what is published does not answer: {problem}. Was it published by "
                "another revision? `make refresh` publishes it anew"
            ) from problem

    @cached_property
    def publication(self) -> Row:
        """The newest row of the ledger."""
        return self.rows(
            # all of it: a ledger from before there were rollbacks lacks a column
            "select * from marts.publications order by published_at desc limit 1"
        )[0]

    @cached_property
    def choices(self) -> dict[str, list[str]]:
        """What can be chosen for each filter."""
        return {
            name: [
                row["choice"]
                for row in self.rows(
                    f"select distinct {name} as choice from marts.kpi_daily order by 1"
                )
            ]
            for name in CHOICES
        }

    def _days(self) -> Shown:
        """The period in days: what is final, as the marts say it, decides."""
        found = self.rows(
            "select min(period_start) as first, max(period_start) as last, "
            "max(period_start) filter (not is_provisional) as final "
            "from marts.kpi_trends where period_type = 'day'"
        )[0]
        week = self.rows(
            "select max(period_start) as monday from marts.kpi_trends "
            "where period_type = 'week' and not is_provisional"
        )[0]["monday"]
        as_of = self.publication["as_of"].date()
        newest = found["last"] or as_of
        oldest = found["first"] or newest
        final = found["final"] or oldest - timedelta(1)
        sunday = week + timedelta(6) if week else newest
        first, last = {
            "week": (sunday - timedelta(6), sunday),
            "4w": (sunday - timedelta(27), sunday),
            "13w": (sunday - timedelta(90), sunday),
            "all": (oldest, newest),
        }[self.filters.period]
        if self.filters.first or self.filters.last:
            first = self.filters.first or oldest
            last = self.filters.last or max(newest, first)
        trend_last = max(last, newest)
        trend_first = max(
            min(oldest, first), trend_last - timedelta(7 * TREND_WEEKS - 1)
        )
        is_short = (trend_last - trend_first).days < DAYS_AS_DAYS
        if not is_short:  # whole weeks, from Monday to Sunday
            trend_first -= timedelta(trend_first.weekday())
            trend_last += timedelta(6 - trend_last.weekday())
        return Shown(first, last, trend_first, trend_last, 1 if is_short else 7, final)

    def _prepare(self, value: str | None) -> None:
        variables = project.dbt_variables()
        asked: dict[str, object] = {
            "first_day": self.shown.first,
            "last_day": self.shown.last,
            "before_first": self.shown.first
            - (self.shown.last - self.shown.first + timedelta(1)),
            "before_last": self.shown.first - timedelta(1),
            "trend_first": self.shown.trend_first,
            "trend_last": self.shown.trend_last,
            "trend_days": self.shown.trend_days,
            "final_until": self.shown.final_until,
            "as_of": self.publication["as_of"],
            "min_cases": variables.get("min_cases", 30),
            "z": variables.get("confidence_z", 1.959963984540054),
            **{name: getattr(self.filters, name) for name in CHOICES},
            "part": value,
        }
        kinds = {int: "integer", float: "double", date: "date", datetime: "timestamp"}
        columns = ", ".join(
            f"cast(${name} as {kinds.get(type(each), 'varchar')}) as {name}"
            for name, each in asked.items()
        )
        self.rows(f"create temp table asked as select {columns}", asked)
        self.rows(boards.shown_sql())


@contextmanager
def asking(
    path: Path, filters: Filters, value: str | None = None
) -> Iterator[Published]:
    """Opens a published file for one page.

    Raises ProjectError where nothing is published or the file does not answer.
    """
    if not path.exists():
        raise nothing_published(str(path))
    config = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": project.memory_limit(),
    }
    with _ONE_AT_A_TIME:
        try:
            connection = duckdb.connect(str(path), read_only=True, config=config)
        except duckdb.Error as problem:
            raise project.ProjectError(
                f"{path} cannot be opened: {problem}"
            ) from problem
        with connection:
            connection.execute("set lock_configuration = true")
            yield Published(connection, filters, value)
