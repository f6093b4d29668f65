"""Timestamps: RFC 3339 with a zone, or an epoch whose unit is beyond doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.loading.times import (
    iso,
    latest_allowed,
    parse_day_first,
    parse_instant,
    parse_local,
    to_micros,
)

NOW = datetime(2026, 2, 1, tzinfo=UTC)
LATEST = latest_allowed(NOW)


def shown(value: object) -> str | None:
    micros = parse_instant(value, LATEST)
    return None if micros is None else iso(micros)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31 12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00+05:30", "2026-01-31T06:30:00.000000Z"),
        ("2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00.1Z", "2026-01-31T12:00:00.100000Z"),
        ("2026-01-31T12:00:00.1234569999Z", "2026-01-31T12:00:00.123456Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000000Z"),
        ("2026-02-02T00:00:00Z", "2026-02-02T00:00:00.000000Z"),
    ],
)
def test_rfc_3339_with_a_zone_is_read(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",  # no zone
        "2026-01-31T12:00:00+0100",  # no colon
        "2026-01-31T12:00:00+01",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00Z ",
        "２026-01-31T12:00:00Z",  # noqa: RUF001
        "2026-W05-6T12:00:00Z",
        "1769860800",  # digits in a string
        "1999-12-31T23:59:59Z",
        "2026-02-02T00:00:00.000001Z",  # more than 24 hours ahead
        True,
        1_769_860_800_000_000,  # microseconds
        0,
        -1,
        1e300,
        10**100,
        datetime(2026, 1, 31),
        [],
    ],
)
def test_what_is_no_timestamp_is_refused(value: object) -> None:
    assert shown(value) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1_769_860_800, "2026-01-31T12:00:00.000000Z"),
        (1_769_860_800.123456, "2026-01-31T12:00:00.123456Z"),
        (1_769_860_800_123, "2026-01-31T12:00:00.123000Z"),
        (1_769_860_800_123_456_789, "2026-01-31T12:00:00.123456Z"),
    ],
)
def test_the_unit_of_an_epoch_is_the_one_that_lands_in_range(
    number: float, expected: str
) -> None:
    assert shown(number) == expected


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2026, 1, 31)),
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_survives_text_in_any_zone(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=UTC)
    text = aware.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert parse_instant(text, LATEST) == to_micros(aware)


def test_naive_text_is_read_in_the_time_zone_of_its_feed() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    local = parse_local("2025-07-01T12:00:00.5", madrid, LATEST)
    assert iso(local) == "2025-07-01T10:00:00.500000Z"
    assert iso(parse_local("2025-07-01T12:00:00+00:00", madrid, LATEST)) == (
        "2025-07-01T12:00:00.000000Z"
    )
    assert parse_local("2025-07-32T12:00:00", madrid, LATEST) is None
    assert parse_local(20250701, madrid, LATEST) is None


def test_a_day_first_date_is_not_a_month_first_one() -> None:
    utc = ZoneInfo("UTC")
    assert iso(parse_day_first("3/2/2016 09:11", utc, LATEST)) == (
        "2016-02-03T09:11:00.000000Z"
    )
    assert parse_day_first("2/31/2016 09:11", utc, LATEST) is None
    assert parse_day_first("2016-02-03 09:11", utc, LATEST) is None
