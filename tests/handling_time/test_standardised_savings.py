"""Time saved and its interval, against SciPy over the single cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from tests.handling_time.conftest import Bench, Row

Times = np.ndarray  # seconds, one per case
Cell = tuple[Times, Times]  # the agent's and people's
MIN_CASES = 30
OPENED_ON = date(2026, 5, 1)
AT = datetime(2026, 5, 1)
# The quantile of t is an expansion; its error is that of macros/student_t.sql.
CLOSE = 1.3e-3


def rows_of(cells: Iterable[Cell], clock: str) -> list[tuple[object, ...]]:
    """Rows of int_cases_measured; people by one clock."""
    rows: list[tuple[object, ...]] = []
    for number, (agent, people) in enumerate(cells):
        where = (OPENED_ON, f"intent_{number}", "tier_1", "chat")
        rows += [("agent", *where, x, 1, 0, 0, 0, 0) for x in agent.tolist()]
        for seconds in people.tolist():
            active = (seconds, 1, 0, 0) if clock == "active" else (0, 0, seconds, 1)
            rows.append(("people", *where, 0, 0, *active))
    return rows


def compared(bench: Bench, cells: Iterable[Cell], clock: str) -> tuple[Row, list[Row]]:
    """The row for all cells together, and those of the cells in order."""
    found = bench.compare(
        int_cases_measured=rows_of(cells, clock), fct_cases=[("none", AT, AT)]
    )
    rows = [
        row
        for row in found
        if (row["period_type"], row["people_measure"]) == ("all", clock)
    ]
    [total] = [row for row in rows if row["segment_type"] == "all"]
    own = [row for row in rows if row["segment_type"] == "cell"]
    return total, sorted(own, key=lambda row: int(row["intent"].split("_")[1]))


def drawn(seed: int, sizes: Iterable[tuple[int, int]], scale: float) -> list[Cell]:
    """Skewed times as handling times are, of other sizes and means in each cell."""
    rng = np.random.default_rng(seed)
    return [
        (
            np.round(rng.lognormal(4 + number / 5, 1.0, agent) * scale, 6),
            np.round(rng.lognormal(6 + number / 3, 0.8, people) * scale, 6),
        )
        for number, (agent, people) in enumerate(sizes)
    ]


@dataclass(frozen=True)
class Saving:
    """Seconds per case, with the interval of the mean."""

    seconds: float
    lower: float
    upper: float


def by_scipy(agent: Times, people: Times, clock: str) -> Saving:
    """Of one cell: Welch's test, or that of people's mean alone."""
    if clock == "active":
        test = stats.ttest_1samp(people, 0.0)
        seconds = people.mean()
    else:
        test = stats.ttest_ind(people, agent, equal_var=False)
        seconds = people.mean() - agent.mean()
    interval = test.confidence_interval(0.95)
    return Saving(seconds, interval.low, interval.high)


def standardised(cells: list[Cell], clock: str) -> Saving:
    """Of several cells, weighted by the agent's cases (Welch and Satterthwaite)."""
    is_paid = clock == "active"
    total = sum(len(agent) for agent, _ in cells)
    lone = [agent for agent, _ in cells if len(agent) > 1]
    spread = sum(((agent - agent.mean()) ** 2).sum() for agent in lone)
    pooled = spread / sum(len(agent) - 1 for agent in lone) if lone else np.nan
    seconds = error = freedom = 0.0
    for agent, people in cells:
        weight = len(agent) / total
        seconds += weight * (people.mean() - (0.0 if is_paid else agent.mean()))
        part = weight**2 * people.var(ddof=1) / len(people)
        error += part
        freedom += part**2 / (len(people) - 1)
        if not is_paid and len(agent) > 1:
            part = weight**2 * agent.var(ddof=1) / len(agent)
            error += part
            freedom += part**2 / (len(agent) - 1)
        elif not is_paid:
            error += weight**2 * pooled
    margin = stats.t.ppf(0.975, error**2 / freedom) * sqrt(error)
    return Saving(seconds, seconds - margin, seconds + margin)


def assert_is(row: Row, saving: Saving) -> None:
    assert row["seconds_saved_per_case"] == pytest.approx(saving.seconds, rel=1e-9)
    close = CLOSE * (saving.upper - saving.lower) / 2
    assert row["seconds_saved_lower"] == pytest.approx(saving.lower, abs=close)
    assert row["seconds_saved_upper"] == pytest.approx(saving.upper, abs=close)
    hours = row["covered_agent_cases"] / 3600
    assert row["hours_saved"] == pytest.approx(saving.seconds * hours)
    assert row["hours_saved_upper"] == pytest.approx(row["seconds_saved_upper"] * hours)


