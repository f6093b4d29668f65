"""What did we say about day D on day E, and which cases moved it? On both engines.

The tables that are recorded are written by hand, night by night; the snapshots and the
marts on them are the project's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.snowflake.connection import connect
from tests.invariant.warehouses import NO_UNIT_TESTS, Warehouse
from tests.snowflake.account import set_up
from tests.snowflake.support import Server, snowflake_dbt

DATABASE = "RESTATED"
AS_OF = "2026-06-10T00:00:00+00:00"
FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)
BUILD = (
    *("build", "--exclude-resource-type", "unit_test", "--select"),
    *("kpi_catalog", "alert_rules", "recorded_kpi_days", "recorded_cases"),
    *("kpi_restatements", "kpi_restated_cases"),
)
RATES = (
    "autonomous_resolution_rate",
    "autonomous_resolution_rate_upper",
    "durable_resolution_rate",
    "containment_rate",
    "automation_rate",
    "escalation_rate",
    "first_contact_resolution_rate",
    "reopen_rate",
    "evidence_coverage",
)
RESOLUTION, REOPENED = "autonomous_resolution_rate", "reopen_rate"
REOPENED_AT = "2026-05-09 10:00:00"

Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Case:
    """A case as one night's build finds it."""

    key: str
    opened_on: date = FIRST
    outcome: str = "resolved_autonomously"
    is_mature: bool = False
    reopened_at: str | None = None
    recontacted_at: str | None = None

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """What it adds to the two rates of this test."""
        handled = self.outcome != "in_progress"
        resolved = self.outcome == "resolved_autonomously"
        return {
            RESOLUTION: (int(resolved), int(handled)),
            REOPENED: (int(self.reopened_at is not None), int(handled)),
        }


@dataclass(frozen=True)
class Engine:
    """A warehouse of either kind."""

    run: Callable[..., Rows]
    build: Callable[[], str]  # gives the id of the build

    def night(
        self, cases: list[Case], said_at: str | None, other_rules: bool = False
    ) -> None:
        """Builds on these cases, and publishes at a time, or not.

        What is published now is known to the next night.
        """
        self.run(*self.tables(cases))
        build = self.build()
        if other_rules:
            self.run(
                "update history.statements set rules = 'other' "
                f"where build_id = '{build}'"
            )
        if said_at is not None:
            self.run(
                "insert into history.publications select "
                f"'p-{said_at}', '{build}', cast('{AS_OF[:10]}' as timestamp), "
                f"cast('{said_at}' as timestamp)"
            )

    def tables(self, cases: list[Case]) -> Iterator[str]:
        """What the snapshots read."""
        for schema in ("marts", "intermediate"):
            yield f"create schema if not exists {schema}"
        sums: dict[tuple[date, str], list[int]] = {}
        for case in cases:
            for kpi, (numerator, denominator) in case.counts.items():
                cell = sums.setdefault((case.opened_on, kpi), [0, 0])
                cell[0] += numerator
                cell[1] += denominator
        yield "create or replace table marts.kpi_trends as " + " union all ".join(
            f"select '{period}' as period_type, '{segment}' as segment_type, "
            f"cast('{day}' as date) as period_start, '{kpi}' as kpi, "
            f"cast({n} as double) as numerator, cast({d} as double) as denominator"
            for (day, kpi), (n, d) in sums.items()
            for period, segment in (("day", "all"), ("week", "all"), ("day", "intent"))
            if n or d
        )
        yield "create or replace table marts.fct_cases as " + " union all ".join(
            f"select '{case.key}' as case_key, '{case.outcome}' as outcome, "
            f"{case.is_mature} as is_mature, {moment(case.reopened_at)} as reopened_at,"
            f" {moment(case.recontacted_at)} as recontacted_at"
            for case in cases
        )
        measured = "create or replace table intermediate.int_cases_measured as "
        yield measured + " union all ".join(
            f"select '{case.key}' as case_key, cast('{case.opened_on}' as date) "
            "as opened_on, "
            + ", ".join(
                f"{case.counts.get(kpi, (0, 0))[place]} as {kpi}__{part}"
                for kpi in RATES
                for place, part in enumerate("nd")
            )
            for case in cases
        )

    def said(self, kpi: str, day: date, moment: str) -> tuple[object, ...] | None:
        """What was said of a day at a moment: the last row until then."""
        rows = self.run(
            "select numerator, denominator from marts.kpi_restatements "
            f"where kpi = '{kpi}' and opened_on = cast('{day}' as date) "
            f"and said_at <= cast('{moment}' as timestamp) "
            "order by said_at desc limit 1"
        )
        return rows[0] if rows else None

    def moved(self, kpi: str, said_at: str) -> Rows:
        """Which cases moved a figure in one publication."""
        return self.run(
            "select opened_on, case_key, reason, numerator_change, denominator_change "
            f"from marts.kpi_restated_cases where kpi = '{kpi}' "
            f"and said_at = cast('{said_at}' as timestamp) order by 1, 2"
        )


def moment(text: str | None) -> str:
    """A timestamp in SQL."""
    stated = f"'{text}'" if text else "null"
    return f"cast({stated} as timestamp)"


