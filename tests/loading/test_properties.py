"""Any order, any split and any repetition of the same records gives one table."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.loading.contracts import FEEDS
from orchestration.loading.faults import Fault
from orchestration.loading.records import Context, RecordReader, parse_json
from orchestration.loading.times import latest_allowed
from tests.loading.support import AUDIT, EVENT, NOW, SETTINGS, SURVEY, TICKET, Landing

MOMENTS = st.sampled_from(
    ["2026-01-30T00:00:00Z", "2026-01-30T01:00:00+01:00", "2026-01-31T00:00:00Z", 0]
)
IDS = st.sampled_from(["a", "b", 7, "7", None])
VERSIONS = st.sampled_from([None, 0, 1, 2])


def varied(
    record: dict[str, object], **changes: st.SearchStrategy[object]
) -> st.SearchStrategy[dict[str, object]]:
    """A record with some of its fields changed, or others added."""
    changed = st.fixed_dictionaries({}, optional=changes)
    return changed.map(lambda drawn: {**record, **drawn})


RECORDS = {
    "agent_events": varied(
        EVENT,
        event_id=IDS,
        timestamp=MOMENTS,
        version=VERSIONS,
        channel=st.sampled_from(["chat", "email"]),
        source_system=st.sampled_from(["default", "bot", ""]),
    ),
    "ticket_events": varied(TICKET, event_id=IDS, timestamp=MOMENTS, version=VERSIONS),
    "survey_responses": varied(
        SURVEY,
        response_id=IDS,
        sent_at=MOMENTS,
        responded_at=MOMENTS,
        version=VERSIONS,
        score=st.sampled_from([1, 7, 8]),
    ),
    "compliance_audits": varied(
        AUDIT, audit_id=IDS, audited_at=MOMENTS, version=VERSIONS
    ),
}
SLOW = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("feed", RECORDS)
@SLOW
@given(data=st.data())
def test_order_split_and_repetition_change_nothing(
    feed: str, data: st.DataObject
) -> None:
    records = data.draw(st.lists(RECORDS[feed], min_size=1, max_size=12))
    lines = [json.dumps(record) for record in records]
    repeated = data.draw(st.lists(st.sampled_from(lines), max_size=6))
    shuffled = data.draw(st.permutations(lines + repeated))
    places = data.draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 2)),
            min_size=len(shuffled),
            max_size=len(shuffled),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        straight = Landing(Path(folder) / "straight")
        straight.put(f"{feed}/all.jsonl", lines)
        straight.load(feeds=[feed])
        split = Landing(Path(folder) / "split")
        for load in range(3):
            for file in range(3):
                part = [
                    line
                    for line, place in zip(shuffled, places, strict=True)
                    if place == (load, file)
                ]
                if part:
                    split.put(f"{feed}/{load}/{file}.jsonl", part)
            split.load(feeds=[feed])
        assert split.content(feed) == straight.content(feed)
        straight.connection.close()
        split.connection.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("feed", RECORDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_in_any_field_gives_a_row_or_a_reason(
    feed: str, data: st.DataObject
) -> None:
    names = st.sampled_from([field.name for field in FEEDS[feed].fields] + ["extra"])
    record = data.draw(RECORDS[feed])
    changed = {**record, **data.draw(st.dictionaries(names, JSON, max_size=3))}
    parsed = parse_json(json.dumps(changed).encode())
    if isinstance(parsed, Fault):
        assert parsed.reason == "not_json"
        return
    outcome = RecordReader(FEEDS[feed], Context(SETTINGS, latest_allowed(NOW))).read(
        parsed
    )
    if isinstance(outcome, Fault):
        kind, _, field = outcome.reason.partition("_")
        assert kind in ("missing", "invalid")
        assert field in {it.name for it in FEEDS[feed].fields}
    else:
        assert len(outcome) == len(FEEDS[feed].columns)


@SLOW
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_are_lost_or_stop_a_load(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder))
        content = json.dumps(EVENT).encode() + b"\n" + b"\n".join(lines)
        landing.put("agent_events/a.jsonl", content)
        report = landing.load(feeds=["agent_events"])
        assert report.loaded + len(report.quarantined) == 1
        landing.connection.close()
