"""The contract, field by field: what loads, and which reason turns a record away."""

from __future__ import annotations

import json

import pytest

from orchestration.loading.contracts import FEEDS
from orchestration.loading.faults import Fault
from orchestration.loading.records import Context, RecordReader, parse_json
from orchestration.loading.settings import LoadSettings
from orchestration.loading.times import latest_allowed
from tests.loading.support import (
    AUDIT,
    EVENT,
    NOW,
    SAMPLES,
    SETTINGS,
    SURVEY,
    TICKET,
)


def read(
    feed: str, record: object, settings: LoadSettings = SETTINGS
) -> dict[str, object] | str:
    """The row of a record by column, or the reason why there is none."""
    reader = RecordReader(FEEDS[feed], Context(settings, latest_allowed(NOW)))
    outcome = reader.read(record)
    if isinstance(outcome, Fault):
        return outcome.reason
    return dict(zip(FEEDS[feed].column_names, outcome, strict=True))


def attributes(record: dict[str, object], **settings: object) -> dict[str, object]:
    row = read("agent_events", record, LoadSettings(b"k", **settings))
    return json.loads(row["attributes"])


@pytest.mark.parametrize("feed", SAMPLES)
def test_the_smallest_record_loads(feed: str) -> None:
    assert isinstance(read(feed, SAMPLES[feed]), dict)


@pytest.mark.parametrize(
    ("feed", "field"),
    [
        (feed, field.name)
        for feed in SAMPLES
        for field in FEEDS[feed].fields
        if field.required
    ],
)
@pytest.mark.parametrize("nothing", [None, "", " \t"])
def test_a_required_field_that_says_nothing_is_missing(
    feed: str, field: str, nothing: object
) -> None:
    assert read(feed, {**SAMPLES[feed], field: nothing}) == f"missing_{field}"
    absent = {k: v for k, v in SAMPLES[feed].items() if k != field}
    assert read(feed, absent) == f"missing_{field}"


@pytest.mark.parametrize(
    ("feed", "field"),
    [
        (feed, field.name)
        for feed in SAMPLES
        for field in FEEDS[feed].fields
        if field.kind not in ("object",)
    ],
)
@pytest.mark.parametrize("wrong", [[], {}, ["x"]])
def test_a_value_of_the_wrong_type_rejects_its_record(
    feed: str, field: str, wrong: object
) -> None:
    assert read(feed, {**SAMPLES[feed], field: wrong}) == f"invalid_{field}"


@pytest.mark.parametrize(
    ("feed", "field", "value", "reason"),
    [
        ("agent_events", "event_id", True, "invalid_event_id"),
        ("agent_events", "event_id", 1.0, "invalid_event_id"),
        ("agent_events", "event_id", "a\x00b", "invalid_event_id"),
        ("agent_events", "action_type", 7, "invalid_action_type"),
        ("agent_events", "actor_type", "robot", "invalid_actor_type"),
        ("agent_events", "actor_type", "AI_AGENT", "invalid_actor_type"),
        ("agent_events", "is_test", "true", "invalid_is_test"),
        ("agent_events", "is_test", 1, "invalid_is_test"),
        ("agent_events", "sequence", 1.0, "invalid_sequence"),
        ("agent_events", "sequence", True, "invalid_sequence"),
        ("agent_events", "sequence", 2**63, "invalid_sequence"),
        ("agent_events", "version", "2", "invalid_version"),
        ("agent_events", "attributes", "{}", "invalid_attributes"),
        ("agent_events", "attributes", 0, "invalid_attributes"),
        ("ticket_events", "handle_seconds", -1, "invalid_handle_seconds"),
        ("ticket_events", "handle_seconds", "60", "invalid_handle_seconds"),
        ("survey_responses", "survey_type", "nps", "invalid_survey_type"),
        ("survey_responses", "score", 8, "invalid_score"),
        ("survey_responses", "score", 0, "invalid_score"),
        ("survey_responses", "scale_min", 7, "invalid_scale_max"),
        ("survey_responses", "responded_at", "yesterday", "invalid_responded_at"),
        ("compliance_audits", "auditor_type", "dog", "invalid_auditor_type"),
        ("compliance_audits", "sample_method", "all", "invalid_sample_method"),
        ("compliance_audits", "verdict", "ok", "invalid_verdict"),
        ("compliance_audits", "severity", "blocker", "invalid_severity"),
        (
            "compliance_audits",
            "inclusion_probability",
            0,
            "invalid_inclusion_probability",
        ),
        (
            "compliance_audits",
            "inclusion_probability",
            1.01,
            "invalid_inclusion_probability",
        ),
    ],
)
def test_a_value_that_the_contract_does_not_allow(
    feed: str, field: str, value: object, reason: str
) -> None:
    assert read(feed, {**SAMPLES[feed], field: value}) == reason


