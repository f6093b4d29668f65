"""The model's own control charts on made-up days: false alarms, and breaks seen.

    python -m tests.alerts.charts

A series is 28 days that say what is usual and 28 that are judged, of one figure. The
series are generated here; the limits are those of the compiled model, run on them.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb

from tests.support import dbt, dbt_state

AS_OF = "2026-06-01T00:00:00+00:00"
TODAY = date(2026, 6, 1)
BASELINE, JUDGED = 28, 28
SIGMAS = (3.0, 3.5, 4.0)
SERIES = 360  # of 28 judged days: 10,080 days
COMPILED = "target/compiled/acsr_warehouse/models/intermediate/int_kpi_days_charted.sql"
SHARE, TIME = "autonomous_resolution_rate", "aht_automated_seconds"


@dataclass(frozen=True)
class Day:
    """One day of a series: a numerator and a denominator."""

    numerator: float
    denominator: int


@dataclass(frozen=True)
class Charted:
    """A judged day: how many deviations from the usual, and with which limits."""

    series: str
    day: date
    value: float
    centre: float
    deviation: float
    lower: float
    upper: float

    @property
    def distance(self) -> float:
        """Deviations from the centre, with its sign."""
        return (self.value - self.centre) / self.deviation if self.deviation else 0.0


def compiled_chart(home: Path) -> str:
    """The SQL of the charts as dbt compiles it, with the project's settings."""
    home.mkdir(parents=True, exist_ok=True)
    fewer = '{"alert_min_baseline_days": 6}'  # published examples are short
    dbt(home, AS_OF, "compile", "--vars", fewer, "--select", "int_kpi_days_charted")
    target = Path(dbt_state(home)["DBT_TARGET_PATH"])
    return (target.parent / COMPILED).read_text(encoding="utf-8")


def chart(sql: str, kpi: str, series: dict[str, list[Day]]) -> list[Charted]:
    """Runs the charts on series whose last day is yesterday, all days settled."""
    unit = "share" if kpi == SHARE else "seconds"
    names, days, numerators, denominators = [], [], [], []
    for name, found in series.items():
        for back, day in enumerate(reversed(found), start=1):
            names.append(name)
            days.append(TODAY - timedelta(days=back))
            numerators.append(float(day.numerator))
            denominators.append(float(day.denominator))
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        for schema in ("marts", "seeds"):
            connection.execute(f"create schema warehouse.{schema}")
        connection.execute(
            "create table warehouse.seeds.alert_rules as select "
            "'control_limit' as kind, $kpi as kpi, true as is_by_intent",
            {"kpi": kpi},
        )
        connection.execute(
            """
            create table warehouse.marts.kpi_trends as
            select
                'day' as period_type, 'all' as segment_type, false as is_provisional,
                $unit as unit, $kpi as kpi, unnest($names) as segment,
                unnest($days) as period_start, unnest($numerators) as numerator,
                unnest($denominators) as denominator,
                unnest($numerators) / unnest($denominators) as value
            """,
            {
                "unit": unit,
                "kpi": kpi,
                "names": names,
                "days": days,
                "numerators": numerators,
                "denominators": denominators,
            },
        )
        rows = connection.execute(
            "select segment, period_start, value, centre, deviation, lower_limit, "
            f"upper_limit from ({sql}) order by all"
        ).fetchall()
    return [Charted(*row) for row in rows]


def poisson(random: Random, mean: float) -> int:
    """A count of events that do not know of each other."""
    if mean > 500:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    count, left = 0, random.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + random.expovariate(1.0)
    return count


def share_day(
    random: Random, volume: float, share: float, spread: float, weekday: int
) -> Day:
    """A day of a rate; `spread` moves its logit from day to day beyond chance.

    At weekends, half the cases come.
    """
    n = max(1, poisson(random, volume * (0.5 if weekday >= 5 else 1.0)))
    logit = math.log(share / (1 - share)) + random.gauss(0, spread)
    of_day = 1 / (1 + math.exp(-logit))
    return Day(sum(random.random() < of_day for _ in range(n)), n)


def time_day(random: Random, volume: float, factor: float, spread: float) -> Day:
    """A day of handling times: log-normal seconds, a median of an hour, long tails."""
    n = max(1, poisson(random, volume))
    of_day = math.log(3600 * factor) + random.gauss(0, spread)
    return Day(sum(random.lognormvariate(of_day, 1.0) for _ in range(n)), n)


