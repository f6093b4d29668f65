"""Times as whole milliseconds since 1970 in UTC, and the ways logs spell them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
QUARTER = 15 * MINUTE

# Share of a day's cases that begin in each hour, UTC: quiet nights.
HOUR_WEIGHTS = (
    2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 15, 14, 12, 12, 13, 13, 12, 11, 10, 9, 8, 6, 4, 3,
)  # fmt: skip
WEEKEND_WEIGHT = 0.55


def midnight(day: date) -> int:
    """The first millisecond of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND


def day_weight(at: int) -> float:
    """How busy a day is: weekends are slow."""
    is_weekend = datetime.fromtimestamp(at / SECOND, tz=UTC).weekday() >= 5
    return WEEKEND_WEIGHT if is_weekend else 1.0


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def day_of(at: int) -> str:
    """The date in UTC."""
    return _day_text(at // DAY)


def quarter_name(at: int) -> str:
    """The quarter of an hour that holds a moment, as `HHMM`."""
    hours, rest = divmod(at % DAY, HOUR)
    return f"{hours:02d}{rest // QUARTER * 15:02d}"


def _clock_text(at: int) -> str:
    hours, rest = divmod(at % DAY, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, milliseconds = divmod(rest, SECOND)
    text = f"{_day_text(at // DAY)}T{hours:02d}:{minutes:02d}:{seconds:02d}"
    return f"{text}.{milliseconds:03d}" if milliseconds else text


def zulu(at: int) -> str:
    """RFC 3339 in UTC; the spelling of every truth file."""
    return _clock_text(at) + "Z"


def spell(at: int, style: str) -> str | int:
    """A moment as a log of this style writes it."""
    if style == "zulu":
        return zulu(at)
    if style == "offset":
        return _clock_text(at + 2 * HOUR) + "+02:00"
    if style == "west":
        return _clock_text(at - 5 * HOUR - 30 * MINUTE) + "-05:30"
    if style == "epoch_s":
        return at // SECOND
    if style == "epoch_ms":
        return at
    if style == "epoch_ns":
        return at * 1_000_000
    raise ValueError(f"unknown time style {style!r}")
