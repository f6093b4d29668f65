"""A record is followed to the KPIs, to its reject, or to the record in its place."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from orchestration import rejects, trace
from orchestration.loading import load_all, read_settings
from orchestration.project import ProjectError
from tests.loading.support import AUDIT, EVENT, NOW, SURVEY, TICKET

MARTS = """
create schema marts;
create schema intermediate;
create table marts.fct_sessions as select
    'c1' as case_key, 'default' as source_system, 's1' as session_id,
    'T1' as ticket_id, null::varchar as link_rule, now()::timestamp as started_at;
create table marts.fct_cases as select
    'c1' as case_key, 'T1' as case_id, date '2026-01-31' as opened_on,
    'escalated' as outcome, 'closure' as first_blocker, true as is_eligible,
    true as is_handled, now()::timestamp as opened_at;
create table marts.fct_actions as select
    'a1' as action_attempt_key, 'c1' as case_key,
    'agent_events/a.jsonl' as file_path, 1::bigint as line_number;
create table marts.fct_policy_checks as
    select 'x' as policy_check_key, * exclude (action_attempt_key)
    from marts.fct_actions where false;
create table marts.fct_escalations as
    select 'x' as escalation_key, * exclude (action_attempt_key)
    from marts.fct_actions where false;
create table marts.fct_survey_responses as
    select 'x' as response_key, * exclude (action_attempt_key)
    from marts.fct_actions where false;
create table marts.fct_audits as
    select 'x' as audit_key, * exclude (action_attempt_key)
    from marts.fct_actions where false;
create table intermediate.int_cases_measured as select
    'c1' as case_key, date '2026-01-31' as opened_on, 'refund' as intent,
    null::varchar as tier, 'chat' as channel, 'bot' as agent_name, '1' as agent_version,
    0 as containment_rate__n, 1 as containment_rate__d,
    0 as ces_mean__n, 0 as ces_mean__d
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a loaded warehouse and marts of one case."""
    monkeypatch.setenv("ACSR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACSR_LANDING", str(tmp_path / "landing"))
    monkeypatch.delenv("DBT_TARGET", raising=False)
    monkeypatch.setenv("ACSR_HASH_KEY", "a key for tests")
    events = [
        EVENT,
        {**EVENT, "event_id": "e2", "timestamp": "yesterday"},
        {**EVENT, "event_id": "e3", "version": 1},
        {**EVENT, "event_id": "e3"},
    ]
    land(tmp_path, "agent_events/a.jsonl", *events)
    land(tmp_path, "ticket_events/a.jsonl", TICKET)
    land(tmp_path, "survey_responses/a.jsonl", SURVEY)
    land(tmp_path, "compliance_audits/a.jsonl", AUDIT)
    comments = tmp_path / "landing" / "zendesk" / "ticket_comment.csv"
    comments.parent.mkdir()
    comments.write_text("id,ticket_id,created\n7,T1,2026-01-31 12:00:00\n")
    load(tmp_path, "load-1")
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb")) as connection:
        connection.execute(MARTS)
    return tmp_path / "home"


def land(root: Path, name: str, *records: object) -> None:
    path = root / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(it)}\n" for it in records))


def load(root: Path, load_id: str) -> None:
    home = root / "home"
    settings = read_settings(root / "none.yml", home)
    load_all(root / "landing", home / "warehouse.duckdb", settings, load_id, NOW)


@pytest.mark.parametrize("of", ["e1", "agent_events/a.jsonl:1"])
def test_a_record_is_followed_through_session_case_and_fact_to_its_kpis(
    home: Path, of: str
) -> None:
    told = trace.trace(of)
    assert "raw.agent_events: e1 (session_started)" in told
    assert "from agent_events/a.jsonl:1, loaded by load-1" in told
    assert "session s1: first of its case" in told
    assert "case T1 (c1), opened on 2026-01-31: escalated, closure" in told
    assert "fct_actions: a1" in told
    assert "2026-01-31 (intent refund, tier unknown, channel chat" in told
    assert "containment_rate: 0 of 1" in told
    assert "ces_mean" not in told


@pytest.mark.parametrize(
    ("of", "said"),
    [("t1", "ticket_events"), ("r1", "survey_responses"), ("T1:7", "zendesk")],
)
def test_records_of_every_feed_lead_to_their_case(
    home: Path, of: str, said: str
) -> None:
    told = trace.trace(of)
    assert f"raw.{said}: {of}" in told
    assert "case T1 (c1)" in told


@pytest.mark.parametrize("of", ["e2", "agent_events/a.jsonl:2"])
def test_a_rejected_record_says_why_and_what_became_of_it(home: Path, of: str) -> None:
    assert "agent_events/a.jsonl:2 is invalid_timestamp" in trace.trace(of)
    assert "not mended yet" in trace.trace(of)
    path, count = rejects.export("agent_events", home / "rejects")
    assert count == 1
    draft = json.loads(path.read_text())
    assert draft["_repairs"] == "agent_events/a.jsonl:2"
    mended = {**draft, "timestamp": EVENT["timestamp"]}
    land(home.parent, "agent_events/b.jsonl", mended)
    load(home.parent, "load-2")
    told = trace.trace("agent_events/a.jsonl:2")
    assert "loaded, by agent_events/b.jsonl:1, by load load-2" in told
    assert rejects.became("load-2").splitlines()[0] == "1 loaded"
    assert rejects.export("agent_events", home / "rejects")[1] == 0


def test_a_line_that_lost_leads_to_the_record_in_its_place(home: Path) -> None:
    told = trace.trace("agent_events/a.jsonl:4")
    assert "no row is of line 4" in told
    assert "the record that has its place is e3" in told
    assert "version 1" in told
    assert "agent_events/a.jsonl:3" in told


def test_what_never_landed_is_said_to_be_unknown(home: Path) -> None:
    for of in ("e99", "agent_events/a.jsonl:99x", "none.jsonl:1"):
        with pytest.raises(ProjectError, match="nothing is known"):
            trace.trace(of)


def test_a_line_that_is_no_json_is_exported_as_its_text(home: Path) -> None:
    path = home.parent / "landing" / "agent_events" / "c.jsonl"
    path.write_text('{"event_id": "e5", broken\n')
    load(home.parent, "load-2")
    exported, count = rejects.export("agent_events", home / "rejects")
    assert count == 2
    assert json.loads(exported.read_text().splitlines()[1]) == {
        "_repairs": "agent_events/c.jsonl:1",
        "_text": '{"event_id": "e5", broken',
    }


def test_feeds_of_whole_documents_are_not_exported(home: Path) -> None:
    with pytest.raises(ProjectError, match="land them again"):
        rejects.export("tau2_runs", home / "rejects")
