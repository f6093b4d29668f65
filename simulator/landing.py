"""How records land: late, repeated, corrected, in files of a quarter of an hour."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.clock import (
    DAY,
    HOUR,
    MINUTE,
    QUARTER,
    SECOND,
    day_of,
    quarter_name,
    spell,
)
from simulator.plot import Plot, Record

FEEDS = ("agent_events", "ticket_events", "survey_responses", "compliance_audits")
CORRECTABLE_BY_TIME = ("agent_events", "ticket_events")

LOADED = "loaded"
REPLACES = "replaces"
DUPLICATE = "duplicate"
REJECTED = "rejected"


@dataclass(frozen=True)
class Line:
    """One line of a file, and what the loader must do with it."""

    arrives_at: int
    serial: int
    text: bytes
    fate: str
    reason: str | None = None


@dataclass
class LoadCounts:
    """What the load history of a feed must add up to."""

    files: int = 0
    fates: Counter[str] = field(default_factory=Counter)

    def as_row(self, feed: str) -> dict[str, Any]:
        """The counts as the load history names them."""
        fates = self.fates
        return {
            "feed": feed,
            "files": self.files,
            "records": sum(fates.values()),
            "loaded": fates[LOADED] + fates[REPLACES],
            "replaced": fates[REPLACES],
            "duplicates": fates[DUPLICATE],
            "rejected": fates[REJECTED],
        }


def as_line(body: dict[str, Any]) -> bytes:
    """A record as one line of JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


class Landing:
    """The landing folder, filled in memory and written at the end."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.counts = {feed: LoadCounts() for feed in FEEDS}
        self.rejects: list[dict[str, Any]] = []
        self._quarters: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self._serial = 0

    def put(
        self,
        feed: str,
        arrives_at: int,
        text: bytes,
        fate: str,
        reason: str | None = None,
    ) -> None:
        """Let a line arrive."""
        self._serial += 1
        line = Line(arrives_at, self._serial, text, fate, reason)
        self._quarters[feed, arrives_at // QUARTER].append(line)

    def deliver(self, plot: Plot) -> None:
        """Let all records of a plot arrive."""
        for record in plot.records:
            for arrives_at, text, fate in copies(record, plot, self.until):
                self.put(record.feed, arrives_at, text, fate)

    def write(self, root: Path) -> None:
        """Write every file, in the order of feeds and time.

        A lone repeated record makes a file of the same bytes as the one before:
        a file is known by its content, so nothing of it is loaded or counted.
        """
        known: set[bytes] = set()
        for feed, quarter in sorted(self._quarters):
            at = quarter * QUARTER
            path = Path(feed, day_of(at), f"{quarter_name(at)}.jsonl.gz")
            lines = sorted(
                self._quarters[feed, quarter],
                key=lambda line: (line.arrives_at, line.serial),
            )
            content = b"".join(line.text + b"\n" for line in lines)
            write_file(root / path, gzip.compress(content, 6, mtime=0))
            if content not in known:
                self._count(feed, path, lines)
            if len(lines) == 1:
                known.add(content)

    def _count(self, feed: str, path: Path, lines: list[Line]) -> None:
        counts = self.counts[feed]
        counts.files += 1
        for number, line in enumerate(lines, start=1):
            counts.fates[line.fate] += 1
            if line.fate == REJECTED:
                self.reject(feed, path, number, line.reason)

    def reject(
        self, feed: str, path: Path, line_number: int | None, reason: str | None
    ) -> None:
        """Expect a rejection."""
        self.rejects.append(
            {
                "feed": feed,
                "path": path.as_posix(),
                "line_number": line_number,
                "reason": reason,
            }
        )

    def some_lines(self, feed: str, count: int) -> list[bytes]:
        """The first lines that a feed loaded, in the order of arrival."""
        quarters = sorted(key for key in self._quarters if key[0] == feed)
        found: list[Line] = []
        for key in quarters:
            found += [line for line in self._quarters[key] if line.fate == LOADED]
            if len(found) >= count:
                break
        return [line.text for line in found[:count]]


def write_file(path: Path, content: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def copies(record: Record, plot: Plot, until: int) -> Iterator[tuple[int, bytes, str]]:
    """A record's copies as they arrive: time, line, what the loader must do."""
    rng = plot.rng
    way = record.correction or _random_correction(record, rng)
    at = _arrival(record.first_at or record.at, record.lag, rng, until)
    later = _next_quarter(max(at, record.at), rng)
    last = at
    if way is None or later >= until:
        last = max(at, _arrival(record.at, record.lag, rng, until))
        yield last, as_line(record.body), LOADED
    elif way == "version_first":
        wrong = {**_spoilt(record), "version": 1}
        yield at, as_line({**record.body, "version": 2}), LOADED
        yield later, as_line(wrong), DUPLICATE
    else:
        wrong, right = _pair(way, record, plot)
        yield at, wrong, LOADED
        yield later, right, REPLACES
        last = later
    if way is None:
        yield from _repeats(record, last, rng, until)