def quiet_shares(
    seed: int,
    volume: float,
    share: float,
    spread: float,
    count: int = SERIES,
    broken: float | None = None,
) -> dict[str, list[Day]]:
    """Quiet series; with `broken`, the share is that on the last day."""
    random, series = Random(seed), {}
    for number in range(count):
        days = [
            share_day(random, volume, share, spread, day % 7)
            for day in range(BASELINE + JUDGED)
        ]
        if broken is not None:
            days[-1] = share_day(random, volume, broken, spread, 0)
        series[f"s{number:04}"] = days
    return series


def quiet_times(
    seed: int,
    volume: float,
    spread: float,
    count: int = SERIES,
    broken: float | None = None,
) -> dict[str, list[Day]]:
    """Quiet series of times; with `broken`, the last day is that many times as long."""
    random, series = Random(seed), {}
    for number in range(count):
        days = [time_day(random, volume, 1, spread) for _ in range(BASELINE + JUDGED)]
        if broken is not None:
            days[-1] = time_day(random, volume, broken, spread)
        series[f"s{number:04}"] = days
    return series


def beyond(days: list[Charted], sigma: float) -> float:
    """The share of days that alarm at so many deviations."""
    return sum(abs(day.distance) > sigma for day in days) / len(days)


def last_days(days: list[Charted]) -> list[Charted]:
    """The day before now of every series."""
    return [day for day in days if day.day == TODAY - timedelta(days=1)]


QUIET: dict[str, Callable[[int], tuple[str, dict[str, list[Day]]]]] = {
    "share 60 %, 40 a day, chance alone": lambda s: (
        SHARE,
        quiet_shares(s, 40, 0.6, 0.0),
    ),
    "share 60 %, 40 a day, moving": lambda s: (SHARE, quiet_shares(s, 40, 0.6, 0.2)),
    "share 60 %, 400 a day, chance alone": lambda s: (
        SHARE,
        quiet_shares(s, 400, 0.6, 0.0),
    ),
    "share 60 %, 400 a day, moving": lambda s: (SHARE, quiet_shares(s, 400, 0.6, 0.2)),
    "share 95 %, 100 a day, moving": lambda s: (SHARE, quiet_shares(s, 100, 0.95, 0.2)),
    "share 99.9 %, 100 a day": lambda s: (SHARE, quiet_shares(s, 100, 0.999, 0.0)),
    "time, 40 a day": lambda s: (TIME, quiet_times(s, 40, 0.0)),
    "time, 40 a day, moving": lambda s: (TIME, quiet_times(s, 40, 0.1)),
    "time, 400 a day, moving": lambda s: (TIME, quiet_times(s, 400, 0.1)),
}


def false_alarms(sql: str) -> Iterator[str]:
    """A line for each kind of quiet series."""
    for seed, (name, make) in enumerate(QUIET.items(), start=1):
        kpi, series = make(seed)
        days = chart(sql, kpi, series)
        shares = "  ".join(f"{beyond(days, sigma):7.3%}" for sigma in SIGMAS)
        yield f"{name:<38} {len(days):>6} days  {shares}"


def hits(sql: str) -> Iterator[str]:
    """A line for each planted break: the share of series that alarm on that day."""
    for volume in (40, 100, 400, 1000):
        for points in (5, 10, 20):
            series = quiet_shares(points, volume, 0.6, 0.1, 300, 0.6 - points / 100)
            days = last_days(chart(sql, SHARE, series))
            shares = "  ".join(f"{beyond(days, sigma):6.1%}" for sigma in SIGMAS)
            yield f"60 % falls by {points:>2} points, {volume:>5} a day  {shares}"
    for sigmas in (1, 2, 3, 4, 5):
        of_day = math.sqrt(0.6 * 0.4 / 400)
        series = quiet_shares(sigmas, 400, 0.6, 0.0, 300, 0.6 - sigmas * of_day)
        days = last_days(chart(sql, SHARE, series))
        shares = "  ".join(f"{beyond(days, sigma):6.1%}" for sigma in SIGMAS)
        yield f"60 % falls by {sigmas} binomial deviations, 400 a day  {shares}"
    for factor in (1.25, 1.5, 2.0):
        for volume in (40, 400):
            series = quiet_times(volume, volume, 0.1, 300, factor)
            days = last_days(chart(sql, TIME, series))
            shares = "  ".join(f"{beyond(days, sigma):6.1%}" for sigma in SIGMAS)
            yield f"times grow by {factor - 1:.0%}, {volume:>4} a day  {shares}"


def main() -> int:
    """Prints what DECISIONS.md states."""
    with tempfile.TemporaryDirectory() as name:
        sql = compiled_chart(Path(name))
    print(f"alarms at {', '.join(map(str, SIGMAS))} deviations")
    for line in (*false_alarms(sql), *hits(sql)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
