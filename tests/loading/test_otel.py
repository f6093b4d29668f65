"""Spans: what each shape states arrives, and what people said does not."""

from __future__ import annotations

import base64
import json
import struct
from datetime import datetime

import pytest
import zstandard

from orchestration.loading import LoadSettings, otel
from tests.loading.spans import (
    SECOND,
    SPAN,
    START,
    TRACE,
    batch,
    export,
    pairs,
    span,
)
from tests.loading.support import Landing, validate_here

ROWS = "select * from raw.otel_spans order by span_id"


def landed(landing: Landing, *documents: str) -> list[dict[str, object]]:
    landing.put("otel_spans/a.jsonl", documents)
    landing.load()
    return landing.rows(ROWS)


def attributes(landing: Landing, said: dict[str, object]) -> dict[str, object]:
    (row,) = landed(landing, export(span(attributes=said)))
    return json.loads(row["attributes"])


def test_a_span_becomes_a_row(landing: Landing) -> None:
    stated = span(
        "chat",
        {"gen_ai.usage.input_tokens": 12},
        end=1.5,
        kind=3,
        status={"code": 2},
        parentSpanId="00f067aa0ba902b7",
        events=[
            {
                "name": "an event",
                "timeUnixNano": str(START),
                "attributes": pairs({"a": 1}),
            }
        ],
    )
    resource = {"service.name": "desk", "deployment.environment.name": "staging"}
    (row,) = landed(landing, export(stated, resource=resource))
    assert (row["source_system"], row["trace_id"], row["span_id"]) == (
        "otel",
        TRACE,
        SPAN,
    )
    assert row["parent_span_id"] == "00f067aa0ba902b7"
    assert (row["span_kind"], row["status"], row["span_name"]) == (
        "client",
        "error",
        "chat",
    )
    assert row["started_at"] == datetime(2026, 1, 31, 12)
    assert (row["duration_ms"], row["environment"]) == (1500.0, "staging")
    assert (row["service_name"], row["scope_name"]) == ("desk", "by hand")
    assert json.loads(row["attributes"]) == {"gen_ai.usage.input_tokens": 12}
    assert json.loads(row["events"]) == [
        {
            "name": "an event",
            "time": "2026-01-31T12:00:00.000000Z",
            "attributes": {"a": 1},
        }
    ]


def test_what_is_unset_is_absent(landing: Landing) -> None:
    bare = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": str(START)}
    (row,) = landed(
        landing, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [bare]}]}]})
    )
    assert (row["span_kind"], row["status"], row["ended_at"]) == (None, "unset", None)
    assert (row["attributes"], row["events"], row["duration_ms"]) == ("{}", "[]", None)


def test_an_export_of_nothing_has_no_records(landing: Landing) -> None:
    assert landed(landing, "{}", '{"resourceSpans": []}') == []
    assert landing.reasons() == []


@pytest.mark.parametrize(
    "stated",
    [
        TRACE.upper(),
        base64.b64encode(bytes.fromhex(TRACE)).decode(),
        f"0x{TRACE.lstrip('0')}",
    ],
)
def test_an_id_is_known_however_it_is_written(landing: Landing, stated: str) -> None:
    twins = landed(landing, export(span()), export(span(traceId=stated)))
    assert [row["trace_id"] for row in twins] == [TRACE]


@pytest.mark.parametrize("kind", [2, "2", "SPAN_KIND_SERVER", "server", "SERVER"])
@pytest.mark.parametrize("code", [1, "STATUS_CODE_OK", "ok"])
def test_enums_are_numbers_or_names(
    landing: Landing, kind: object, code: object
) -> None:
    (row,) = landed(landing, export(span(kind=kind, status={"code": code})))
    assert (row["span_kind"], row["status"]) == ("server", "ok")


def test_values_have_the_type_that_they_state(landing: Landing) -> None:
    said = {"n": 2**60, "x": 0.5, "b": True, "l": [1, "two", [3]], "o": {"k": {"j": 4}}}
    assert attributes(landing, said) == said


def test_numbers_that_json_has_no_word_for_are_not_said(landing: Landing) -> None:
    stated = span()
    stated["attributes"] = [
        {"key": "a", "value": {"doubleValue": "NaN"}},
        {"key": "b", "value": {"intValue": "many"}},
        {"key": "c", "value": {}},
        {"key": "d", "value": {"doubleValue": "1.5"}},
    ]
    (row,) = landed(landing, export(stated))
    assert json.loads(row["attributes"]) == {"a": None, "b": None, "c": None, "d": 1.5}


