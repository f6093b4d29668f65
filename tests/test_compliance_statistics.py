"""The statistics of the compliance claim, against SciPy and statsmodels.

The macros are rendered as dbt would and asked of DuckDB: no figure here comes from a
second implementation of the same formula.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
from typing import Any

import duckdb
import jinja2
import pytest
from scipy.stats import beta, binom, chi2
from statsmodels.stats.inter_rater import cohens_kappa

from orchestration import project

RATES = project.ROOT / "macros" / "rates.sql"
SEED = project.ROOT / "seeds" / "violation_bounds.csv"
MISSED = 0.05  # how often a one-sided bound may be wrong


@pytest.fixture(scope="module")
def macros() -> Any:  # noqa: ANN401 - a module of Jinja's
    """The macros of macros/rates.sql, by name."""
    text = RATES.read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=False).from_string(text).module


@pytest.fixture(scope="module")
def bounds() -> list[tuple[float, float]]:
    """The seed: by number of violations, at least and at most so many."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["violations"]) for row in rows] == list(range(101))
    return [(float(row["lower_bound"]), float(row["upper_bound"])) for row in rows]


def at_most(violations: float) -> float:
    """The most violations that there may be, with 95 % confidence (Poisson)."""
    return chi2.ppf(1 - MISSED, 2 * (violations + 1)) / 2


def at_least(violations: float) -> float:
    """The fewest that there must be."""
    return chi2.ppf(MISSED, 2 * violations) / 2 if violations else 0.0


def asked(expression: str, numbers: list[int]) -> list[float]:
    """An SQL expression of `k`, of each number in turn."""
    listed = ", ".join(f"({number})" for number in numbers)
    query = f"select {expression} from (values {listed}) as it (k) order by k"
    return [value for (value,) in duckdb.sql(query).fetchall()]


def test_the_seed_is_scipys_to_its_last_digit(
    bounds: list[tuple[float, float]],
) -> None:
    for violations, (lower, upper) in enumerate(bounds):
        assert lower == pytest.approx(at_least(violations), abs=6e-13)
        assert upper == pytest.approx(at_most(violations), abs=6e-13)
    assert [round(upper, 3) for _, upper in bounds[:4]] == [2.996, 4.744, 6.296, 7.754]


def test_beyond_the_seed_the_bounds_are_scipys_within_a_hundred_thousandth(
    macros: Any,  # noqa: ANN401
) -> None:
    numbers = [101, 102, 150, 1_000, 25_000, 1_000_000]
    for macro, exact in (("most_events", at_most), ("least_events", at_least)):
        found = asked(getattr(macros, macro)("k"), numbers)
        assert found == pytest.approx([exact(number) for number in numbers], rel=1e-5)


def test_2996_clean_audits_prove_the_target_and_2995_do_not(
    bounds: list[tuple[float, float]],
) -> None:
    assert 1 - bounds[0][1] / 2_996 >= 0.999 > 1 - bounds[0][1] / 2_995


def test_no_bound_is_tighter_than_clopper_and_pearsons(
    bounds: list[tuple[float, float]],
) -> None:
    """The exact binomial interval lies within ours, rare or not: who claims must prove.

    But for a single violation, of which there must be 1/19.5 by Poisson and 1/20 by the
    binomial of one audit; of many audits both say the same.
    """
    for audits in (1, 7, 60, 101, 3_000, 100_000):
        for violations in range(min(audits, 100) + 1):
            lower, upper = (it / audits for it in bounds[violations])
            if violations < audits:
                exact = beta.ppf(1 - MISSED, violations + 1, audits - violations)
                assert upper >= exact - 1e-12
            if violations:
                exact = beta.ppf(MISSED, violations, audits - violations + 1)
                assert lower <= exact * (1.026 if violations == 1 else 1) + 1e-12


@pytest.mark.parametrize("audits", [50, 400, 3_000, 6_000])
def test_a_false_claim_is_supported_or_refuted_one_time_in_twenty_at_most(
    audits: int, bounds: list[tuple[float, float]]
) -> None:
    """Over every number of violations that may be found, by their exact chances."""
    for share in (1e-5, 2e-4, 9.9e-4, 1.01e-3, 2e-3, 5e-3, 1.2e-2):
        too_high = too_low = 0.0
        for violations in range(101):
            chance = binom.pmf(violations, audits, share)
            lower, upper = (it / audits for it in bounds[violations])
            too_high += chance * (upper < share)
            too_low += chance * (lower > share)
        assert too_high <= MISSED
        assert too_low <= MISSED


def test_kappa_is_that_of_statsmodels(macros: Any) -> None:  # noqa: ANN401
    rng = random.Random(1)
    tables = [tuple(rng.choices(range(12), k=4)) for _ in range(60)]
    tables += list(itertools.product((0, 1, 5), repeat=4))
    expression = macros.cohens_kappa("a + b + c + d", "a + d", "(a + b)", "(a + c)")
    for a, b, c, d in tables:
        query = (
            f"select {expression} from (values ({a}, {b}, {c}, {d})) as it (a, b, c, d)"
        )
        (found,) = duckdb.sql(query).fetchone() or (math.nan,)
        pairs = a + b + c + d
        by_chance = (a + b) * (a + c) + (c + d) * (b + d)
        if by_chance == pairs * pairs:
            assert found is None
        else:
            exact = cohens_kappa([[a, b], [c, d]], return_results=False)
            assert found == pytest.approx(exact, abs=1e-12)