@pytest.fixture
def on_snowflake(
    snowflake_server: Server, setup_script: str, tmp_path: Path
) -> Iterator[Engine]:
    set_up(snowflake_server, setup_script, DATABASE)
    login = snowflake_server.environment(DATABASE)
    with closing(connect("TRANSFORMER", login)) as session:

        def run(*statements: str) -> Rows:
            with session.cursor() as cursor:
                rows: Rows = []
                for statement in statements:
                    rows = cursor.execute(statement).fetchall()
                return rows

        def build() -> str:
            done = snowflake_dbt(
                snowflake_server, tmp_path, *BUILD, database=DATABASE, as_of=AS_OF
            )
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr
            told = json.loads((tmp_path / "target" / "run_results.json").read_text())
            return told["metadata"]["invocation_id"]

        yield Engine(run, build)


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Engine:
    warehouse = Warehouse(tmp_path)

    def run(*statements: str) -> Rows:
        rows: Rows = []
        with duckdb.connect(str(warehouse.path)) as connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows

    def build() -> str:
        warehouse.build(datetime.fromisoformat(AS_OF), *BUILD[1:], kinds=NO_UNIT_TESTS)
        (newest,) = run(
            "select build_id from history.statements order by taken_at desc limit 1"
        )
        return str(newest[0])

    return Engine(run, build)


def test_what_was_said_when_and_which_cases_moved_it(on_duckdb: Engine) -> None:
    engine = on_duckdb
    stays, waits = Case("stays"), Case("waits", outcome="in_progress")
    merged, moves = Case("merged"), Case("moves")
    first = [stays, waits, merged]
    engine.night(first, "2026-06-01 03:00:00")
    # a build that failed a test: nobody ever read that less was resolved
    engine.night([Case("stays", outcome="escalated"), waits, moves], None)
    settled = Case("waits", outcome="escalated")
    engine.night([stays, settled, merged, moves], "2026-06-03 03:00:00")
    reopened = Case("stays", outcome="escalated", reopened_at=REOPENED_AT)
    third = [reopened, settled, Case("moves", SECOND)]
    engine.night(third, "2026-06-04 03:00:00")
    engine.night(third, "2026-06-05 03:00:00")
    mended = Case("stays", reopened_at=REOPENED_AT)
    matured = Case("moves", SECOND, "escalated", True)
    again = Case("waits", recontacted_at=REOPENED_AT)
    engine.night([mended, again, matured], "2026-06-06 03:00:00")
    engine.night([Case("back")], "2026-06-07 03:00:00", other_rules=True)
    engine.night([Case("back")], None)

    assert [
        engine.said(RESOLUTION, FIRST, f"2026-06-{day:02} 12:00:00")
        for day in range(1, 8)
    ] == [(2, 2), (2, 2), (3, 4), (0, 2), (0, 2), (2, 2), (1, 1)]
    assert engine.said(RESOLUTION, FIRST, "2026-06-01 02:59:59") is None
    assert [
        engine.said(RESOLUTION, SECOND, f"2026-06-{day:02} 12:00:00")
        for day in (3, 4, 6, 7)
    ] == [None, (1, 1), (0, 1), (0, 0)]
    assert engine.moved(RESOLUTION, "2026-06-01 03:00:00") == []
    assert engine.moved(RESOLUTION, "2026-06-03 03:00:00") == [
        (FIRST, "moves", "arrived", 1, 1),
        (FIRST, "waits", "settled", 0, 1),
    ]
    assert engine.moved(RESOLUTION, "2026-06-04 03:00:00") == [
        (FIRST, "merged", "gone", -1, -1),
        (FIRST, "moves", "opened_on_another_day", -1, -1),
        (FIRST, "stays", "reopened", -1, 0),
    ]
    assert engine.moved(RESOLUTION, "2026-06-05 03:00:00") == []
    assert engine.moved(RESOLUTION, "2026-06-06 03:00:00") == [
        (FIRST, "stays", "corrected", 1, 0),
        (FIRST, "waits", "recontacted", 1, 0),
        (SECOND, "moves", "matured", -1, 0),
    ]
    by_rules = engine.moved(RESOLUTION, "2026-06-07 03:00:00")
    assert {row[2] for row in by_rules} == {"other_rules"}
    assert [row[1] for row in by_rules] == ["back", "stays", "waits", "moves"]
    assert engine.moved(REOPENED, "2026-06-04 03:00:00") == [
        (FIRST, "merged", "gone", 0, -1),
        (FIRST, "moves", "opened_on_another_day", 0, -1),
        (FIRST, "stays", "reopened", 1, 0),
    ]
    assert engine.run(
        "select distinct cast(said_at as date) from marts.kpi_restatements "
        "where is_under_other_rules"
    ) == [(date(2026, 6, 7),)]


def test_snowflake_says_the_same(on_snowflake: Engine) -> None:
    engine = on_snowflake
    stays, merged = Case("stays"), Case("merged")
    engine.night([stays, merged], "2026-06-01 03:00:00")
    engine.night([Case("stays", outcome="escalated")], None)
    reopened = Case("stays", outcome="escalated", reopened_at=REOPENED_AT)
    engine.night([reopened, Case("late")], "2026-06-03 03:00:00")
    engine.night([reopened], None)
    assert [
        engine.said(RESOLUTION, FIRST, f"2026-06-{day:02} 12:00:00")
        for day in (1, 2, 3)
    ] == [(2, 2), (2, 2), (1, 2)]
    assert engine.moved(RESOLUTION, "2026-06-03 03:00:00") == [
        (FIRST, "late", "arrived", 1, 1),
        (FIRST, "merged", "gone", -1, -1),
        (FIRST, "stays", "reopened", -1, 0),
    ]
