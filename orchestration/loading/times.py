"""Timestamps: text or number in, microseconds since 1970 (UTC) out.

Microseconds as plain integers are what both Arrow and the ordering of duplicates
want; a `datetime` per record would cost more than the rest of the validation.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

MICROS = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = 946_684_800 * MICROS  # 2000-01-01
DAY_AHEAD = 24 * 3600 * MICROS

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
).fullmatch
_NAIVE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
).fullmatch
_DAY_FIRST = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
).fullmatch


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * MICROS + since.microseconds


def latest_allowed(now: datetime) -> int:
    """The last moment that a record loaded at `now` may carry."""
    return to_micros(now) + DAY_AHEAD


def iso(micros: int) -> str:
    """UTC in ISO 8601, always with six digits and `Z`, so that text sorts as time."""
    moment = EPOCH + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_instant(value: object, latest: int) -> int | None:
    """A timestamp of a contract field, or None where it is not a valid one."""
    if value.__class__ is str:
        micros = _from_text(value)
    elif value.__class__ is int or value.__class__ is float:
        return _from_epoch(value, latest)
    elif isinstance(value, datetime) and value.tzinfo is not None:
        micros = to_micros(value)
    else:
        return None
    return _in_range(micros, latest)


def parse_local(value: object, zone: tzinfo, latest: int) -> int | None:
    """A timestamp of a feed whose format has no zone; one that has, keeps it."""
    if not isinstance(value, str):
        return None
    match = _NAIVE(value)
    if match is None:
        return parse_instant(value, latest)
    text, fraction = match.groups()
    try:
        local = datetime.strptime(text.upper().replace(" ", "T"), "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    micros = to_micros(local.replace(tzinfo=zone)) + _fraction(fraction)
    return _in_range(micros, latest)


def parse_day_first(value: str, zone: tzinfo, latest: int) -> int | None:
    """ServiceNow's `D/M/YYYY HH:MM`, read in the feed's time zone."""
    match = _DAY_FIRST(value)
    if match is None:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return _in_range(to_micros(local), latest)


def _from_text(value: str) -> int | None:
    match = _RFC3339(value)
    if match is None:
        return None
    day, hour, minute, second, fraction, _, sign, zone_hour, zone_minute = (
        match.groups()
    )
    midnight = _midnight(day)
    hours, minutes, seconds = int(hour), int(minute), int(second)
    if midnight is None or hours > 23 or minutes > 59 or seconds > 60:
        return None
    micros = midnight + (hours * 3600 + minutes * 60 + seconds) * MICROS
    if fraction:
        micros += _fraction(fraction)
    if sign:
        offset_hours, offset_minutes = int(zone_hour), int(zone_minute)
        if offset_hours > 23 or offset_minutes > 59:
            return None
        offset = (offset_hours * 3600 + offset_minutes * 60) * MICROS
        micros += offset if sign == "-" else -offset
    return micros


def _fraction(digits: str | None) -> int:
    """Microseconds of the digits after the point; what is finer is cut off."""
    return int(digits[:6].ljust(6, "0")) if digits else 0


@lru_cache(maxsize=4096)
def _midnight(day: str) -> int | None:
    try:
        return to_micros(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        return None


def _from_epoch(value: float, latest: int) -> int | None:
    """Seconds, milliseconds or nanoseconds: whichever lands in the allowed range.

    The three ranges are a thousandfold apart and cannot overlap. Microseconds are
    none of them, by decision of the contract.
    """
    if EARLIEST <= value * MICROS <= latest:
        return _in_range(round(value * MICROS), latest)
    if EARLIEST <= value * 1000 <= latest:
        return _in_range(round(value * 1000), latest)
    if EARLIEST <= value / 1000 <= latest:
        return _in_range(int(value) // 1000, latest)
    return None


def _in_range(micros: int | None, latest: int) -> int | None:
    if micros is None or not EARLIEST <= micros <= latest:
        return None
    return micros
