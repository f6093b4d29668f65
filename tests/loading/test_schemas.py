"""The published JSON Schemas say what the loader does."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from orchestration.loading.contracts import FEEDS
from orchestration.loading.faults import Fault
from orchestration.loading.records import Context, RecordReader
from orchestration.loading.times import latest_allowed
from tests.loading.support import NOW, SAMPLES, SETTINGS

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
CANDIDATES = [
    None,
    "",
    " ",
    "anything",
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00",
    1_769_860_800,
    1,
    2,
    0,
    -1,
    0.5,
    2**63,
    True,
    [],
    {},
    "human_agent",
    "csat",
    "census",
    "llm",
    "violation",
    "critical",
]
TIMES = {
    field.name
    for feed in FEEDS.values()
    for field in feed.fields
    if field.kind == "time"
}


def is_decidable(field: str, value: object) -> bool:
    """A schema knows no clock, and cannot compare a score with its scale."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    if field in TIMES:
        return value < 2**63
    return field not in ("score", "scale_min", "scale_max")


@cache
def schema(feed: str) -> dict[str, dict]:
    return json.loads((SCHEMAS / f"{feed}.schema.json").read_text(encoding="utf-8"))


@cache
def reader(feed: str) -> RecordReader:
    return RecordReader(FEEDS[feed], Context(SETTINGS, latest_allowed(NOW)))


def test_there_is_a_schema_of_every_contract_feed() -> None:
    named = {path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()}
    assert named == {name for name, feed in FEEDS.items() if feed.fields}


@pytest.mark.parametrize("feed", SAMPLES)
def test_a_schema_names_the_fields_of_its_contract(feed: str) -> None:
    stated, fields = schema(feed), FEEDS[feed].fields
    Draft202012Validator.check_schema(stated)
    assert list(stated["properties"]) == [field.name for field in fields]
    assert stated["required"] == [field.name for field in fields if field.required]
    for field in fields:
        described = stated["properties"][field.name]
        assert described["description"]
        assert described.get("default") == field.default
        said = described.get("anyOf", [described])[0]
        assert tuple(said.get("enum", ())) == field.allowed


@pytest.mark.parametrize(
    ("feed", "field"),
    [(feed, field.name) for feed in SAMPLES for field in FEEDS[feed].fields],
)
def test_schema_and_loader_take_and_refuse_the_same(feed: str, field: str) -> None:
    judge = Draft202012Validator(schema(feed))
    for value in CANDIDATES:
        if not is_decidable(field, value):
            continue
        record = {**SAMPLES[feed], field: value}
        outcome = reader(feed).read(record)
        assert judge.is_valid(record) is not isinstance(outcome, Fault), value


@pytest.mark.parametrize("feed", SAMPLES)
def test_schema_and_loader_miss_the_same_fields(feed: str) -> None:
    judge = Draft202012Validator(schema(feed))
    for field in FEEDS[feed].fields:
        record = {k: v for k, v in SAMPLES[feed].items() if k != field.name}
        outcome = reader(feed).read(record)
        assert judge.is_valid(record) is not isinstance(outcome, Fault), field.name
