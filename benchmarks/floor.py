"""The floor: runs floor.sql on a landing root, and compares it with the pipeline.

`python -m benchmarks.floor <landing> <database> <as_of>` in a process of its own, so
that its start-up and its memory are measured as the pipeline's are.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

SCRIPT = Path(__file__).with_name("floor.sql")
SEEDS = Path(__file__).resolve().parents[1] / "seeds"
TOLERANCE = 1e-9  # of a sum of floats, which depends on the order of adding

COUNTS = {
    "sessions": "select count(*) from {sessions}",
    "cases": "select count(*) from {cases}",
    "cases resolved autonomously": (
        "select count(*) from {cases} where is_resolved_autonomously"
    ),
    "escalations": "select count(*) from {escalations}",
    **{
        f"cases {outcome}": (
            f"select count(*) from {{cases}} where outcome = '{outcome}'"
        )
        for outcome in (
            "resolved_by_human",
            "escalated",
            "closed_unproven",
            "dropped_off",
            "abandoned",
            "in_progress",
        )
    },
}
PIPELINE = {
    "sessions": "pipeline.marts.fct_sessions",
    "cases": "pipeline.marts.fct_cases",
    "escalations": "pipeline.marts.fct_escalations",
}
FLOOR = {
    "sessions": "floor.sessions",
    "cases": "floor.cases",
    "escalations": "floor.escalations",
}
DIFFERENT_KPIS = f"""
    with

    pipeline as (
        select
            opened_on, intent, tier, channel, agent_name, agent_version, kpi,
            numerator, denominator
        from pipeline.marts.kpi_daily
        where numerator != 0 or denominator != 0
    ),

    floor as (
        select
            opened_on, intent, tier, channel, agent_name, agent_version, kpi,
            n as numerator, d as denominator
        from floor.kpi_daily
        where n != 0 or d != 0
    )

    select
        kpi,
        count(*) as differing_cells,
        sum(pipeline.numerator), sum(floor.numerator),
        sum(pipeline.denominator), sum(floor.denominator)
    from pipeline
    full join floor
        using (opened_on, intent, tier, channel, agent_name, agent_version, kpi)
    where
        (
            abs(pipeline.numerator - floor.numerator)
            <= {TOLERANCE} * greatest(1, abs(pipeline.numerator))
            and abs(pipeline.denominator - floor.denominator)
            <= {TOLERANCE} * greatest(1, abs(pipeline.denominator))
        ) is not true
    group by all
    order by all
"""


def run(landing: Path, database: Path, as_of: datetime) -> list[tuple[str, float]]:
    """Builds the database from a landing root; the seconds of each statement."""
    database.unlink(missing_ok=True)
    took = []
    with duckdb.connect(str(database)) as connection:
        for name, value in (
            ("landing", str(landing)),
            ("seeds", str(SEEDS)),
            ("as_of", as_of.astimezone(UTC).replace(tzinfo=None)),
        ):
            connection.execute(f"set variable {name} = $value", {"value": value})
        for statement in connection.extract_statements(SCRIPT.read_text("utf-8")):
            began = time.monotonic()
            connection.execute(statement)
            took.append((_title(statement.query), time.monotonic() - began))
        began = time.monotonic()
        connection.execute("checkpoint")
        took.append(("checkpoint", time.monotonic() - began))
    return took


def _title(statement: str) -> str:
    """The first words of a statement, its comments left out."""
    lines = [line for line in statement.splitlines() if not line.startswith("--")]
    return " ".join(" ".join(lines).split()[:3])


def differences(floor: Path, pipeline: Path) -> list[str]:
    """Where the floor and a warehouse or published file do not say the same."""
    with duckdb.connect() as connection:
        for name, path in (("floor", floor), ("pipeline", pipeline)):
            text = str(path).replace("'", "''")
            connection.execute(f"attach '{text}' as {name} (read_only)")
        return [*_different_counts(connection), *_different_kpis(connection)]


def _different_counts(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for name, query in COUNTS.items():
        counts = [
            connection.execute(query.format(**tables)).fetchone()[0]
            for tables in (PIPELINE, FLOOR)
        ]
        if counts[0] != counts[1]:
            yield f"{name}: pipeline {counts[0]:,}, floor {counts[1]:,}"


def _different_kpis(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for kpi, cells, *sums in connection.execute(DIFFERENT_KPIS).fetchall():
        shown = ["none" if it is None else f"{it:,.6g}" for it in sums]
        yield (
            f"{kpi}: {cells:,} daily figures differ; numerators {shown[0]} in the "
            f"pipeline, {shown[1]} in the floor; denominators {shown[2]}, {shown[3]}"
        )


def counts(floor: Path) -> dict[str, int]:
    """The main counts of a floor's database."""
    with duckdb.connect(str(floor), read_only=True) as connection:
        tables = {name: name for name in FLOOR}
        return {
            name: connection.execute(query.format(**tables)).fetchone()[0]
            for name, query in COUNTS.items()
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the floor; prints the seconds of its statements as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor")
    parser.add_argument("landing", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("as_of", type=datetime.fromisoformat)
    given = parser.parse_args(arguments)
    print(json.dumps(run(given.landing, given.database, given.as_of)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
