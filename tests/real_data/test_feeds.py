"""Per real file: records in, events out, rejected, and what a plain count of it gives.

The counts know nothing of the readers: they look for the names that the instrumentation
of that very file gives to its calls.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from tests.real_data.landed import AS_OF
from tests.support import build_warehouse


class Counts(NamedTuple):
    """What a file holds, by one reckoning or the other."""

    records: int
    rejected: int
    events: int
    sessions: int
    actions: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    checks: int


SPANS = {
    "agentevals_helm.json.gz": Counts(96, 0, 7, 1, 1, 2, 3776, 130, 0),
    "agentevals_tempo_export_with_batches.json.gz": Counts(
        86, 0, 7, 1, 1, 2, 4648, 129, 0
    ),
    "any_agent_GOOGLE_trace.json": Counts(7, 0, 10, 1, 3, 3, 2251, 86, 0),
    "any_agent_LANGCHAIN_trace.json": Counts(7, 0, 10, 1, 2, 4, 1262, 125, 0),
    "any_agent_OPENAI_trace.json": Counts(6, 0, 9, 1, 2, 3, 1020, 76, 0),
    "langfuse_microsoft-agent-2025-12-17.trace.json.gz": Counts(
        4, 0, 10, 1, 1, 2, 293, 106, 3
    ),
    "langfuse_openai-agents-2025-09-30.trace.json.gz": Counts(
        5, 0, 9, 1, 1, 2, 140, 44, 2
    ),
}


def document(path: Path) -> dict[str, Any]:
    """A JSON file, packed or not."""
    text = path.read_bytes()
    return json.loads(gzip.decompress(text) if path.suffix == ".gz" else text)


def counted(path: Path) -> tuple[int, int, int, int, int, int]:
    """Records, actions, model calls, tokens in and out, and checks of a span file."""
    said = document(path)
    if "observations" in said:
        seen = said["observations"]
        calls = [it["usageDetails"] for it in seen if it["type"] == "GENERATION"]
        tools = sum(it["type"] == "TOOL" for it in seen)
        given, taken = (sum(it[way] for it in calls) for way in ("input", "output"))
        return (
            len(seen),
            tools,
            len(calls),
            given,
            taken,
            len(said["trace"]["scores"]),
        )
    if "spans" in said:
        spans = [(it["name"], it["attributes"]) for it in said["spans"]]
    elif "data" in said:
        spans = [
            (it["operationName"], {tag["key"]: tag["value"] for tag in it["tags"]})
            for trace in said["data"]
            for it in trace["spans"]
        ]
    else:
        spans = [
            (
                it["name"],
                {
                    pair["key"]: next(iter(pair["value"].values()), None)
                    for pair in it.get("attributes", ())
                },
            )
            for batch in said["batches"]
            for scope in batch["instrumentationLibrarySpans"]
            for it in scope["spans"]
        ]
    # the call that reached the provider, not those around it
    names = {name for name, _ in spans}
    innermost = "openai.chat" if "openai.chat" in names else "call_llm"
    calls = [said for name, said in spans if name.startswith(innermost)]
    return (
        len(spans),
        sum(name.startswith("execute_tool") for name, _ in spans),
        len(calls),
        sum(tokens(call, "input", "prompt") for call in calls),
        sum(tokens(call, "output", "completion") for call in calls),
        0,
    )


def tokens(call: dict[str, Any], *words: str) -> int:
    """What a call states under the newer word or the older one."""
    for word in words:
        if f"gen_ai.usage.{word}_tokens" in call:
            return int(call[f"gen_ai.usage.{word}_tokens"])
    raise AssertionError(call)


@pytest.fixture(scope="session")
def feeds(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Everything built and tested on the real files of the feeds below."""
    root = tmp_path_factory.mktemp("feeds")
    shutil.copytree(shared_data / "otel", root / "landing" / "otel_spans")
    built = build_warehouse(root / "landing", AS_OF, root / "home")
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


def test_each_span_file_gives_what_a_plain_count_of_it_gives(
    feeds: duckdb.DuckDBPyConnection, shared_data: Path
) -> None:
    rows = feeds.execute("""
        select
            split_part(history.path, '/', -1),
            any_value(history.records),
            any_value(history.rejected),
            count(*),
            count(distinct events.session_id),
            count_if(action_type = 'action_executed'),
            count_if(action_type = 'llm_called'),
            sum(input_tokens),
            sum(output_tokens),
            count_if(action_type = 'policy_checked')
        from raw.load_history as history
        left join staging.stg_otel_spans__events as events
            on history.path = events.file_path
        where feed = 'otel_spans'
        group by history.path
    """).fetchall()

    assert {name: Counts(*row) for name, *row in rows} == SPANS
    for name, stated in SPANS.items():
        records, actions, calls, given, taken, checks = counted(
            shared_data / "otel" / name
        )
        assert (records, actions, calls) == (
            stated.records,
            stated.actions,
            stated.model_calls,
        ), name
        assert (given, taken, checks) == (
            stated.input_tokens,
            stated.output_tokens,
            stated.checks,
        ), name


def test_a_trace_of_an_agent_is_a_session_that_it_handled(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    counted = feeds.execute("""
        select count(*), count_if(is_involved and is_handled), count(agent_name)
        from marts.fct_cases where source_system = 'otel'
    """).fetchone()

    assert counted == (7, 7, 6)


def test_usage_of_spans_reaches_the_health_board(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    stated = sum(one.input_tokens for one in SPANS.values())

    assert feeds.execute(
        "select sum(input_tokens), sum(model_calls) from marts.agent_health_hourly"
    ).fetchone() == (stated, 18)


def test_nothing_that_people_said_reaches_a_table(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    words = ("New_York", "Tokyo, Japan", "Ms.", "year it is")
    for word in words:
        found = feeds.execute(
            "select span_name, attributes from raw.otel_spans "
            "where contains(events, $1) or (contains(attributes, $1) "
            "and not contains(attributes, 'description'))",
            [word],
        ).fetchall()
        assert found == [], word