def test_tempos_batches_are_the_same_spans(landing: Landing) -> None:
    old = batch(span())
    old["instrumentationLibrarySpans"] = old.pop("scopeSpans")
    for library in old["instrumentationLibrarySpans"]:
        library["instrumentationLibrary"] = library.pop("scope")
    wrapped = json.dumps({"trace": {"resourceSpans": [batch(span())]}})
    rows = landed(landing, export(span()), json.dumps({"batches": [old]}), wrapped)
    assert len(rows) == 1


def test_a_pretty_printed_export_is_one_document(landing: Landing) -> None:
    text = json.dumps(json.loads(export(span())), indent=2)
    landing.put("otel_spans/pretty.json", text)
    landing.load()
    assert len(landing.rows(ROWS)) == 1


def test_jaegers_and_the_sdks_dumps_are_the_same_span(landing: Landing) -> None:
    jaeger = {
        "traceID": TRACE,
        "spanID": SPAN,
        "operationName": "chat",
        "references": [],
        "startTime": START // 1000,
        "duration": 1_000_000,
        "tags": [
            {"key": "span.kind", "value": "client"},
            {"key": "otel.scope.name", "value": "by hand"},
            {"key": "a", "value": 1},
        ],
        "logs": [],
        "processID": "p1",
    }
    process = {"p1": {"serviceName": "desk", "tags": []}}
    sdk = {
        "name": "chat",
        "kind": "client",
        "context": {"trace_id": int(TRACE, 16), "span_id": int(SPAN, 16)},
        "parent": None,
        "start_time": START,
        "end_time": START + SECOND,
        "status": {"status_code": "unset"},
        "attributes": {"a": 1},
        "events": [],
        "resource": {"attributes": {"service.name": "desk"}},
        "instrumentation_scope": {"name": "by hand"},
    }
    rows = landed(
        landing,
        export(span("chat", {"a": 1}, kind=3)),
        json.dumps({"data": [{"spans": [jaeger], "processes": process}]}),
        json.dumps({"spans": [sdk]}),
    )
    assert len(rows) == 1


def test_langfuse_scores_are_results_on_the_root(landing: Landing) -> None:
    observation = {
        "id": SPAN,
        "traceId": TRACE,
        "startTime": "2026-01-31T12:00:00Z",
        "endTime": "2026-01-31T12:00:01Z",
        "type": "GENERATION",
        "name": "chat",
        "model": "a-model",
        "level": "ERROR",
        "usageDetails": {"input": 3, "output": 4},
        "metadata": json.dumps({"attributes": {"gen_ai.usage.input_tokens": "3"}}),
    }
    score = {"name": "toxicity", "value": 0.8, "timestamp": "2026-01-31T12:30:00Z"}
    trace = {"id": TRACE, "sessionId": "s1", "scores": [score]}
    document = {"trace": trace, "observations": [observation]}
    (row,) = landed(landing, json.dumps(document))
    said = json.loads(row["attributes"])
    assert (said["gen_ai.usage.input_tokens"], said["session.id"]) == (3, "s1")
    assert row["status"] == "error"
    (event,) = json.loads(row["events"])
    assert event["name"] == "gen_ai.evaluation.result"
    assert event["attributes"]["gen_ai.evaluation.score.value"] == 0.8


SAID = {
    "gen_ai.input.messages": "Ms. Made-Up",
    "gen_ai.prompt.0.content": "Ms. Made-Up",
    "gen_ai.tool.call.arguments": "Ms. Made-Up",
    "input.value": "Ms. Made-Up",
    "llm.input_messages.0.message.content": "Ms. Made-Up",
    "traceloop.entity.input": "Ms. Made-Up",
    "gen_ai.evaluation.explanation": "Ms. Made-Up",
    "exception.message": "Ms. Made-Up",
    "output.value": ["Ms. Made-Up"],
}


def test_what_people_said_stays_outside(landing: Landing) -> None:
    counted = {"gen_ai.usage.prompt_tokens": 3, "llm.token_count.prompt": 3}
    named = {"gen_ai.request.model": "m", "acsr.intent": "refund"}
    assert attributes(landing, {**SAID, **counted, **named}) == {**counted, **named}


def test_what_people_said_is_kept_if_the_user_says_so(landing: Landing) -> None:
    landing.put("otel_spans/a.jsonl", [export(span(attributes=SAID))])
    landing.load(LoadSettings(b"k", keep_message_text=True))
    (row,) = landing.rows(ROWS)
    assert json.loads(row["attributes"]) == SAID


