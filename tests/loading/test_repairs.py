"""Each rejected record says what became of it: loaded, duplicate, or rejected again."""

from __future__ import annotations

import json

import pytest

from tests.loading.support import EVENT, NOW, SETTINGS, SURVEY, TICKET, Landing

BAD = {**EVENT, "event_id": "e2", "timestamp": "yesterday"}
PLACE = "agent_events/a.jsonl:2"


def outcomes(landing: Landing) -> list[tuple[object, ...]]:
    rows = landing.rows(
        "select path, line_number, reason, rejected_by, outcome, outcome_reason, "
        "read_from, load_id from raw.reject_outcomes order by decided_at, line_number"
    )
    return [tuple(row.values()) for row in rows]


def test_a_mended_record_that_lands_is_loaded_and_says_what_it_mends(
    landing: Landing,
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, BAD])
    landing.load()
    mended = {**BAD, "timestamp": EVENT["timestamp"], "_repairs": PLACE}
    landing.put("agent_events/b.jsonl", [mended])
    landing.load()
    told = ("agent_events/a.jsonl", 2, "invalid_timestamp", "load-1")
    assert outcomes(landing) == [
        (*told, "loaded", None, "agent_events/b.jsonl:1", "load-2")
    ]
    rows = landing.rows("select event_id from raw.agent_events order by 1")
    assert [row["event_id"] for row in rows] == ["e1", "e2"]
    assert landing.reasons() == ["invalid_timestamp"]


def test_a_mended_record_that_is_there_already_is_a_duplicate(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, BAD])
    landing.load()
    good = {**BAD, "timestamp": "2026-01-31T13:00:00Z"}
    landing.put("agent_events/b.jsonl", [good])
    landing.load()
    older = {**BAD, "timestamp": "2026-01-31T12:00:00Z", "_repairs": PLACE}
    landing.put("agent_events/c.jsonl", [older])
    landing.load()
    assert [row[4] for row in outcomes(landing)] == ["duplicate"]


def test_a_mended_record_with_another_fault_is_rejected_again(
    landing: Landing,
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, BAD])
    landing.load()
    worse = {**BAD, "session_id": None, "_repairs": PLACE}
    landing.put("agent_events/b.jsonl", [worse])
    landing.load()
    ((*_, outcome, reason, read_from, _),) = outcomes(landing)
    assert (outcome, reason) == ("rejected", "missing_session_id")
    assert read_from == "agent_events/b.jsonl:1"


def test_what_mends_nothing_that_is_known_is_an_ordinary_record(
    landing: Landing,
) -> None:
    landing.put("agent_events/a.jsonl", [{**EVENT, "_repairs": "agent_events/x:1"}])
    landing.put("ticket_events/a.jsonl", [{**TICKET, "_repairs": 7}])
    landing.put("survey_responses/a.jsonl", [{**SURVEY, "_repairs": "no place"}])
    landing.load()
    assert outcomes(landing) == []
    assert len(landing.content("agent_events")) == 1


def test_a_replay_says_of_each_line_what_became_of_it(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {**EVENT, "event_id": "late", "timestamp": "2026-03-01T00:00:00Z"}
    other = {**EVENT, "event_id": "e9", "timestamp": "2026-03-01T00:00:00Z"}
    wrong = {**EVENT, "event_id": "wrong", "actor_type": "robot"}
    landing.put("agent_events/a.jsonl", [EVENT, late, other, wrong])
    landing.load()
    newer = {**other, "timestamp": "2026-01-31T00:00:00Z", "version": 1}
    landing.put("agent_events/b.jsonl", [newer])
    landing.load()
    # the rule that turned away what is ahead of the load is relaxed by a later "now"
    landing.load(SETTINGS, now=NOW.replace(month=3), replay=True)
    path = "agent_events/a.jsonl"
    assert outcomes(landing) == [
        *[
            (path, line, reason, "load-1", outcome, again, f"{path}:{line}", "load-3")
            for line, reason, outcome, again in (
                (2, "invalid_timestamp", "loaded", None),
                (3, "invalid_timestamp", "duplicate", None),
                (4, "invalid_actor_type", "rejected", "invalid_actor_type"),
            )
        ]
    ]
    assert landing.reasons() == ["invalid_actor_type"]


def test_a_file_that_can_be_read_after_all_is_loaded(landing: Landing) -> None:
    path = landing.put("agent_events/a.jsonl.gz", json.dumps(EVENT))
    landing.load()
    path.rename(path.with_name("a.jsonl"))
    landing.load()
    ((path, line, reason, *_, outcome, again, read_from, load_id),) = outcomes(landing)
    assert (path, line, reason) == ("agent_events/a.jsonl.gz", None, "unreadable_file")
    assert (outcome, again, load_id) == ("loaded", None, "load-2")
    assert read_from == "agent_events/a.jsonl"
