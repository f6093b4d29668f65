"""The charts against published figures, a plain reference, and chance itself."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from statistics import mean

import pytest

from tests.alerts.charts import (
    SHARE,
    TIME,
    Charted,
    Day,
    beyond,
    chart,
    last_days,
    quiet_shares,
    quiet_times,
)

SERIES = 36  # of 28 judged days: 1,008 days


def limits_of(days: list[Charted], sigmas: float) -> tuple[float, float]:
    """The limits of the last day."""
    (last,) = last_days(days)
    return (
        last.centre - sigmas * last.deviation,
        last.centre + sigmas * last.deviation,
    )


def test_times_have_the_limits_that_nist_publishes(sql: str) -> None:
    """NIST/SEMATECH e-Handbook 6.3.2.2, individuals chart of ten flow rates."""
    flow = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
    series = [Day(20 * value, 20) for value in (*flow, 50.0)]
    days = chart(sql, TIME, {"flow": series})
    assert last_days(days)[0].centre == pytest.approx(50.81)
    assert limits_of(days, 3) == pytest.approx((45.8159, 55.8041), abs=5e-5)


def laney(baseline: list[Day], judged: Day) -> tuple[float, float]:
    """Centre and deviation of a day's share: Laney 2002, never below chance."""
    centre = sum(day.numerator for day in baseline) / sum(
        day.denominator for day in baseline
    )

    def binomial(day: Day) -> float:
        variance = day.denominator * centre * (1 - centre)
        return math.sqrt(max(variance, 1)) / day.denominator

    scores = [
        (day.numerator / day.denominator - centre) / binomial(day) for day in baseline
    ]
    ranges = [abs(b - a) for a, b in pairwise(scores)]
    return centre, binomial(judged) * max(1, mean(ranges) / 1.128)


def individuals(baseline: list[Day]) -> tuple[float, float]:
    """Centre and deviation of a day's mean: Wheeler's XmR."""
    values = [day.numerator / day.denominator for day in baseline]
    ranges = [abs(b - a) for a, b in pairwise(values)]
    return mean(values), mean(ranges) / 1.128


def test_shares_of_large_days_move_as_much_as_they_always_did(sql: str) -> None:
    """Emergency attendances seen within four hours, six weeks: Mohammed 2013.

    A plain p chart has limits 0.12 points away, and half of the weeks are outside.
    """
    seen = [
        (266501, 280443),
        (264225, 276823),
        (276532, 291681),
        (281461, 296155),
        (269071, 282343),
        (261215, 275888),
    ]
    weeks = [Day(*week) for week in seen]
    days = chart(sql, SHARE, {"weeks": [*weeks, Day(266501, 280443)]})
    (last,) = last_days(days)
    assert (last.centre, last.deviation) == pytest.approx(laney(weeks, weeks[0]))
    chance = math.sqrt(last.centre * (1 - last.centre) / 280443)
    assert last.deviation > 5 * chance
    assert all(
        abs(week.numerator / week.denominator - last.centre) < 3 * last.deviation
        for week in weeks
    )


@pytest.mark.parametrize("seed", range(3))
def test_every_limit_is_that_of_the_reference(sql: str, seed: int) -> None:
    random = Random(seed)
    volume, share = random.choice([30, 200]), random.choice([0.05, 0.6, 0.999])
    series = quiet_shares(seed, volume, share, 0.3, count=2)
    found = {(day.series, day.day): day for day in chart(sql, SHARE, series)}
    checked = 0
    for name, days in series.items():
        counted = [day for day in days if day.denominator >= 20]
        judged = sorted(key for key in found if key[0] == name)
        for back, key in enumerate(reversed(judged), start=1):
            place = len(counted) - back
            baseline = counted[max(0, place - 28) : place]
            got = found[key].centre, found[key].deviation
            assert got == pytest.approx(laney(baseline, counted[place]))
            checked += 1
    assert checked > 30
    times = quiet_times(seed, 30, 0.1, count=1)
    (last,) = last_days(chart(sql, TIME, times))
    counted = [day for day in times[last.series] if day.denominator >= 20]
    got = last.centre, last.deviation
    assert got == pytest.approx(individuals(counted[-29:-1]))


def alarms(days: list[Charted]) -> float:
    """The share of days outside the limits as the model sets them."""
    return sum(not day.lower <= day.value <= day.upper for day in days) / len(days)


def test_a_thousand_quiet_days_raise_few_alarms(sql: str) -> None:
    """The shares are what DECISIONS.md states, with room for their own chance."""
    shares = chart(sql, SHARE, quiet_shares(11, 60, 0.6, 0.2, SERIES))
    times = chart(sql, TIME, quiet_times(12, 60, 0.1, SERIES))
    assert min(len(shares), len(times)) >= 1000
    assert alarms(shares) <= 0.008
    assert alarms(times) <= 0.016
    assert beyond(shares, 2) > 0.02  # not for want of looking


def test_a_break_is_seen_on_its_first_day_if_it_is_large_for_its_volume(
    sql: str,
) -> None:
    def seen(volume: float, points: int) -> float:
        broken = quiet_shares(13, volume, 0.6, 0.1, 60, 0.6 - points / 100)
        return alarms(last_days(chart(sql, SHARE, broken)))

    assert seen(400, 20) > 0.9
    assert seen(100, 20) > 0.35
    assert seen(100, 5) < 0.1
    slow = quiet_times(14, 100, 0.1, 60, broken=2.0)
    assert alarms(last_days(chart(sql, TIME, slow))) > 0.7
