"""What the queue hands out, filled in, lands and counts for the cases drawn."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import audit_queue, engines
from tests.simulator.comparing import Month, Row, query
from tests.support import BUILD, build_warehouse

VERDICTS = ("compliant", "violation", "compliant", "unclear")
QUEUE = """
    select queue_key, case_key, policy_id, inclusion_probability, status
    from marts.audit_queue
"""


@dataclass(frozen=True)
class Loop:
    """Once round: the queue before and after, and the records that came back."""

    before: dict[str, Row]
    after: dict[str, Row]
    records: list[Row]
    warehouse: Path


def by_key(warehouse: Path) -> dict[str, Row]:
    return {row["queue_key"]: row for row in query(warehouse, QUEUE)}


@pytest.fixture(scope="module")
def loop(
    month: Month, warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Loop:
    """Exports, fills in every line, lands it and builds the batch."""
    folder = tmp_path_factory.mktemp("loop")
    with engines.reading_file(warehouse) as ask:
        _, lines, _ = audit_queue.export(ask, folder / "audit_queue")
    as_of = datetime.fromisoformat(month.manifest["as_of"])
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    for number, record in enumerate(records):
        record["verdict"] = VERDICTS[number % len(VERDICTS)]
        record["auditor_id"] = "sim-reviewer"
        record["audited_at"] = (as_of - timedelta(minutes=number)).isoformat()
    landing = folder / "landing" / "compliance_audits"
    landing.mkdir(parents=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    (landing / "filled.jsonl").write_text(text, encoding="utf-8")
    home = folder / "home"
    home.mkdir()
    shutil.copy(warehouse, home / "warehouse.duckdb")
    command = (*BUILD, "--exclude-resource-type", "test")
    built = build_warehouse(landing.parent, as_of.isoformat(), home, command)
    return Loop(by_key(warehouse), by_key(built), records, built)


def test_every_line_lands_and_joins_the_case_that_was_drawn(loop: Loop) -> None:
    with duckdb.connect(str(loop.warehouse), read_only=True) as connection:
        rejected = connection.execute(
            "select reason from raw.rejected_records where feed = 'compliance_audits' "
            "and path like '%filled.jsonl'"
        ).fetchall()
    assert not rejected
    got = query(
        loop.warehouse,
        """
        select
            audit_id, case_key, policy_id, verdict, inclusion_probability, stratum,
            is_in_claim
        from marts.fct_audits
        where auditor_id = 'sim-reviewer'
        """,
    )
    found = {row["audit_id"]: row for row in got}
    assert found.keys() == {record["audit_id"] for record in loop.records}
    for record in loop.records:
        row, drawn = found[record["audit_id"]], loop.before[record["audit_id"]]
        assert row["is_in_claim"]
        assert row["case_key"] == drawn["case_key"]
        assert row["policy_id"] == drawn["policy_id"]
        assert row["verdict"] == record["verdict"]
        assert row["stratum"] == record["stratum"]
        assert row["inclusion_probability"] == drawn["inclusion_probability"]


def test_the_sample_stays_and_what_has_a_verdict_is_done(loop: Loop) -> None:
    assert loop.after.keys() == loop.before.keys()
    verdicts = {record["audit_id"]: record["verdict"] for record in loop.records}
    assert set(verdicts.values()) == set(VERDICTS)
    for key, row in loop.after.items():
        assert row["case_key"] == loop.before[key]["case_key"]
        is_left = verdicts.get(key) == "unclear"
        assert (row["status"] == "done") is not is_left or row["policy_id"] is None


def test_what_was_done_is_not_handed_out(loop: Loop) -> None:
    done = {key for key, row in loop.before.items() if row["status"] == "done"}
    assert done
    assert not done & {record["audit_id"] for record in loop.records}
