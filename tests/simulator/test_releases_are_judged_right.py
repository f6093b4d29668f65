"""Made-up releases of known effect through the model's own SQL: how often is it right?

Hundreds of agents release a version each. Nothing changes, or only the mix of intents
does, or one intent becomes worse by a known amount.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration import project

RELEASES = 400
INTENTS = 10
CASES = 1_000
KPI = "containment_rate"
ALLOWED = 0.05
# three standard errors of a share of 5 % among so many releases
LUCK = 3 * (ALLOWED * (1 - ALLOWED) / RELEASES) ** 0.5

Side = Callable[[int], tuple[float, float]]  # intent -> share of cases, rate


def model(warehouse: Path) -> str:
    """The statement that dbt compiled."""
    folder = warehouse.parent / "target" / "compiled"
    [path] = folder.rglob("kpis/release_report.sql")
    return path.read_text(encoding="utf-8")


def successes(rng: random.Random, cases: int, rate: float) -> int:
    """How many of so many cases count."""
    return sum(rng.random() < rate for _ in range(cases))


def days_of(agent: str, version: str, day: str, side: Side, seed: str) -> Iterator[str]:
    """The daily figures of one version."""
    rng = random.Random(f"{agent}/{version}/{seed}")
    for intent in range(INTENTS):
        share, rate = side(intent)
        cases = round(share * CASES)
        yield (
            f"('{day}', '{agent}', '{version}', 'intent_{intent}', '{KPI}', "
            f"{successes(rng, cases, rate)}, {cases})"
        )


def judged(
    warehouse: Path, before: Side, after: Side, seed: str
) -> duckdb.DuckDBPyConnection:
    """All releases judged by the model, as the table `report`."""
    rows = [
        row
        for number in range(RELEASES)
        for version, day, side in (
            ("1.0", "2026-05-01", before),
            ("1.1", "2026-05-10", after),
        )
        for row in days_of(f"agent_{number}", version, day, side, seed)
    ]
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("use warehouse")
    connection.execute("create schema marts; create schema seeds")
    catalog = project.ROOT / "seeds" / "kpi_catalog.csv"
    connection.execute(
        "create table seeds.kpi_catalog as "
        f"select * from read_csv('{catalog}', header = true)"
    )
    connection.execute(
        "create table marts.kpi_daily (opened_on date, agent_name varchar, "
        "agent_version varchar, intent varchar, kpi varchar, numerator double, "
        f"denominator double); insert into marts.kpi_daily values {', '.join(rows)}"
    )
    connection.execute(f"create table report as {model(warehouse)}")
    return connection


def share_of(connection: duckdb.DuckDBPyConnection, condition: str) -> float:
    """The share of releases of which the condition holds for any row."""
    found = connection.execute(
        f"select count(distinct agent_name) from report where {condition}"
    ).fetchone()
    return found[0] / RELEASES


def rate_of(intent: int) -> float:
    """Intents are easy and hard."""
    return 0.35 + 0.05 * intent


@pytest.fixture(scope="module")
def unchanged(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Releases that change nothing."""

    def same(intent: int) -> tuple[float, float]:
        return 1 / INTENTS, rate_of(intent)

    with judged(warehouse, same, same, "unchanged") as connection:
        yield connection


@pytest.fixture(scope="module")
def shifted(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Releases after which more of the hard cases come, each as well served."""

    def easy(intent: int) -> tuple[float, float]:
        return (1 + intent) / 55, rate_of(intent)

    def hard(intent: int) -> tuple[float, float]:
        return (10 - intent) / 55, rate_of(intent)

    with judged(warehouse, easy, hard, "shifted") as connection:
        yield connection


@pytest.fixture(scope="module")
def worsened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Releases that serve one intent of ten worse by 30 points."""

    def before(intent: int) -> tuple[float, float]:
        return 1 / INTENTS, rate_of(intent)

    def after(intent: int) -> tuple[float, float]:
        return 1 / INTENTS, rate_of(intent) - 0.3 * (intent == 7)

    with judged(warehouse, before, after, "worsened") as connection:
        yield connection


def test_what_changes_nothing_is_seldom_called_a_change(
    unchanged: duckdb.DuckDBPyConnection,
) -> None:
    called = "verdict in ('better', 'worse')"
    assert share_of(unchanged, f"segment_type = 'intent' and {called}") < ALLOWED + LUCK
    assert share_of(unchanged, f"segment = 'all' and {called}") < ALLOWED + LUCK
    # without the correction for many comparisons it would be called one far more often
    alone = "interval_lower > 0 or interval_upper < 0"
    assert share_of(unchanged, f"segment_type = 'intent' and ({alone})") > 4 * ALLOWED


def test_other_customers_are_not_the_releases_fault(
    shifted: duckdb.DuckDBPyConnection,
) -> None:
    assert share_of(shifted, "segment = 'all' and verdict = 'worse'") < ALLOWED + LUCK
    assert share_of(shifted, "segment = 'all' and difference < -0.1") > 0.95
    # the sum of 0.05 i over the intents i, weighed by (10 - i) / 55 less (1 + i) / 55
    [(found,)] = shifted.execute(
        "select avg(mix_difference) from report where segment = 'all'"
    ).fetchall()
    assert found == pytest.approx(-0.15, abs=0.005)


def test_the_interval_holds_the_planted_difference_as_often_as_it_says(
    worsened: duckdb.DuckDBPyConnection, shifted: duckdb.DuckDBPyConnection
) -> None:
    for connection, planted in ((worsened, -0.03), (shifted, 0.0)):
        inside = f"interval_lower <= {planted} and interval_upper >= {planted}"
        held = share_of(connection, f"segment = 'all' and {inside}")
        assert held > 1 - ALLOWED - LUCK


def test_a_worse_intent_is_found_and_named(
    worsened: duckdb.DuckDBPyConnection,
) -> None:
    assert share_of(worsened, "segment = 'intent_7' and verdict = 'worse'") > 0.9
    wrong = "segment_type = 'intent' and segment != 'intent_7'"
    called = "verdict in ('better', 'worse')"
    assert share_of(worsened, f"{wrong} and {called}") < ALLOWED + LUCK
