"""Which columns are masked: those about customers, and those for free text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import project
from orchestration.loading.warehouse import raw_tables
from orchestration.snowflake import masking

# Every column of these names is private, wherever it is, and none of another name.
PRIVATE = {
    "customer_id": "identifier",
    "caller_id": "identifier",
    "customer_key": "pseudonym",
    "caller_key": "pseudonym",
    "attributes": "free_text",
    "comment": "free_text",
    "detail": "free_text",
    "events": "free_text",
    "messages": "free_text",
    "notes": "free_text",
    "reason": "free_text",
    "reason_detail": "free_text",
    "record": "free_text",
    "reward_info": "free_text",
    "stated_reason": "free_text",
    "text": "free_text",
}
# one of a closed list, which a test holds it to, or of a seed, or a number
EXCEPT = {
    ("agent_health_hourly", "events"),
    ("rejected_records", "reason"),
    ("reject_outcomes", "reason"),
    ("kpi_restated_cases", "reason"),
    ("audit_queue", "reason"),
}


@pytest.fixture(scope="module")
def manifest() -> Path:
    """The parsed project."""
    return project.manifest()


def columns(manifest: Path) -> Iterator[tuple[str, str, str]]:
    """Schema, table and column of all that is loaded and all that is published."""
    for table, listed in raw_tables().items():
        yield from (("RAW", table.split(".")[1], name) for name, _ in listed)
    for node in json.loads(manifest.read_bytes())["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] == "marts":
            yield from (("MARTS", node["alias"], name) for name in node["columns"])


def test_what_is_private_by_its_name_says_so_and_nothing_else_does(
    manifest: Path,
) -> None:
    declared = {
        (column.schema, column.table.lower(), column.name.lower()): column.privacy
        for schema in ("RAW", "MARTS")
        for column in masking.declared(manifest, schema)
    }
    wanted = {
        (schema, table, name): PRIVATE[name]
        for schema, table, name in columns(manifest)
        if name in PRIVATE and (table, name) not in EXCEPT
    }
    assert declared == wanted
    assert {name for *_, name in wanted} == PRIVATE.keys()


def test_only_texts_and_json_are_private_for_which_there_is_a_mask(
    manifest: Path,
) -> None:
    kinds = {
        (table.split(".")[1], name): kind
        for table, listed in raw_tables().items()
        for name, kind in listed
    }
    for column in masking.declared(manifest, "RAW"):
        kind = kinds[column.table.lower(), column.name.lower()]
        assert kind in ("varchar", "json"), column
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    types = {
        (node["alias"], name): column["data_type"]
        for node in nodes
        for name, column in node["columns"].items()
        if node["resource_type"] == "model"
    }
    for column in masking.declared(manifest, "MARTS"):
        assert types[column.table.lower(), column.name.lower()] == "varchar", column
