"""What the reader chose: the period and the four filters, read off a query string.

Whatever is read here is untrusted: it becomes bound values and escaped text, never SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from urllib.parse import urlencode

PERIODS = {
    "week": "Final week",
    "4w": "4 weeks",
    "13w": "13 weeks",
    "all": "All days",
}
CHOICES = {
    "intent": "Intent",
    "tier": "Tier",
    "channel": "Channel",
    "agent_version": "Version",
}
LONGEST = 200  # characters of a value: no name is longer


class FilterError(ValueError):
    """A filter that says nothing sensible; the message says which and what to write."""


@dataclass(frozen=True)
class Filters:
    """The filters in force; `first` and `last` win over `period`."""

    period: str = "week"
    first: date | None = None
    last: date | None = None
    intent: str | None = None
    tier: str | None = None
    channel: str | None = None
    agent_version: str | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """Those of intent, tier, channel and agent version that are set."""
        return {
            name: value
            for name in CHOICES
            if (value := getattr(self, name)) is not None
        }

    def narrowed(self, **changes: object) -> Filters:
        """The same with other values for some."""
        return replace(self, **changes)

    def query(self, **more: object) -> str:
        """As a query string with its question mark; empty where nothing is chosen."""
        said = {
            {"first": "from", "last": "to"}.get(name, name): value
            for name, value in {**asdict(self), **more}.items()
            if value is not None and (name, value) != ("period", "week")
        }
        return f"?{urlencode(said)}" if said else ""


def read(given: Mapping[str, str]) -> Filters:
    """The filters of a query string; what is not a filter is left alone.

    Raises FilterError where a value says nothing sensible.
    """
    period = given.get("period") or "week"
    if period not in PERIODS:
        raise FilterError(f"period={period!r} is none of {', '.join(PERIODS)}")
    first, last = _day("from", given), _day("to", given)
    if first and last and last < first:
        raise FilterError(f"to={last} is before from={first}: swap them")
    return Filters(
        period, first, last, **{name: _value(name, given) for name in CHOICES}
    )


def _day(name: str, given: Mapping[str, str]) -> date | None:
    text = given.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise FilterError(
            f"{name}={text[:LONGEST]!r} is no day; write it as 2026-05-01"
        ) from problem


def _value(name: str, given: Mapping[str, str]) -> str | None:
    text = given.get(name)
    if text and len(text) > LONGEST:
        raise FilterError(f"{name} is longer than {LONGEST} characters")
    return text or None
