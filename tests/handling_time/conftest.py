"""The models of handling time as dbt compiles them, over tables that a test makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support import dbt

AS_OF = "2026-06-01T00:00:00+00:00"
MODELS = ("dim_business_days", "handling_time_comparison")
CLOCKS = ("automated", "human_active", "human_elapsed")
MEASURED = ", ".join(
    f"aht_{clock}_seconds__n double, aht_{clock}_seconds__d bigint" for clock in CLOCKS
)
TABLES = {
    "marts.fct_cases": "case_key varchar, opened_at timestamp, resolved_at timestamp",
    "seeds.business_hours": (
        "weekday integer, opens_at varchar, closes_at varchar, time_zone varchar"
    ),
    "seeds.holidays": "holiday_date date, name varchar",
    "intermediate.int_cases_measured": (
        "case_key varchar, opened_on date, intent varchar, tier varchar, "
        f"channel varchar, {MEASURED}"
    ),
}

Row = dict[str, Any]


class Bench:
    """A warehouse in memory with the inputs of the models, and the models' SQL."""

    def __init__(self, statements: dict[str, str]) -> None:
        self._statements = statements
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute("attach ':memory:' as warehouse")
        self._connection.execute("use warehouse")
        for name, columns in TABLES.items():
            schema = name.partition(".")[0]
            self._connection.execute(f"create schema if not exists {schema}")
            self._connection.execute(f"create table {name} ({columns})")

    def compare(self, **tables: Sequence[Sequence[object]]) -> list[Row]:
        """The rows of `handling_time_comparison` over rows of each table.

        A table goes by its plain name; one that is not given is empty.
        """
        for name in TABLES:
            rows = tables.get(name.partition(".")[2], ())
            self._connection.execute(f"delete from {name}")
            if rows:
                places = ", ".join("?" * len(rows[0]))
                self._connection.executemany(
                    f"insert into {name} values ({places})", rows
                )
        days, comparison = (self._statements[name] for name in MODELS)
        self._connection.execute(
            f"create or replace table marts.dim_business_days as {days}"
        )
        found = self._connection.execute(comparison)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def days(self) -> list[Row]:
        """The rows of `dim_business_days` behind the last comparison."""
        found = self._connection.execute(
            "select * from marts.dim_business_days order by utc_day"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("handling_time")
    dbt(
        *(home, AS_OF, "compile", "--select", *MODELS),
        *("--vars", "{min_cases: 30, human_cost_usd_per_hour: 36}"),
    )
    folder = home / "target" / "compiled"
    made = Bench({name: compiled(folder, name) for name in MODELS})
    yield made
    made.close()


def compiled(folder: Path, name: str) -> str:
    """The statement of a model."""
    [path] = folder.rglob(f"{name}.sql")
    return path.read_text(encoding="utf-8")
