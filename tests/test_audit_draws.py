"""Drawing by hash, over many salts: the weighted estimate is right on average.

The lots are those of the macros that the model uses, asked of DuckDB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import duckdb
import jinja2
import pytest

from orchestration import project

HASHING = project.ROOT / "macros" / "engine" / "hashing.sql"
SALTS = 250
# stratum: cases, of them violations, chance to be drawn
STRATA = {
    "failed": (60, 30, 1.0),
    "suspect": (340, 17, 0.25),
    "hard": (500, 10, 0.2),
    "rest": (1_100, 3, 0.1),
}
DEVIATIONS = 4.0  # a right estimate strays further once in 16,000 times


@dataclass(frozen=True)
class Draw:
    """What one salt draws: weights of all that is drawn, and of the violations."""

    cases: int
    weight: float
    violating_weight: float
    violations: int


class Duckdb:
    """What dbt offers macros to find those of the engine."""

    macros: ClassVar[Any]

    def dispatch(self, name: str) -> Any:  # noqa: ANN401 - a macro of Jinja's
        """The macro of this engine."""
        return getattr(self.macros, f"duckdb__{name}")


@pytest.fixture(scope="module")
def lots() -> duckdb.DuckDBPyConnection:
    """The lot of every case under every salt, with its rate and the truth."""
    cases = " union all ".join(
        f"select '{stratum}-' || i as case_key, {rate} as rate, "
        f"i < {violations} as is_violation from range({count}) as it (i)"
        for stratum, (count, violations, rate) in STRATA.items()
    )
    source = HASHING.read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=False).from_string(source)
    macros: Any = template.make_module({"adapter": Duckdb(), "return": str})
    Duckdb.macros = macros
    connection = duckdb.connect()
    connection.execute(
        f"create table keys as select salt, rate, is_violation, case_key, "
        f"{macros.surrogate_key(['salt', 'case_key'])} as key from ({cases}) as cases "
        f"cross join (select 'salt ' || i as salt from range({SALTS}) as it (i)) as it"
    )
    connection.execute(
        f"create table lots as select *, {macros.hash_share('key')} as lot from keys"
    )
    return connection


@pytest.fixture(scope="module")
def draws(lots: duckdb.DuckDBPyConnection) -> list[Draw]:
    rows = lots.execute(
        """
        select
            count(*), sum(1 / rate),
            coalesce(sum(1 / rate) filter (is_violation), 0), count_if(is_violation)
        from lots
        where lot < rate
        group by salt
        """
    ).fetchall()
    assert len(rows) == SALTS
    return [Draw(*row) for row in rows]


def everybody() -> tuple[int, int]:
    """Cases and violations of all strata."""
    return sum(it[0] for it in STRATA.values()), sum(it[1] for it in STRATA.values())


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_the_weighted_sums_are_right_on_average(draws: list[Draw]) -> None:
    """Exactly unbiased; the variance of each is known: of a drawn y, y (1 - p) / p."""
    cases, violations = everybody()
    for found, truth, place in (
        ([draw.weight for draw in draws], cases, 0),
        ([draw.violating_weight for draw in draws], violations, 1),
    ):
        variance = sum(it[place] * (1 - it[2]) / it[2] for it in STRATA.values())
        assert abs(mean(found) - truth) < DEVIATIONS * math.sqrt(variance / SALTS)


def test_the_weighted_rate_is_right_on_average(draws: list[Draw]) -> None:
    """By its linearised variance; a share of two sums is biased by less than that
    variance over the number of cases drawn, which is far below the tolerance.
    """
    cases, violations = everybody()
    truth = violations / cases
    variance = sum(
        (bad * (1 - truth) ** 2 + (count - bad) * truth**2) * (1 - rate) / rate
        for count, bad, rate in STRATA.values()
    )
    tolerance = DEVIATIONS * math.sqrt(variance / SALTS) / cases
    found = mean([draw.violating_weight / draw.weight for draw in draws])
    assert tolerance < truth / 20
    assert abs(found - truth) < tolerance
    plain = mean([draw.violations / draw.cases for draw in draws])
    assert abs(plain - truth) > 10 * tolerance, "unequal rates must matter here"


def test_the_estimates_spread_as_much_as_chance_would_have_it(
    draws: list[Draw],
) -> None:
    """Lots that hang together would be right on average, and wrong each time."""
    variance = sum(bad * (1 - rate) / rate for _, bad, rate in STRATA.values())
    average = mean([draw.violating_weight for draw in draws])
    found = sum((draw.violating_weight - average) ** 2 for draw in draws) / (SALTS - 1)
    assert abs(found / variance - 1) < DEVIATIONS * math.sqrt(2 / SALTS)


def test_lots_are_evenly_spread_between_0_and_1(
    lots: duckdb.DuckDBPyConnection,
) -> None:
    rows = lots.execute(
        "select floor(lot * 10), count(*) from lots group by all order by all"
    ).fetchall()
    cases, _ = everybody()
    expected = SALTS * cases / 10
    assert [place for place, _ in rows] == list(range(10))
    for _, count in rows:
        assert abs(count - expected) < DEVIATIONS * math.sqrt(expected * 0.9)


def test_another_salt_draws_others(lots: duckdb.DuckDBPyConnection) -> None:
    """At one rate in ten, a tenth of those drawn under one salt are under the next."""
    [(first, both)] = lots.execute(
        """
        select count(*), count_if(other.lot < 0.1)
        from lots inner join lots as other using (case_key)
        where lots.salt = 'salt 1' and other.salt = 'salt 2' and lots.lot < 0.1
        """
    ).fetchall()
    assert abs(both - first / 10) < DEVIATIONS * math.sqrt(first * 0.09)
