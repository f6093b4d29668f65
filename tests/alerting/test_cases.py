from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration import cases, project

KEY = "3f2a9c01b7de" + "0" * 20


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an alert published, and a rejected record in the warehouse."""
    monkeypatch.setenv("ACSR_HOME", str(tmp_path))
    monkeypatch.delenv("DBT_TARGET", raising=False)
    project.published().mkdir()
    with duckdb.connect(str(project.current())) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.kpi_alerts as select '{KEY}' as alert_key, "
            "'critical' as severity, 'zero_tolerance' as kind, "
            "'action_compliance_rate' as kpi, 'case 1' as segment, "
            "date '2026-01-30' as period_start, 'Compliance' as owner, "
            "'select ''case-17'' as case_id' as case_query"
        )
    with duckdb.connect(str(project.warehouse())) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.rejected_records as select 'agent_events' as feed, "
            "'agent_events/a.jsonl' as path, 3 as line_number, 'not_json' as reason, "
            "null as detail, timestamp '2026-01-30 10:00' as rejected_at"
        )
    return tmp_path


def test_alerts_are_listed_and_each_leads_to_its_cases() -> None:
    listed = cases.listed(None)
    assert KEY in listed
    assert "Compliance" in listed
    assert "case-17" in cases.listed(KEY[:12])


def test_a_key_that_no_alert_has_is_refused() -> None:
    with pytest.raises(project.ProjectError, match="no alert's key begins with 0000"):
        cases.listed("0000")


@pytest.mark.parametrize("name", ["raw.agent_events", "raw/agent_events"])
def test_rejected_records_are_listed_by_feed(name: str) -> None:
    assert "agent_events/a.jsonl  3            not_json" in cases.listed(name)
    assert cases.listed("raw.ticket_events") == (
        "No record of ticket_events is rejected."
    )
