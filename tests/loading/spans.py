"""Spans as OTLP/JSON writes them. All of them are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
SECOND = 1_000_000_000
START = 1_769_860_800 * SECOND  # 2026-01-31T12:00:00Z


def value(said: object) -> dict[str, object]:
    """An `AnyValue`: integers are texts, as protobuf's JSON mapping has it."""
    if isinstance(said, bool):
        return {"boolValue": said}
    if isinstance(said, int):
        return {"intValue": str(said)}
    if isinstance(said, float):
        return {"doubleValue": said}
    if isinstance(said, list):
        return {"arrayValue": {"values": [value(item) for item in said]}}
    if isinstance(said, dict):
        return {"kvlistValue": {"values": pairs(said)}}
    return {"stringValue": said}


def pairs(attributes: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"key": key, "value": value(said)} for key, said in attributes.items()]


def span(
    name: str = "a span",
    attributes: Mapping[str, object] | None = None,
    *,
    start: float = 0,
    end: float = 1,
    **fields: object,
) -> dict[str, object]:
    """A span; `start` and `end` are seconds after START."""
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": name,
        "startTimeUnixNano": str(START + int(start * SECOND)),
        "endTimeUnixNano": str(START + int(end * SECOND)),
        "attributes": pairs(attributes or {}),
        **fields,
    }


def batch(
    *spans: object, resource: Mapping[str, object] | None = None
) -> dict[str, object]:
    return {
        "resource": {"attributes": pairs(resource or {"service.name": "desk"})},
        "scopeSpans": [{"scope": {"name": "by hand"}, "spans": list(spans)}],
    }


def export(*spans: object, resource: Mapping[str, object] | None = None) -> str:
    """One line of the Collector's file exporter."""
    return json.dumps({"resourceSpans": [batch(*spans, resource=resource)]})