@pytest.mark.parametrize(
    ("feed", "field", "value", "expected"),
    [
        (
            "agent_events",
            "event_id",
            12345678901234567890123,
            "12345678901234567890123",
        ),
        ("agent_events", "outcome", " Success ", "success"),
        ("agent_events", "action_type", "tea_served", "tea_served"),
        ("agent_events", "channel", "carrier_pigeon", "carrier_pigeon"),
        ("agent_events", "ticket_id", 17, "17"),
        ("agent_events", "sequence", -(2**63), -(2**63)),
        ("ticket_events", "event_type", "sung", "sung"),
        ("ticket_events", "handle_seconds", 0, 0.0),
        ("compliance_audits", "inclusion_probability", 1, 1.0),
    ],
)
def test_open_lists_and_edges_load(
    feed: str, field: str, value: object, expected: object
) -> None:
    assert read(feed, {**SAMPLES[feed], field: value})[field] == expected


def test_what_is_unsaid_gets_the_default_of_the_contract() -> None:
    event = read("agent_events", {**EVENT, "actor_type": "", "version": None})
    assert event["actor_type"] == "ai_agent"
    assert event["source_system"] == "default"
    assert event["version"] == 0
    assert event["is_test"] is None
    assert event["attributes"] is None
    survey = read("survey_responses", SURVEY)
    assert (survey["scale_min"], survey["scale_max"]) == (1.0, 7.0)
    assert survey["higher_is_better"] is True
    audit = read("compliance_audits", AUDIT)
    assert (audit["auditor_type"], audit["sample_method"]) == ("human", "random")


def test_the_first_fault_in_the_order_of_the_contract_gives_the_reason() -> None:
    broken = {**EVENT, "session_id": None, "timestamp": 0, "event_id": {}}
    assert read("agent_events", broken) == "invalid_event_id"
    assert read("agent_events", {**broken, "event_id": "e"}) == "missing_session_id"
    survey = {**SURVEY, "score": 9, "higher_is_better": "yes"}
    assert read("survey_responses", survey) == "invalid_score"
    assert read("survey_responses", {**survey, "score": 5}) == (
        "invalid_higher_is_better"
    )


@pytest.mark.parametrize("feed", ["survey_responses", "compliance_audits"])
def test_a_ticket_or_a_session_has_to_be_named(feed: str) -> None:
    homeless = {**SAMPLES[feed], "ticket_id": None, "session_id": " "}
    assert read(feed, homeless) == "missing_ticket_id"
    assert isinstance(read(feed, {**homeless, "session_id": 4}), dict)
    assert read(feed, {**homeless, "session_id": True}) == "invalid_session_id"


def test_a_score_is_judged_by_its_own_scale() -> None:
    for edge in (1, 7):
        assert read("survey_responses", {**SURVEY, "score": edge})["score"] == edge
    stars = {**SURVEY, "scale_min": 0, "scale_max": 10}
    assert read("survey_responses", {**stars, "score": 0})["score"] == 0.0
    assert read("survey_responses", {**stars, "score": 10.5}) == "invalid_score"
    turned = {**SURVEY, "scale_min": 5, "scale_max": 1, "score": 3}
    assert read("survey_responses", turned) == "invalid_scale_max"
    unclear = {**SURVEY, "scale_min": "one", "score": 99}
    assert read("survey_responses", unclear) == "invalid_scale_min"