@pytest.mark.parametrize("clock", ["active", "elapsed"])
@pytest.mark.parametrize(("seed", "scale"), [(1, 1.0), (2, 0.01), (3, 5_000.0)])
def test_each_cell_has_the_interval_of_welch(
    bench: Bench, clock: str, seed: int, scale: float
) -> None:
    """Over seconds, parts of them and months: no sum runs over or loses its digits."""
    cells = drawn(seed, [(200, 40), (4, 30), (31, 90)], scale)
    _, rows = compared(bench, cells, clock)
    assert len(rows) == len(cells)
    for row, (agent, people) in zip(rows, cells, strict=True):
        assert_is(row, by_scipy(agent, people, clock))
        assert row["agent_p90_seconds"] == pytest.approx(np.quantile(agent, 0.9))
        assert row["people_p50_seconds"] == pytest.approx(np.quantile(people, 0.5))
        assert row["people_p90_seconds"] == pytest.approx(np.quantile(people, 0.9))


@pytest.mark.parametrize("clock", ["active", "elapsed"])
@pytest.mark.parametrize("seed", [4, 5, 6])
def test_cells_together_are_weighted_by_the_agents_mix(
    bench: Bench, clock: str, seed: int
) -> None:
    """Cells with few cases of people stay out; a lone case takes the others' spread."""
    cells = drawn(seed, [(300, 35), (50, 60), (1, 30), (7, 29), (12, 200)], 1.0)
    total, _ = compared(bench, cells, clock)
    covered = [cell for cell in cells if len(cell[1]) >= MIN_CASES]
    assert len(covered) == len(cells) - 1
    assert_is(total, standardised(covered, clock))
    assert total["agent_cases"] == 370
    assert total["covered_agent_cases"] == 363
    assert total["coverage"] == pytest.approx(363 / 370)
    if clock == "active":
        assert total["cost_saved_usd"] == pytest.approx(36 * total["hours_saved"])
        assert total["cost_saved_lower_usd"] == pytest.approx(
            36 * total["hours_saved_lower"]
        )
    else:
        assert total["cost_saved_usd"] is None


def test_a_mix_that_differs_is_no_saving(bench: Bench) -> None:
    """People and agent are as fast in each cell; people have the longer cases."""
    short, long = np.linspace(50, 150, 40), np.linspace(900, 1_100, 40)
    cells = [(np.tile(short, 9), short), (long, np.tile(long, 9))]
    total, _ = compared(bench, cells, "elapsed")
    everyone = np.concatenate([people for _, people in cells]).mean()
    ours = np.concatenate([agent for agent, _ in cells]).mean()
    assert everyone - ours > 600
    assert total["seconds_saved_per_case"] == pytest.approx(0.0, abs=1e-6)
    assert total["seconds_saved_lower"] < 0 < total["seconds_saved_upper"]


def test_a_lone_case_among_no_others_has_no_interval(bench: Bench) -> None:
    cells = drawn(7, [(1, 40)], 1.0)
    total, [row] = compared(bench, cells, "elapsed")
    for one in (total, row):
        assert one["is_compared"]
        assert one["seconds_saved_per_case"] is not None
        assert one["seconds_saved_lower"] is None
        assert one["hours_saved_upper"] is None


@pytest.mark.parametrize("agent", [(0, 9e4, 1e4, 5e4), (0, 9e4, 4e4, 6e4, 1e4, 5e4)])
def test_few_cases_make_a_wide_interval(bench: Bench, agent: Times) -> None:
    """Nearly all of the spread lies in a few cases: three degrees, or five."""
    people = np.linspace(50_000, 50_100, 30)
    total, [row] = compared(bench, [(np.array(agent), people)], "elapsed")
    saving = by_scipy(np.array(agent), people, "elapsed")
    assert row["degrees_of_freedom"] == pytest.approx(len(agent) - 1, rel=1e-3)
    for one in (total, row):
        assert_is(one, saving)


def test_with_fewer_than_three_degrees_of_freedom_there_is_no_interval(
    bench: Bench,
) -> None:
    agent = np.array([0.0, 90_000.0, 10_000.0])
    people = np.linspace(50_000, 50_100, 30)
    _, [row] = compared(bench, [(agent, people)], "elapsed")
    assert row["degrees_of_freedom"] < 3
    assert row["seconds_saved_per_case"] is not None
    assert row["seconds_saved_lower"] is None
