"""The check of adapters passes the project's own ones, and sees each fault."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from orchestration.adapter_check import (
    Adapter,
    Stated,
    adapters_of,
    batches,
    counted,
    faults_of,
    replayed,
    run,
    untimed,
    wrong_columns,
)
from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.loading.spans import export, span
from tests.loading.test_servicenow import INCIDENT
from tests.loading.test_tau2 import DOCUMENT
from tests.support import build_warehouse, parsed

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BUILD = ("build", "--select", "path:models/staging", "event_types", "escalation_tools")
MODELS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
OTEL = Adapter("otel_spans", "stg_otel_spans__events", "agent_events")
SPANS = "staging.stg_otel_spans__events"
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "c1"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund"}

Change = str | Callable[[duckdb.DuckDBPyConnection], None]


def land(root: Path) -> Path:
    """A few records of every adapter that needs no table of people."""
    csv = [SERVICENOW_COLUMNS, [INCIDENT.get(it, "?") for it in SERVICENOW_COLUMNS]]
    files = {
        "otel_spans/a.jsonl": "\n".join(
            [
                export(span("turn", AGENT, spanId="01" * 8)),
                export(span("a tool", TOOL, spanId="02" * 8, parentSpanId="01" * 8)),
                export(span("GET /", {}, spanId="03" * 8, parentSpanId="02" * 8)),
            ]
        ),
        "tau2_runs/a.json": json.dumps(DOCUMENT),
        "servicenow_incidents/a.csv": "\n".join(",".join(row) for row in csv),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_text(text + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The staging layer on those records."""
    folder = tmp_path_factory.mktemp("adapters")
    command = (*BUILD, *MODELS)
    landing = land(folder / "landing")
    return build_warehouse(landing, NOW.isoformat(), folder / "home", command)