def test_secrets_are_masked_and_the_customer_is_hashed(landing: Landing) -> None:
    said = {"http.header.authorization": "Bearer x", "user.id": "c1"}
    (row,) = landed(landing, export(span(attributes=said)))
    assert json.loads(row["attributes"]) == {"http.header.authorization": "***"}
    assert row["customer_id"] == "c1"
    assert len(row["customer_key"]) == 64


def test_source_systems_keep_equal_ids_apart(landing: Landing) -> None:
    rows = landed(
        landing,
        export(span()),
        export(span(), resource={"acsr.source_system": "other"}),
    )
    assert sorted(row["source_system"] for row in rows) == ["otel", "other"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": ""}, "missing_trace_id"),
        ({"traceId": "0" * 32}, "invalid_trace_id"),
        ({"traceId": "xyz"}, "invalid_trace_id"),
        ({"spanId": None}, "missing_span_id"),
        ({"startTimeUnixNano": "0"}, "missing_started_at"),
        ({"startTimeUnixNano": "12"}, "invalid_started_at"),
        ({"endTimeUnixNano": "soon"}, "invalid_ended_at"),
        ({"name": "x" * (1 << 20)}, "oversize"),
    ],
)
def test_one_bad_span_never_fails_the_export(
    landing: Landing, fields: dict[str, object], reason: str
) -> None:
    rows = landed(landing, export(span(**{"spanId": "1" * 16, **fields}), span()))
    assert [row["span_id"] for row in rows] == [SPAN]
    assert landing.reasons() == [reason]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"resourceSpans": [', "not_json"),
        ("[]", "not_an_object"),
        ('{"resourceLogs": []}', "missing_resource_spans"),
        ('{"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}]}', "not_an_object"),
    ],
)
def test_one_bad_export_never_fails_the_file(
    landing: Landing, line: str, reason: str
) -> None:
    rows = landed(landing, export(span()), line)
    assert len(rows) == 1
    assert landing.reasons() == [reason]


def test_a_rotated_file_may_begin_amid_an_export(landing: Landing) -> None:
    rows = landed(landing, '"spans": []}]}]}', export(span()))
    assert len(rows) == 1
    assert landing.reasons() == ["not_json"]


def test_an_export_has_a_limit(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate_here(monkeypatch)
    monkeypatch.setattr(otel, "MAX_EXPORT_BYTES", 2_000)
    rows = landed(landing, export(span()), export(span("x" * 3_000)))
    assert len(rows) == 1
    assert landing.reasons() == ["oversize"]


def frames(*contents: bytes) -> bytes:
    packed = [zstandard.ZstdCompressor().compress(content) for content in contents]
    return b"".join(struct.pack(">I", len(frame)) + frame for frame in packed)


def test_what_the_collector_compresses_is_read(landing: Landing) -> None:
    one, two = export(span()), export(span(spanId="1" * 16))
    landing.put("otel_spans/framed.json", frames(one.encode(), two.encode()))
    whole = zstandard.ZstdCompressor().compress(export(span(spanId="2" * 16)).encode())
    landing.put("otel_spans/whole.jsonl.zst", whole)
    landing.load()
    assert len(landing.rows(ROWS)) == 3


PROTOBUF = b"\x0a\x03\x12\x01\x01"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("framed.pb", struct.pack(">I", len(PROTOBUF)) + PROTOBUF),
        ("bare.pb", PROTOBUF),
        ("packed.json", frames(PROTOBUF)),
    ],
)
def test_protobuf_is_refused_with_a_way_out(
    landing: Landing, name: str, content: bytes
) -> None:
    landing.put(f"otel_spans/{name}", content)
    (bad,) = landing.load().quarantined
    assert "format: json" in bad.problem


def test_a_frame_that_breaks_off_fails_its_file(landing: Landing) -> None:
    landing.put("otel_spans/a.json", frames(export(span()).encode())[:-3])
    (bad,) = landing.load().quarantined
    assert "too early" in bad.problem


def test_of_two_states_of_a_span_the_later_end_stays(landing: Landing) -> None:
    rows = landed(landing, export(span("late", end=2)), export(span("early", end=1)))
    assert [row["span_name"] for row in rows] == ["late"]


def test_a_credential_is_seen_wherever_it_stands(landing: Landing) -> None:
    key = "sk-" + "a1" * 12
    stated = span(f"call {key}", {"http.url": f"https://a.example/?x={key}"})
    (row,) = landed(landing, export(stated, resource={"service.name": f"a {key}"}))
    assert key not in str(row)
