"""Opening hours by the models, against a walk over the desk's days in Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.handling_time.conftest import Bench

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns"),
    *("Asia/Kolkata", "Asia/Kathmandu", "Pacific/Auckland", "Pacific/Chatham"),
    *("Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    *("Atlantic/Azores", "Africa/Cairo", "America/Santiago"),
)
FIRST, LAST = datetime(2025, 9, 1), datetime(2026, 5, 1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Desk:
    """When people work: minutes of the day by weekday (1 is Monday), in a zone."""

    zone: str
    hours: dict[int, tuple[int, int]]
    holidays: frozenset[date] = frozenset()

    def spells(self, first: date, last: date) -> list[tuple[datetime, datetime]]:
        """When the desk is open on some of its days, in UTC."""
        days = (first + DAY * number for number in range((last - first).days + 1))
        return [
            (self._in_utc(day, opens), self._in_utc(day, closes))
            for day in days
            if day not in self.holidays
            for opens, closes in [self.hours.get(day.isoweekday(), (0, 0))]
            if opens < closes
        ]

    def _in_utc(self, day: date, minute: int) -> datetime:
        """The UTC moment that the wall clock shows; of two, the later."""
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
        zone = ZoneInfo(self.zone)
        moments = {
            moment
            for fold in (0, 1)
            for moment in [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)]
            if moment.astimezone(zone).replace(tzinfo=None) == wall
        }
        # where the clock leaps over it, the time is read as the clock was before
        before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        return max(moments, default=before).replace(tzinfo=None)


def reference(desk: Desk, begins: datetime, ends: datetime) -> float:
    """Open seconds between two UTC moments; negative where they are the other way."""
    if ends < begins:
        return -reference(desk, ends, begins)
    spells = desk.spells((begins - 2 * DAY).date(), (ends + 2 * DAY).date())
    return sum(
        max(timedelta(), min(ends, closes) - max(begins, opens)).total_seconds()
        for opens, closes in spells
    )


def measured(
    bench: Bench, desk: Desk, cases: list[tuple[datetime, datetime]]
) -> list[float]:
    """What the warehouse says of each case, which is a cell of its own."""
    names = [f"case_{number}" for number in range(len(cases))]
    rows = bench.compare(
        fct_cases=[(name, *case) for name, case in zip(names, cases, strict=True)],
        business_hours=[
            (weekday, clock(opens), clock(closes), desk.zone)
            for weekday, (opens, closes) in desk.hours.items()
        ],
        holidays=[(day, "holiday") for day in desk.holidays],
        int_cases_measured=[
            (name, FIRST.date(), name, "tier_1", "chat", 0, 0, 0, 0, 1, 1)
            for name in names
        ],
    )
    found = {
        row["intent"]: row["people_mean_seconds"]
        for row in rows
        if (row["period_type"], row["people_measure"]) == ("all", "business")
    }
    return [found[name] for name in names]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


moments = st.datetimes(FIRST, LAST)
# the weeks around the changes of the clocks are met as often as all others
changes = st.sampled_from(
    [
        *(datetime(2025, 9, 7), datetime(2025, 9, 28), datetime(2025, 10, 26)),
        *(datetime(2025, 11, 2), datetime(2026, 3, 8), datetime(2026, 3, 29)),
        *(datetime(2026, 4, 5), datetime(2026, 4, 24)),
    ]
).flatmap(lambda day: st.datetimes(day - 3 * DAY, day + 3 * DAY))
intervals = st.tuples(moments | changes, st.timedeltas(timedelta(), 12 * DAY)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
spells = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(
    lambda pair: pair[0] < pair[1]
)
desks = st.builds(
    Desk,
    zone=st.sampled_from(ZONES),
    hours=st.dictionaries(
        st.integers(1, 7),
        (st.just((0, 96)) | spells).map(lambda pair: (15 * pair[0], 15 * pair[1])),
        min_size=1,
    ),
    holidays=st.frozensets(st.dates(FIRST.date(), LAST.date()), max_size=20),
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(desk=desks, cases=st.lists(intervals, min_size=1, max_size=20))
@example(
    desk=Desk("Europe/Berlin", dict.fromkeys(range(1, 8), (0, 1440))),
    cases=[(datetime(2026, 3, 28), datetime(2026, 3, 31))],
)
def test_open_seconds_are_those_of_a_walk_over_the_days(
    bench: Bench, desk: Desk, cases: list[tuple[datetime, datetime]]
) -> None:
    expected = [reference(desk, *case) for case in cases]
    assert measured(bench, desk, cases) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    ("zone", "begins", "ends", "seconds"),
    [
        # Friday evening to Monday morning: two hours, and two more
        ("UTC", "2026-05-08 16:00", "2026-05-11 10:00", 4 * 3600),
        # the same by the wall clock of Berlin, over the change of 29 March
        ("Europe/Berlin", "2026-03-27 15:00", "2026-03-30 08:00", 4 * 3600),
        # opened and closed at night
        ("UTC", "2026-05-08 20:00", "2026-05-08 23:00", 0),
        # closed before it opened
        ("UTC", "2026-05-08 10:00", "2026-05-08 09:30", -1800),
        # a working day, and a part of a second
        ("UTC", "2026-05-08 00:00", "2026-05-08 08:00:00.25", 0.25),
    ],
)
def test_open_seconds_by_hand(
    bench: Bench, zone: str, begins: str, ends: str, seconds: float
) -> None:
    desk = Desk(zone, dict.fromkeys(range(1, 6), (480, 1080)))
    case = (datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    assert measured(bench, desk, [case]) == [seconds]
    assert reference(desk, *case) == seconds


def test_the_days_add_up(bench: Bench) -> None:
    desk = Desk("Pacific/Auckland", {1: (0, 1440), 2: (600, 1080), 7: (15, 30)})
    measured(bench, desk, [(FIRST, LAST)])
    days = bench.days()
    total = 0
    for day in days:
        assert day["open_seconds_before"] == total
        total += day["open_seconds"]
    assert total > 0
