"""Records that the loader must reject, and files that it must leave alone."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.clock import DAY, HOUR, day_of, zulu
from simulator.landing import (
    DUPLICATE,
    FEEDS,
    REJECTED,
    Landing,
    as_line,
    write_file,
)
from simulator.plot import Period

OVERSIZE = (1 << 20) + 100

Fault = tuple[str, bytes, str]

SAMPLES: dict[str, dict[str, Any]] = {
    "agent_events": {
        "session_id": "sim-session-faulty",
        "action_type": "message_received",
        "is_test": True,
    },
    "ticket_events": {
        "ticket_id": "SIM-FAULTY",
        "event_type": "tagged",
        "actor_type": "system",
        "is_test": True,
    },
    "survey_responses": {"survey_type": "ces", "ticket_id": "SIM-FAULTY"},
    "compliance_audits": {
        "ticket_id": "SIM-FAULTY",
        "auditor_id": "sim-auditor-1",
        "inclusion_probability": 0.1,
        "verdict": "compliant",
    },
}
ID_FIELDS = {
    "agent_events": "event_id",
    "ticket_events": "event_id",
    "survey_responses": "response_id",
    "compliance_audits": "audit_id",
}
TIME_FIELDS = {
    "agent_events": "timestamp",
    "ticket_events": "timestamp",
    "survey_responses": "sent_at",
    "compliance_audits": "audited_at",
}
GONE = object()

# One change to a good record of the feed, and the reason of its rejection.
CHANGES: dict[str, tuple[tuple[dict[str, Any], str], ...]] = {
    "agent_events": (
        ({"event_id": GONE}, "missing_event_id"),
        ({"event_id": True}, "invalid_event_id"),
        ({"session_id": "  "}, "missing_session_id"),
        ({"session_id": GONE, "timestamp": GONE}, "missing_session_id"),
        ({"timestamp": GONE}, "missing_timestamp"),
        ({"timestamp": "2026-03-01T10:00:00"}, "invalid_timestamp"),
        ({"timestamp": "2026-03-01T10:00:00+0200"}, "invalid_timestamp"),
        ({"timestamp": "1772359200"}, "invalid_timestamp"),
        ({"timestamp": 1772359200000000}, "invalid_timestamp"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "invalid_timestamp"),
        ({"timestamp": "2999-01-01T00:00:00Z"}, "invalid_timestamp"),
        ({"action_type": None}, "missing_action_type"),
        ({"outcome": 5}, "invalid_outcome"),
        ({"actor_type": "robot"}, "invalid_actor_type"),
        ({"customer_id": 1.5}, "invalid_customer_id"),
        ({"is_test": "yes"}, "invalid_is_test"),
        ({"sequence": "3"}, "invalid_sequence"),
        ({"version": 1.5}, "invalid_version"),
        ({"attributes": ["a"]}, "invalid_attributes"),
    ),
    "ticket_events": (
        ({"ticket_id": GONE}, "missing_ticket_id"),
        ({"event_type": ""}, "missing_event_type"),
        ({"actor_type": GONE, "is_public": 1}, "missing_actor_type"),
        ({"is_public": 1}, "invalid_is_public"),
        ({"handle_seconds": "ten"}, "invalid_handle_seconds"),
    ),
    "survey_responses": (
        ({"survey_type": "nps"}, "invalid_survey_type"),
        ({"ticket_id": GONE}, "missing_ticket_id"),
        ({"sent_at": GONE}, "missing_sent_at"),
        ({"score": 9}, "invalid_score"),
        ({"scale_min": 5, "scale_max": 5}, "invalid_scale_max"),
    ),
    "compliance_audits": (
        ({"auditor_id": GONE}, "missing_auditor_id"),
        ({"verdict": GONE}, "missing_verdict"),
        ({"verdict": "fine"}, "invalid_verdict"),
        ({"sample_method": "lottery"}, "invalid_sample_method"),
        ({"inclusion_probability": 0}, "invalid_inclusion_probability"),
        ({"inclusion_probability": 1.5}, "invalid_inclusion_probability"),
        ({"severity": "mild"}, "invalid_severity"),
    ),
}


def add_faulty_lines(landing: Landing, period: Period) -> None:
    """Spread lines that must be rejected over the period, among the good ones."""
    faults = list(_faulty_lines(period.start))
    step = (period.until - period.start - HOUR) // len(faults)
    for position, (feed, text, reason) in enumerate(faults):
        arrives_at = period.start + HOUR + position * step
        landing.put(feed, arrives_at, text, REJECTED, reason)


def _faulty_lines(at: int) -> Iterator[Fault]:
    for feed in FEEDS:
        for number, (change, reason) in enumerate(CHANGES[feed], start=1):
            body = {
                ID_FIELDS[feed]: f"sim-faulty-{feed}-{number}",
                TIME_FIELDS[feed]: zulu(at),
                **SAMPLES[feed],
                **change,
            }
            kept = {key: item for key, item in body.items() if item is not GONE}
            yield feed, as_line(kept), reason
    good = as_line({"event_id": "sim-faulty", **SAMPLES["agent_events"]})
    yield "agent_events", good[:-7], "not_json"
    yield "agent_events", good.replace(b"true", b"NaN"), "not_json"
    yield "agent_events", good.replace(b"faulty", b"f\xff\xfe"), "not_json"
    yield "ticket_events", b'["sim", "faulty"]', "not_an_object"
    yield "survey_responses", b"null", "not_an_object"
    yield "agent_events", _oversize(at), "oversize"


def _oversize(at: int) -> bytes:
    body = {
        "event_id": "sim-faulty-oversize",
        "timestamp": zulu(at),
        **SAMPLES["agent_events"],
        "attributes": {"text": "x" * OVERSIZE},
    }
    return as_line(body)


def add_odd_files(landing: Landing, period: Period, root: Path) -> None:
    """Files beside the ordinary ones, after those are written.

    One cannot be read to its end, one repeats known records behind a byte order
    mark, with blank lines and CRLF, and some are still being written.
    """
    feed = "agent_events"
    day = day_of(max(period.start, period.until - DAY))
    known = landing.some_lines(feed, 40)
    counts = landing.counts[feed]

    broken = Path(feed, day, "2350-truncated.jsonl.gz")
    whole = gzip.compress(b"\n".join(known), 6, mtime=0)
    write_file(root / broken, whole[: len(whole) // 2])
    counts.files += 1
    counts.fates[REJECTED] += 1
    landing.reject(feed, broken, None, "unreadable_file")

    windows = Path(feed, day, "2355-windows.jsonl")
    write_file(root / windows, b"\xef\xbb\xbf" + b"\r\n\r\n".join(known[:9]) + b"\r\n")
    counts.files += 1
    counts.fates[DUPLICATE] += 9

    for name in ("_writing.jsonl", ".hidden.jsonl", "2358.jsonl.tmp", "2359.part"):
        write_file(root / feed / day / name, b'{"made up": "still being written')
    write_file(root / feed / "_drafts" / "0000.jsonl", b"made up, not to be read\n")
