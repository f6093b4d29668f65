"""How fast a BI tool is answered: queries.sql over three made-up years."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

QUERIES = Path(__file__).with_name("queries.sql")
HISTORY = Path(__file__).with_name("history.sql")
LAST_DAY = date(2026, 3, 1)
DAYS = 1096
ROUNDS = 30
NAMED = re.compile(
    r"^-- (?P<name>[^\n]+)\n(?P<text>(?:select|with)\b.*?;)$", re.DOTALL | re.M
)


@dataclass(frozen=True)
class Answer:
    """Times of one query, in milliseconds, and the rows of its answer."""

    name: str
    rows: int
    p50: float
    p95: float


def queries() -> Iterator[tuple[str, str]]:
    """Name and text of each listed query."""
    for found in NAMED.finditer(QUERIES.read_text(encoding="utf-8")):
        yield found["name"], found["text"]


def make_history(published: Path, path: Path, days: int = DAYS) -> dict[str, int]:
    """Writes days of figures with the shape of a published file; rows by table.

    The tables must have the columns of the published ones, or queries would be timed
    on something else: raises ValueError if they have not.
    """
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        text = str(published).replace("'", "''")
        connection.execute(f"attach '{text}' as source (read_only)")
        connection.execute("set variable last_day = $day", {"day": LAST_DAY})
        connection.execute("set variable days = $days", {"days": days})
        connection.execute(HISTORY.read_text(encoding="utf-8"))
        for table in ("kpi_daily", "kpi_trends", "dim_dates"):
            _compare_columns(connection, table)
        return {
            table: connection.table(f"marts.{table}").count("*").fetchone()[0]
            for table in ("kpi_daily", "kpi_trends")
        }


def _compare_columns(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    made, published = (
        dict(
            connection.execute(
                f"select column_name, column_type from (describe {schema}.{table})"
            ).fetchall()
        )
        for schema in ("marts", "source.marts")
    )
    if made != published:
        wrong = sorted(made.items() ^ published.items())
        raise ValueError(
            f"{table} in benchmarks/history.sql is not the published one: {wrong}"
        )


def ask(path: Path, rounds: int = ROUNDS) -> list[Answer]:
    """Times every query on a read-only connection, answers fetched.

    A BI tool keeps its connection, so each query runs once before it is timed.
    """
    answers = []
    with duckdb.connect(str(path), read_only=True) as connection:
        for name, text in queries():
            rows = len(connection.execute(text).fetchall())
            took = [_milliseconds(connection, text) for _ in range(rounds)]
            answers.append(Answer(name, rows, statistics.median(took), _p95(took)))
    return answers


def _milliseconds(connection: duckdb.DuckDBPyConnection, text: str) -> float:
    began = time.perf_counter()
    connection.execute(text).fetchall()
    return (time.perf_counter() - began) * 1000


def _p95(values: list[float]) -> float:
    """The smallest value that 95 in 100 do not exceed."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]