def test_a_customer_is_known_by_a_keyed_hash() -> None:
    first = read("agent_events", {**EVENT, "customer_id": 42})
    same = read("ticket_events", {**TICKET, "customer_id": "42"})
    other = read(
        "agent_events", {**EVENT, "customer_id": "42"}, LoadSettings(b"another key")
    )
    assert len(first["customer_key"]) == 64
    assert first["customer_key"] == same["customer_key"] != other["customer_key"]
    assert read("agent_events", EVENT)["customer_key"] is None


def test_extra_fields_go_into_attributes_and_override_nothing() -> None:
    record = {**EVENT, "mood": "blue", "tier": "x", "attributes": {"tier": "tier_1"}}
    assert attributes(record) == {"mood": "blue", "tier": "tier_1"}
    ticket = read("ticket_events", {**TICKET, "attributes": {"a": 1}, "b": 2})
    assert json.loads(ticket["attributes"]) == {"a": 1, "b": 2}
    odd = read("ticket_events", {**TICKET, "attributes": [1]})
    assert json.loads(odd["attributes"]) == {"attributes": [1]}


def test_nothing_inside_attributes_rejects_a_record() -> None:
    odd = {"is_required": "yes", "confidence_score": 7, "severity": [], "n": "a\x00b"}
    assert attributes({**EVENT, "attributes": odd}) == {**odd, "n": "ab"}


def test_message_text_is_dropped_and_its_length_stays() -> None:
    message = {**EVENT, "action_type": "message_received"}
    said = {**message, "attributes": {"text": "Olá!", "content": "Olá!", "k": 1}}
    assert attributes(said) == {"char_count": 4, "k": 1}
    counted = {**message, "text": "hello", "attributes": {"char_count": 9}}
    assert attributes(counted) == {"char_count": 9}
    other = {**EVENT, "attributes": {"text": "hello", "message": "kept"}}
    assert attributes(other) == {"char_count": 5, "message": "kept"}
    assert attributes(said, keep_message_text=True)["text"] == "Olá!"
    replied = {**TICKET, "event_type": "replied", "body": "Dear Ms. Made-Up"}
    row = read("ticket_events", replied)
    assert json.loads(row["attributes"]) == {"char_count": 16}


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'{"a":1',
        b"nonsense",
        b"[" * 201 + b"]" * 201,
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"[" * 900 + b"12345678901234567890123" + b"]" * 900,
    ],
)
def test_what_is_no_json_is_told_from_what_is_no_object(line: bytes) -> None:
    outcome = parse_json(line)
    assert isinstance(outcome, Fault)
    assert outcome.reason == "not_json"


@pytest.mark.parametrize("line", [b"[1]", b'"a"', b"1", b"null", b"true"])
def test_json_that_is_no_object(line: bytes) -> None:
    assert read("agent_events", parse_json(line)) == "not_an_object"


def test_of_duplicate_keys_the_last_counts() -> None:
    assert parse_json(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**30, 2**63])
def test_no_integer_is_rounded(number: int) -> None:
    assert parse_json(b'{"a":%d}' % number) == {"a": number}


def test_an_id_of_digits_is_no_number_to_be_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trace ids have 32 digits; an export need not be read again for them."""
    line = b'{"a":"%d","b":["ff%d"],"c":%d}' % (10**30, 10**30, 10**18)
    read = parse_json(line)
    monkeypatch.setattr("orchestration.loading.records.json.loads", None)
    assert (
        parse_json(line)
        == read
        == {"a": f"{10**30}", "b": [f"ff{10**30}"], "c": 10**18}
    )


def test_two_hundred_levels_are_deep_enough() -> None:
    assert not isinstance(parse_json(b"[" * 200 + b"]" * 200), Fault)