@pytest.fixture
def connection(built: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two copies of the warehouse, as the check compares them; they may be broken."""
    with duckdb.connect() as connected:
        for name in ("warehouse", "in_batches"):
            path = shutil.copyfile(built, tmp_path / f"{name}.duckdb")
            connected.execute(f"attach '{path}' as {name}")
        connected.execute("use warehouse")
        yield connected


def faults(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter = OTEL, silent: int = 1
) -> list[str]:
    """What the check says of an adapter."""
    stated = Stated(silent=silent)
    found = [
        *counted(connection, adapter.feed, stated),
        *faults_of(connection, adapter, NOW, stated),
    ]
    return found or replayed(connection, adapter)


@pytest.mark.parametrize(
    ("feed", "silent"),
    [("otel_spans", 1), ("tau2_runs", 0), ("servicenow_incidents", 0)],
)
def test_the_projects_own_adapters_keep_their_promises(
    connection: duckdb.DuckDBPyConnection, feed: str, silent: int
) -> None:
    (adapter,) = adapters_of(feed, parsed().writable_manifest().to_dict())
    rows = connection.execute(f"select count(*) from {adapter.table}").fetchone()

    assert rows > (0,)
    assert faults(connection, adapter, silent) == []


BROKEN: dict[str, tuple[str, str]] = {
    "a column under another name": (
        f"alter table {SPANS} rename column intent to intention",
        "columns: stg_otel_spans__events lacks intent; end the model in the macro "
        "canonical_agent_event, which puts them in order",
    ),
    "a column of another type": (
        f"alter table {SPANS} alter column sequence type varchar",
        "columns: column 9 of stg_otel_spans__events is sequence VARCHAR, but must be "
        "sequence BIGINT; end the model in the macro canonical_agent_event, which puts "
        "them in order",
    ),
    "columns in another order": (
        f"create or replace table {SPANS} as select source_system, event_key, * "
        f"exclude (source_system, event_key) from {SPANS}",
        "columns: column 1 of stg_otel_spans__events is source_system VARCHAR, but "
        "must be event_key VARCHAR; end the model in the macro canonical_agent_event",
    ),
    "an event without an id": (
        f"update {SPANS} set event_id = null where action_type = 'action_executed'",
        "keys: no event_id in 1 events, the first from otel_spans/a.jsonl:2; every "
        "event needs one",
    ),
    "an event without a session": (
        f"update {SPANS} set session_id = ' ' where action_type = 'action_executed'",
        "keys: no session_id in 1 events, the first from otel_spans/a.jsonl:2; every "
        "event needs one",
    ),
    "an id that is there twice": (
        f"update {SPANS} set event_id = 'x' where action_type in "
        "('action_executed', 'message_sent')",
        "keys: event_id 'x' of 'otel' stands 2 times, from otel_spans/a.jsonl:1; make "
        "it of the record's id and of what tells its events apart",
    ),
    "a missing moment": (
        f"update {SPANS} set occurred_at = null where action_type = 'action_executed'",
        "times: no occurred_at in 1 events, the first from otel_spans/a.jsonl:2; take "
        "it from a field of the kind `time`",
    ),
    "seconds taken for milliseconds": (
        f"update {SPANS} set occurred_at = timestamp '1970-01-21 00:00:00' "
        "where action_type = 'action_executed'",
        "times: occurred_at before 2000 or after 2026-07-02 in 1 events, the first "
        "from otel_spans/a.jsonl:2; seconds read as milliseconds? the kind `time` ",
    ),
    "an unknown actor": (
        f"update {SPANS} set actor_type = 'bot' where action_type = 'action_executed'",
        "actors: actor_type is 'bot' in 1 events, the first from otel_spans/a.jsonl:2; "
        "map it in the staging model to one of ai_agent, human_agent, customer, system",
    ),
    "an unknown type": (
        f"update {SPANS} set action_type = 'call' "
        "where action_type = 'action_executed'",
        "types: action_type is 'call' in 1 events, the first from otel_spans/a.jsonl:2;"
        " leave the record out, or map it in the staging model to one of session_st",
    ),
    "a type of the other contract": (
        f"update {SPANS} set action_type = 'created' "
        "where action_type = 'action_executed'",
        "types: action_type is 'created' in 1 events",
    ),
    "no source system": (
        f"update {SPANS} set source_system = '' where action_type = 'action_executed'",
        "sources: source_system is empty, or `default` in 1 events, the first from "
        "otel_spans/a.jsonl:2; ids are unique within it",
    ),
    "the contract's own source system": (
        f"update {SPANS} set source_system = 'default'",
        "sources: source_system is empty, or `default` in 5 events",
    ),
    "a record that is neither loaded nor rejected": (
        "update raw.load_history set records = 4 where feed = 'otel_spans'",
        "counts: otel_spans/a.jsonl: 4 records, but 3 loaded, 0 duplicates and 0 "
        "rejected; this is a fault of the reader",
    ),
    "an event from nowhere": (
        f"update {SPANS} set line_number = 9 where action_type = 'message_sent'",
        "counts: 1 events, such as",
    ),
    "a record that gives nothing": (
        f"delete from {SPANS} where action_type = 'action_executed'",
        "counts: 2 records give no event of stg_otel_spans__events "
        "(otel_spans/a.jsonl:2, otel_spans/a.jsonl:3), 1 are stated (SILENT=)",
    ),
    "an order that shows": (
        "update in_batches.staging.stg_otel_spans__events set sequence = 7 "
        "where action_type = 'message_sent'",
        "replay: 2 events of stg_otel_spans__events come out otherwise when the same "
        "records land in two batches, last first:",
    ),
    "an event that only one way gives": (
        "delete from in_batches.staging.stg_otel_spans__events "
        "where action_type = 'message_sent'",
        "replay: 1 events of stg_otel_spans__events come out otherwise",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_promise_is_told(
    connection: duckdb.DuckDBPyConnection, broken: str
) -> None:
    change, message = BROKEN[broken]
    connection.execute(change)

    found = faults(connection)

    assert [fault for fault in found if fault.startswith(message)], found
    assert {fault.partition(":")[0] for fault in found} == {message.partition(":")[0]}


def test_rejects_are_told_with_their_reasons(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(
        "update raw.load_history set records = 4, rejected = 1 "
        "where feed = 'otel_spans'; insert into raw.rejected_records "
        "(feed, path, line_number, reason, text) "
        "values ('otel_spans', 'otel_spans/a.jsonl', 4, 'invalid_started_at', '{}')"
    )
    assert list(counted(connection, "otel_spans", Stated(rejected=1))) == []
    assert list(counted(connection, "otel_spans", Stated())) == [
        "counts: 1 records were rejected, 0 are stated (REJECTED=); mend the contract, "
        "or the sample",
        "counts: otel_spans/a.jsonl:4: invalid_started_at: {}",
    ]


def test_files_without_records_are_told(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert list(counted(connection, "agent_events", Stated())) == [
        "counts: the files hold no record of agent_events; name others in FILES"
    ]


def test_times_that_are_read_as_text_are_told(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    native = Adapter("agent_events", "stg_agent_events__events", "agent_events")
    connection.execute(
        "insert into raw.agent_events (source_system, event_id, session_id, timestamp, "
        "channel, _file, _line) values ('s', 'e', 'c', timestamp '2026-01-01', "
        "'2026-01-01 09:00:00', 'a.jsonl', 1)"
    )
    assert [fault.partition(",")[0] for fault in untimed(connection, native, NOW)] == [
        "times: field channel of agent_events holds times as text"
    ]
    assert list(wrong_columns(connection, native)) == []


def test_line_feeds_land_again_last_first_and_partly_twice(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(b"a\nb\r\nc")
    two.write_bytes(b"d\n")

    first, second = batches("agent_events", [one, two])

    assert list(first.values()) == [b"d\n", b"c\na\n"]
    assert list(second.values()) == [b"d\n", b"b\nc\na\n"]
    assert [list(load.values()) for load in batches("tau2_runs", [one, two])] == [
        [b"d\n"],
        [b"a\nb\r\nc"],
    ]


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ("acme", "no feed 'acme' with an adapter; there are"),
        ("agent_events", "no feed 'agent_events' with an adapter"),
        ("otel_spans", "no file nowhere.jsonl; FILES names samples"),
    ],
)
def test_what_cannot_be_checked_is_said(feed: str, message: str) -> None:
    with pytest.raises(project.ProjectError) as problem:
        run(feed, [Path("nowhere.jsonl")], Stated())
    assert str(problem.value).startswith(message)


def test_a_feed_that_is_not_registered_is_told() -> None:
    manifest = parsed().writable_manifest().to_dict()
    for name in ("int_agent_events_adapted", "int_ticket_events_adapted"):
        manifest["nodes"].pop(f"model.acsr_warehouse.{name}", None)
    with pytest.raises(project.ProjectError, match="nothing of otel_spans becomes"):
        adapters_of("otel_spans", manifest)