def _repeats(
    record: Record, last: int, rng: random.Random, until: int
) -> Iterator[tuple[int, bytes, str]]:
    repeats = record.repeats or (rng.random() < 0.008)
    for _ in range(repeats):
        again = last + rng.choice((SECOND, 3 * MINUTE, 2 * HOUR, DAY))
        if again < until:
            yield again, as_line(record.body), DUPLICATE


def _arrival(at: int, lag: int | None, rng: random.Random, until: int) -> int:
    """When a record lands: mostly soon, some after hours, a few after days."""
    if lag is None:
        low, high = rng.choices(
            ((1, 20), (20, 600), (600, 21_600), (21_600, 345_600)),
            (850, 110, 33, 7),
        )[0]
        lag = rng.randint(low, high) * SECOND
    if at + lag >= until:
        lag = rng.randint(0, 20) * SECOND
    return min(at + lag, until - 1)


def _next_quarter(at: int, rng: random.Random) -> int:
    """A moment in a later file."""
    start = (at // QUARTER + 1) * QUARTER
    return start + rng.randint(0, 6 * HOUR)


def _random_correction(record: Record, rng: random.Random) -> str | None:
    draw = rng.random()
    if draw >= 0.006 or record.repeats or record.lag is not None:
        return None
    if draw < 0.004 or record.feed not in CORRECTABLE_BY_TIME:
        return "version"
    return rng.choice(("timestamp", "hash", "version_first"))


def _spoilt(record: Record) -> dict[str, Any]:
    """The same id with wrong content that must leave no trace."""
    body = record.body
    if record.feed == "agent_events":
        return {
            **body,
            "outcome": "failure",
            "ticket_id": "SIM-WRONG",
            "customer_id": "sim-customer-wrong",
            "is_test": True,
            "attributes": {"reason": "Made-up: superseded"},
        }
    if record.feed == "ticket_events":
        return {
            **body,
            "event_type": "reopened",
            "customer_id": "sim-customer-wrong",
            "is_test": True,
        }
    if record.feed == "survey_responses":
        return {**body, "survey_type": "csat", "comment": "Made-up: superseded"}
    return {**body, "verdict": "violation", "notes": "Made-up: superseded"}


def _pair(way: str, record: Record, plot: Plot) -> tuple[bytes, bytes]:
    """The line that loses, and the line that stays."""
    body = record.body
    if way == "version":
        version = plot.rng.randint(1, 3)
        return as_line(_spoilt(record)), as_line({**body, "version": version})
    if way == "timestamp":
        earlier = spell(record.at - SECOND, plot.time_style)
        return as_line({**_spoilt(record), "timestamp": earlier}), as_line(body)
    if way == "answered":
        unsaid = ("responded_at", "score", "scale_min", "scale_max")
        sent = {key: item for key, item in body.items() if key not in unsaid}
        return as_line(sent), as_line(body)
    if way == "hash":
        return _pair_by_hash(record)
    raise ValueError(f"unknown way of correcting a record: {way!r}")


def _pair_by_hash(record: Record) -> tuple[bytes, bytes]:
    """Equal version and time: the line with the greater SHA-256 stays."""
    for salt in range(1_000):
        wrong = as_line({**_spoilt(record), "sim_salt": salt})
        right = as_line({**record.body, "sim_salt": salt})
        if hashlib.sha256(right).digest() > hashlib.sha256(wrong).digest():
            return wrong, right
    raise RuntimeError("1,000 salts made no greater hash: SHA-256 is not itself")
