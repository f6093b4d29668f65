"""Customers who are forgotten: gone from the raw tables, and kept out of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from orchestration.loading.duckdb_store import DuckDbStore
from orchestration.loading.erasure import Erasure
from orchestration.loading.suppression import CUSTOMER, Node
from tests.loading.spans import export, span
from tests.loading.support import (
    AUDIT,
    EVENT,
    SETTINGS,
    SURVEY,
    TICKET,
    Landing,
)
from tests.loading.test_servicenow import INCIDENT, csv

ANNA, BEN = "customer-anna", "customer-ben"
DAY = "2026-01-31 12:00:00"
FEEDS = {
    "agent_events": [
        {**EVENT, "event_id": "a1", "session_id": "sa", "customer_id": ANNA},
        {**EVENT, "event_id": "a2", "session_id": "sa", "ticket_id": "TA"},
        {**EVENT, "event_id": "a3", "session_id": "sa2", "previous_session_id": "sa"},
        {**EVENT, "event_id": "a4", "session_id": "sa3", "ticket_id": "TA"},
        {**EVENT, "event_id": "b1", "session_id": "sb", "customer_id": BEN},
        {
            **EVENT,
            "event_id": "b2",
            "session_id": "sb",
            "attributes": {"referred_by": ANNA},
        },
        {**EVENT, "event_id": "n1", "session_id": "nobody"},
    ],
    "ticket_events": [
        {**TICKET, "event_id": "ta1", "ticket_id": "TA"},
        {**TICKET, "event_id": "ta2", "ticket_id": "TA2", "customer_id": ANNA},
        {**TICKET, "event_id": "ta3", "ticket_id": "TA2"},
        {**TICKET, "event_id": "tb1", "ticket_id": "TB", "customer_id": BEN},
        {**TICKET, "event_id": "tb2", "ticket_id": "TA", "customer_id": BEN},
    ],
    "survey_responses": [
        {**SURVEY, "response_id": "ra", "ticket_id": "TA2"},
        {**SURVEY, "response_id": "rb", "ticket_id": "TB"},
    ],
    "compliance_audits": [
        {**AUDIT, "audit_id": "aa", "session_id": "sa2"},
        {**AUDIT, "audit_id": "ab", "session_id": "sb"},
    ],
}
STAYS = {
    "agent_events": ["b1", "b2", "n1"],
    "ticket_events": ["tb1", "tb2"],
    "survey_responses": ["rb"],
    "compliance_audits": ["ab"],
}
IDS = dict(zip(STAYS, ("event_id", "event_id", "response_id", "audit_id"), strict=True))
WORDS = [ANNA, SETTINGS.customer_key(ANNA)]


def land(landing: Landing, feeds: Iterable[str] = FEEDS, suffix: str = "") -> None:
    for feed in feeds:
        lines = [json.dumps(record) + suffix for record in FEEDS[feed]]
        landing.put(f"{feed}/{ANNA}.{len(suffix)}.jsonl", lines)


def forget(landing: Landing, customer: str = ANNA) -> dict[str, int]:
    nodes = frozenset({Node(CUSTOMER, "", customer)})
    store = DuckDbStore(landing.connection)
    return store.erase(Erasure(SETTINGS, nodes, "erasure-1"))


def held(landing: Landing) -> dict[str, list[object]]:
    return {
        feed: [
            row["id"]
            for row in landing.rows(f"select {name} as id from raw.{feed} order by 1")
        ]
        for feed, name in IDS.items()
    }


def texts(landing: Landing) -> str:
    """All there is in the raw tables but what is there for a while only."""
    tables = landing.rows(
        "select table_name as name from information_schema.tables "
        "where table_schema = 'raw' and table_name != 'forgotten'"
    )
    return "".join(
        repr(landing.rows(f'select * from raw."{it["name"]}"')) for it in tables
    )


def test_what_is_a_customers_goes_and_nothing_else(landing: Landing) -> None:
    land(landing)
    landing.put("agent_events/r.jsonl", f'{{"customer_id":"{ANNA}","broken\n{{"x":1}}')
    landing.load()
    gone = forget(landing)
    assert held(landing) == STAYS
    assert gone == {feed: len(FEEDS[feed]) - len(ids) for feed, ids in STAYS.items()}
    assert not any(word in texts(landing) for word in WORDS)
    landing.prove_that_nothing_is_lost()
    shown = landing.rows("select text from raw.rejected_records order by line_number")
    assert [row["text"] for row in shown] == ["***", '{"x":1}']


@pytest.mark.parametrize("suffix", ["", " "])
def test_old_files_that_land_again_bring_nobody_back(
    landing: Landing, suffix: str
) -> None:
    land(landing)
    landing.load()
    forget(landing)
    land(landing, suffix=suffix)
    report = landing.load()
    assert held(landing) == STAYS
    assert not any(word in texts(landing) for word in WORDS)
    told = {name: feed.suppressed for name, feed in report.feeds.items()}
    assert sum(told.values()) == (9 if suffix else 0)


def test_a_lost_warehouse_brings_nobody_back(landing: Landing) -> None:
    land(landing)
    landing.load()
    forget(landing)
    kept = frozenset(DuckDbStore(landing.connection).suppressed())
    other = Landing(landing.root)
    other.load(settings=SETTINGS.__class__(SETTINGS.hash_key, suppressed=kept))
    assert held(other) == STAYS
    assert not any(word in texts(other) for word in WORDS)


def test_new_records_of_a_forgotten_customer_go_with_all_that_names_nobody(
    landing: Landing,
) -> None:
    land(landing)
    landing.load()
    forget(landing)
    early = {**EVENT, "event_id": "c1", "session_id": "sc"}
    landing.put("agent_events/1.jsonl", [early])
    landing.load()
    assert "c1" in held(landing)["agent_events"]
    named = {**EVENT, "event_id": "c2", "session_id": "sc", "customer_id": ANNA}
    late = {**EVENT, "event_id": "c3", "session_id": "sc"}
    landing.put("agent_events/2.jsonl", [late, named])
    landing.load()
    assert held(landing) == STAYS
    landing.put("agent_events/3.jsonl", [{**late, "event_id": "c4"}])
    landing.load()
    assert held(landing) == STAYS


def test_a_large_file_loses_them_chunk_by_chunk(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.loading.staging.CHUNK_ROWS", 2)
    monkeypatch.setattr("orchestration.loading.staging.PACK_ROWS", 2)
    landing.load()
    forget(landing)
    land(landing, ["agent_events"])
    landing.load()
    events = held(landing)["agent_events"]
    assert not {"a1", "a2"} & set(events)
    assert {"b1", "b2", "n1"} <= set(events)


def test_callers_of_incidents_are_customers_too(landing: Landing) -> None:
    other = {**INCIDENT, "number": "INC2", "caller_id": "Caller 2"}
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT, other))
    landing.load()
    forget(landing, "Caller 1")
    again = gzip.compress(csv(other, INCIDENT).encode())
    landing.put("servicenow_incidents/b.csv.gz", again)
    landing.load()
    (row,) = landing.rows("select caller_id from raw.servicenow_incidents")
    assert row["caller_id"] == "Caller 2"


def test_the_traces_of_a_session_go_with_it(landing: Landing) -> None:
    """Or the session would be told by its trace from then on."""
    land(landing)
    spans = [
        span("x", {"gen_ai.conversation.id": name}, traceId=f"{number:032x}")
        for number, name in enumerate(("sa", "sb", "sa2"), start=1)
    ]
    other = span("x", {"gen_ai.conversation.id": "sa"}, traceId="f" * 32)
    resource = {"acsr.source_system": "default"}
    landing.put("otel_spans/a.jsonl", [export(*spans, resource=resource)])
    landing.put("otel_spans/b.jsonl", [export(other)])
    landing.load()

    assert forget(landing)["otel_spans"] == 2

    left = landing.rows("select source_system, attributes from raw.otel_spans")
    assert sorted((it["source_system"], it["attributes"]) for it in left) == [
        ("default", '{"gen_ai.conversation.id":"sb"}'),
        ("otel", '{"gen_ai.conversation.id":"sa"}'),
    ]


def test_of_a_helpdesk_go_their_tickets_and_what_names_nobody(landing: Landing) -> None:
    settings = replace(SETTINGS, ticket_systems={"zendesk": "desk"})
    tables = {
        "ticket": ("id,requester_id,updated_at", (f"1,{ANNA},{DAY}", f"2,{BEN},{DAY}")),
        "ticket_comment": (
            "id,ticket_id,user_id,created",
            (f"c1,1,{BEN},{DAY}", f"c2,2,{ANNA},{DAY}", f"c3,2,{BEN},{DAY}"),
        ),
        "satisfaction_rating": (
            "id,ticket_id,updated_at",
            (f"r1,1,{DAY}", f"r2,2,{DAY}"),
        ),
        "user": ("id,role,updated_at", (f"{ANNA},end-user,{DAY}", f"5,agent,{DAY}")),
    }
    stays = ["2", "2:c2", "2:c3", "2:r2", "5"]

    def land(suffix: str) -> None:
        for name, (head, rows) in tables.items():
            content = "\n".join((head, *rows)) + suffix
            landing.put(f"zendesk/{name}/{len(suffix)}.csv", content)
        landing.load(settings)

    def held() -> list[str]:
        keys = "select row_key from raw.zendesk order by table_name = 'user', row_key"
        return [row["row_key"] for row in landing.rows(keys)]

    land("")
    assert len(held()) == 9
    nodes = frozenset({Node(CUSTOMER, "", ANNA)})
    DuckDbStore(landing.connection).erase(Erasure(settings, nodes, "erasure-1"))
    assert held() == stays
    left = landing.rows("select system, id from raw.forgotten where kind = 'ticket'")
    assert left == [{"system": "desk", "id": "1"}]
    late = f"id,ticket_id,user_id,created\nc4,1,{BEN},{DAY}\n"
    landing.put("zendesk/ticket_comment/late.csv", late)
    landing.load(settings)
    assert held() == stays
    land("\n")
    assert held() == stays
    assert not any(word in texts(landing) for word in WORDS)
    (comment,) = landing.rows("select record from raw.zendesk where row_key = '2:c2'")
    assert json.loads(comment["record"])["user_id"] == "***"


def test_an_id_that_begins_like_another_is_hidden_too(landing: Landing) -> None:
    longer, like_anna = f"{ANNA}-two", "customer-carl"
    landing.load()
    for customer in (longer, like_anna):
        forget(landing, customer)
    said = {"note": f"sent by {longer} to {like_anna} and {ANNA}"}
    landing.put("agent_events/a.jsonl", [{**EVENT, "attributes": said}])
    landing.load()
    (row,) = landing.rows("select attributes from raw.agent_events")
    assert json.loads(row["attributes"]) == {"note": f"sent by *** to *** and {ANNA}"}


def test_who_was_written_to_is_the_customer_and_not_who_wrote(landing: Landing) -> None:
    head = "id,source_author_id,source_author_type,updated_at"
    rows = f"1,{ANNA},admin,{DAY}\n2,{ANNA},user,{DAY}\n3,{BEN},Lead,{DAY}"
    landing.put("intercom/conversation_history/a.csv", f"{head}\n{rows}\n")
    head = "conversation_id,contact_id,conversation_updated_at"
    landing.put("intercom/conversation_contact_history/a.csv", f"{head}\n4,{BEN},{DAY}")
    landing.load()
    forget(landing, BEN)
    left = landing.rows("select row_key, customer_id from raw.intercom order by 1")
    assert [(row["row_key"][0], row["customer_id"]) for row in left] == [
        ("1", None),
        ("2", ANNA),
    ]


def test_forgetting_twice_changes_nothing(landing: Landing) -> None:
    land(landing)
    landing.load()
    forget(landing)
    before = texts(landing)
    assert forget(landing) == {}
    assert texts(landing) == before


def test_an_older_version_that_named_another_customer_does_not_come_back(
    landing: Landing,
) -> None:
    wrong = {**EVENT, "event_id": "w", "session_id": "sa", "customer_id": BEN}
    landing.put("agent_events/1.jsonl", [wrong])
    landing.put("agent_events/2.jsonl", [{**wrong, "customer_id": ANNA, "version": 1}])
    landing.load()
    forget(landing)
    other = {**EVENT, "event_id": "b", "session_id": "sa", "customer_id": BEN}
    landing.put("agent_events/3.jsonl", f"{json.dumps(wrong)} \n{json.dumps(other)}\n")
    landing.load()
    assert held(landing)["agent_events"] == ["b"]


def test_what_was_removed_is_remembered_until_the_marts_are_built(
    landing: Landing,
) -> None:
    land(landing)
    landing.load()
    forget(landing)
    left = "select count(*) as n from raw.forgotten"
    landing.load()
    assert landing.rows(left)[0]["n"] > 0
    landing.connection.execute("create schema intermediate")
    landing.connection.execute(
        "create table intermediate.loads_built as select 'erasure-1' as load_id"
    )
    landing.load()
    assert landing.rows(left)[0]["n"] == 0
