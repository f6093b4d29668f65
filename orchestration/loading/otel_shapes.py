"""Where each shape of span files keeps what a span says, as `Span`.

Nothing is judged here but the frame that holds the spans: what is inside a span is
handed on as stated, and the reader says what is wrong with it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import orjson

from orchestration.loading.faults import NOT_AN_OBJECT, Fault, missing
from orchestration.loading.times import parse_instant

Attributes = dict[str, object]

_HEX = re.compile(r"[0-9a-f]+").fullmatch
_DIGITS = re.compile(r"[0-9]{1,19}").fullmatch
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
# An attribute whose name has one of these words may hold what somebody said.
_WORDS = frozenset(
    (
        "answer",
        "answers",
        "args",
        "arguments",
        "body",
        "comment",
        "completion",
        "completions",
        "content",
        "contents",
        "definitions",
        "documents",
        "explanation",
        "functions",
        "headers",
        "input",
        "instruction",
        "instructions",
        "message",
        "messages",
        "output",
        "parameters",
        "prompt",
        "prompts",
        "query",
        "question",
        "reasoning",
        "request",
        "response",
        "result",
        "results",
        "stacktrace",
        "statement",
        "summary",
        "text",
        "transcript",
        "utterance",
        "value",
    )
)
_NO_TEXT = re.compile(
    r"gen_ai\.(request|response)\.(model|id|finish_reasons|service_tier)|"
    r"llm\.request\.type|http\.(request|response)\..*|gen_ai\.evaluation\..*"
).fullmatch


class Span(NamedTuple):
    """A span as its file states it; ids and times are still to be judged."""

    resource: Attributes
    scope: str | None
    trace_id: object
    span_id: object
    parent_id: object
    name: str
    kind: str | None
    status: str
    started: object
    ended: object
    duration_ms: float | None
    attributes: Attributes
    events: list[Attributes]


def spans_of(document: object) -> Iterator[Span | Fault] | Fault:
    """The spans of a document of a known shape; `{}` is an export of none."""
    if not isinstance(document, dict):
        return Fault(NOT_AN_OBJECT, "an export is one JSON object")
    if not document:
        return iter(())
    trace = document.get("trace")
    if isinstance(trace, dict) and "observations" in document:
        return _langfuse(trace, _list(document["observations"]))
    if isinstance(trace, dict):  # Tempo's second version wraps its answer
        document = trace
    shapes: dict[str, Callable[[list[object]], Iterator[Span | Fault]]] = {
        "resourceSpans": _otlp,
        "resource_spans": _otlp,
        "batches": _otlp,
        "spans": _sdk,
        "data": _jaeger,
    }
    for key, read in shapes.items():
        if isinstance(document.get(key), list):
            return read(document[key])
    return missing(
        "resource_spans",
        "wanted `resourceSpans` (OTLP), `batches` (Tempo), `data` (Jaeger), `spans` "
        "(SDK) or `trace` with `observations` (Langfuse)",
    )


# --- OTLP ---


def _otlp(batches: list[object]) -> Iterator[Span | Fault]:
    for batch in batches:
        stated = _object(batch)
        resource = _attributes(_object(stated.get("resource")).get("attributes"))
        scopes = (
            stated.get("scopeSpans")
            or stated.get("scope_spans")
            or stated.get("instrumentationLibrarySpans")
        )
        for scope in _list(scopes):
            said = _object(scope)
            library = _object(said.get("scope") or said.get("instrumentationLibrary"))
            name = _text(library.get("name"))
            for span in _list(said.get("spans")):
                yield _otlp_span(span, resource, name)


def _otlp_span(span: object, resource: Attributes, scope: str | None) -> Span | Fault:
    if not isinstance(span, dict):
        return Fault(NOT_AN_OBJECT, "a span is one JSON object")
    get = span.get
    started, ended = get("startTimeUnixNano"), get("endTimeUnixNano")
    events = get("events")
    return Span(
        resource,
        scope,
        get("traceId"),
        get("spanId"),
        get("parentSpanId"),
        _text(get("name")) or "",
        _member(get("kind"), _KINDS, "span_kind_"),
        _member(_object(get("status")).get("code"), _STATUSES, "status_code_")
        or "unset",
        started,
        ended,
        _milliseconds(started, ended),
        _attributes(get("attributes")),
        [
            {
                "name": _text(event.get("name")) or "",
                "time": event.get("timeUnixNano"),
                "attributes": _attributes(event.get("attributes")),
            }
            for event in _list(events)
            if isinstance(event, dict)
        ]
        if events
        else [],
    )


def _attributes(pairs: object) -> Attributes:
    """OTLP's list of keys and values as an object; of equal keys the last."""
    if not isinstance(pairs, list):
        return {}
    return {
        pair["key"]: _value(pair.get("value"))
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def _value(stated: object) -> object:
    """An `AnyValue`: its one member says its type; none is null."""
    if not isinstance(stated, dict):
        return None
    for kind, value in stated.items():
        if kind == "stringValue":
            return value if isinstance(value, str) else None
        if kind == "intValue":
            return _integer(value)
        if kind == "boolValue":
            return value if isinstance(value, bool) else None
        if kind == "doubleValue":
            return _double(value)
        if kind == "arrayValue":
            return [_value(item) for item in _list(_object(value).get("values"))]
        if kind == "kvlistValue":
            return _attributes(_object(value).get("values"))
        if kind == "bytesValue":
            return value if isinstance(value, str) else None
    return None


def _integer(value: object) -> int | None:
    if type(value) is int:
        return value
    try:
        return int(value) if isinstance(value, str) and len(value) <= 20 else None
    except ValueError:
        return None


def _double(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# --- what Jaeger's API and its UI give out ---


def _jaeger(traces: list[object]) -> Iterator[Span | Fault]:
    for trace in traces:
        stated = _object(trace)
        resources = {
            name: {
                **_tags(_object(process).get("tags")),
                "service.name": _object(process).get("serviceName"),
            }
            for name, process in _object(stated.get("processes")).items()
        }
        for span in _list(stated.get("spans")):
            if isinstance(span, dict):
                yield _jaeger_span(span, resources)
            else:
                yield Fault(NOT_AN_OBJECT, "a span is one JSON object")


def _jaeger_span(span: Attributes, resources: dict[str, Attributes]) -> Span:
    tags = _tags(span.get("tags"))
    parents = [
        reference.get("spanID")
        for reference in _list(span.get("references"))
        if isinstance(reference, dict) and reference.get("refType") == "CHILD_OF"
    ]
    status = _member(tags.pop("otel.status_code", None), _STATUSES, "")
    if status is None:
        status = "error" if tags.get("error") in (True, "true") else "unset"
    started, duration = span.get("startTime"), span.get("duration")
    is_whole = type(started) is int and type(duration) is int
    return Span(
        resources.get(str(span.get("processID")), {}),
        _text(tags.pop("otel.scope.name", None)),
        span.get("traceID"),
        span.get("spanID"),
        parents[0] if parents else None,
        _text(span.get("operationName")) or "",
        _member(tags.pop("span.kind", None), _KINDS, ""),
        status,
        started * 1000 if type(started) is int else started,
        (started + duration) * 1000 if is_whole else None,
        duration / 1000 if is_whole else None,
        tags,
        [
            {
                "name": _text(fields.pop("event", None)) or "",
                "time": micros * 1000 if type(micros) is int else None,
                "attributes": fields,
            }
            for micros, fields in (
                (log.get("timestamp"), _tags(log.get("fields")))
                for log in _list(span.get("logs"))
                if isinstance(log, dict)
            )
        ],
    )


def _tags(tags: object) -> Attributes:
    return {
        tag["key"]: tag.get("value")
        for tag in _list(tags)
        if isinstance(tag, dict) and isinstance(tag.get("key"), str)
    }


# --- what the SDKs' span objects hold, written out ---


def _sdk(spans: list[object]) -> Iterator[Span | Fault]:
    for span in spans:
        if not isinstance(span, dict):
            yield Fault(NOT_AN_OBJECT, "a span is one JSON object")
            continue
        context, parent = _object(span.get("context")), _object(span.get("parent"))
        status = _object(span.get("status")).get("status_code")
        started, ended = span.get("start_time"), span.get("end_time")
        yield Span(
            _object(_object(span.get("resource")).get("attributes")),
            _text(_object(span.get("instrumentation_scope")).get("name")),
            context.get("trace_id"),
            context.get("span_id"),
            parent.get("span_id") or span.get("parent_id"),
            _text(span.get("name")) or "",
            _member(span.get("kind"), _KINDS, "spankind."),
            _member(status, _STATUSES, "statuscode.") or "unset",
            started,
            ended,
            _milliseconds(started, ended),
            _object(span.get("attributes")),
            [
                {
                    "name": _text(event.get("name")) or "",
                    "time": event.get("timestamp"),
                    "attributes": _object(event.get("attributes")),
                }
                for event in _list(span.get("events"))
                if isinstance(event, dict)
            ],
        )


# --- Langfuse's trace export ---


_LANGFUSE_USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "input_cached_tokens": "gen_ai.usage.cache_read.input_tokens",
}


def _langfuse(trace: Attributes, observations: list[object]) -> Iterator[Span | Fault]:
    """Observations are spans; scores are evaluation results on the one they judge."""
    known = [item for item in observations if isinstance(item, dict)]
    home = next(
        (it.get("id") for it in known if not it.get("parentObservationId")), None
    )
    scores: dict[object, list[Attributes]] = {}
    for score in _list(trace.get("scores")):
        if isinstance(score, dict):
            on = score.get("observationId") or home
            scores.setdefault(on, []).append(_score(score))
    for item in observations:
        if not isinstance(item, dict):
            yield Fault(NOT_AN_OBJECT, "an observation is one JSON object")
            continue
        yield _observation(item, trace, scores.get(item.get("id"), []))


def _observation(item: Attributes, trace: Attributes, scores: list[Attributes]) -> Span:
    said = _parsed(item.get("metadata"))
    environment = item.get("environment")
    resource = {
        **_object(said.get("resourceAttributes")),
        **(
            {"deployment.environment.name": environment}
            if environment not in (None, "default")
            else {}
        ),
    }
    started, ended = item.get("startTime"), item.get("endTime")
    latency = item.get("latency")
    level = item.get("level")
    return Span(
        resource,
        _text(_object(said.get("scope")).get("name")),
        item.get("traceId") or trace.get("id"),
        item.get("id"),
        item.get("parentObservationId"),
        _text(item.get("name")) or "",
        None,
        "error" if level == "ERROR" else "unset",
        started,
        ended,
        latency * 1000.0 if type(latency) in (int, float) else None,
        _langfuse_attributes(item, trace, _object(said.get("attributes"))),
        scores,
    )


def _langfuse_attributes(
    item: Attributes, trace: Attributes, original: Attributes
) -> Attributes:
    """The instrumentation's own attributes; Langfuse's columns where it has none."""
    usage = _object(item.get("usageDetails"))
    added: Attributes = {
        "langfuse.observation.type": _text(item.get("type")),
        "gen_ai.request.model": item.get("model"),
        "langfuse.cost_usd": item.get("totalCost") if usage else None,
        "session.id": trace.get("sessionId"),
        "user.id": trace.get("userId"),
        "gen_ai.agent.version": trace.get("version"),
        **{name: usage.get(key) for key, name in _LANGFUSE_USAGE.items()},
    }
    for name in _LANGFUSE_USAGE.values():
        if added[name] is not None:
            original.pop(name, None)  # a text there, a number here
    return {**{k: v for k, v in added.items() if v is not None}, **original}


def _score(score: Attributes) -> Attributes:
    return {
        "name": "gen_ai.evaluation.result",
        "time": score.get("timestamp"),
        "attributes": {
            "gen_ai.evaluation.name": score.get("name"),
            "gen_ai.evaluation.score.value": score.get("value"),
            "gen_ai.evaluation.score.label": score.get("stringValue"),
            "langfuse.score.id": score.get("id"),
            "langfuse.score.source": score.get("source"),
        },
    }


def _parsed(text: object) -> Attributes:
    if isinstance(text, dict):
        return text
    try:
        return _object(orjson.loads(text)) if isinstance(text, str) else {}
    except orjson.JSONDecodeError:
        return {}


# --- values ---


def trace_id_of(stated: object, size: int) -> str | None:
    """An id of `size` bytes in lower-case hex: from hex, base64 or an integer."""
    if isinstance(stated, str):
        text = stated.strip().lower()
        if len(text) != 2 * size or not _HEX(text):
            text = _from_base64(stated, size) or _padded(text, size)
    elif type(stated) is int and 0 < stated < 1 << (8 * size):
        text = format(stated, f"0{2 * size}x")
    else:
        return None
    return text if text and text.strip("0") else None


def _from_base64(stated: str, size: int) -> str | None:
    if not stated.endswith("="):
        return None
    try:
        raw = base64.b64decode(stated, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == size else None


def _padded(text: str, size: int) -> str | None:
    """Jaeger and the SDKs leave leading zeros out, and may write `0x`."""
    text = text.removeprefix("0x")
    return text.rjust(2 * size, "0") if len(text) <= 2 * size and _HEX(text) else None


def micros_of(stated: object, latest: int) -> int | None:
    """Nanoseconds as number or digits, or a text of RFC 3339, in microseconds."""
    if isinstance(stated, str) and _DIGITS(stated):
        stated = int(stated)
    return None if stated in (None, 0, "") else parse_instant(stated, latest)


def _milliseconds(started: object, ended: object) -> float | None:
    begin, end = _integer(started), _integer(ended)
    return None if begin is None or not end else (end - begin) / 1e6


def _member(stated: object, names: tuple[str, ...], prefix: str) -> str | None:
    """A member of an enum by its number or its name."""
    if type(stated) is int:
        return names[stated] if 0 <= stated < len(names) else None
    if not isinstance(stated, str):
        return None
    text = stated.strip().lower().removeprefix(prefix)
    if text.isdigit() and int(text) < len(names):
        return names[int(text)]
    return text if text in names else None


@lru_cache(maxsize=65_536)
def is_text(key: str) -> bool:
    """Whether an attribute of this name may hold what somebody said."""
    if key.startswith("acsr.") or _NO_TEXT(key):
        return key == "gen_ai.evaluation.explanation"
    return not _WORDS.isdisjoint(re.split(r"[._\-]", key.lower()))


def _object(value: object) -> Attributes:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
