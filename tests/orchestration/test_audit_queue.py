from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration import audit_queue, engines, project, whole_files
from orchestration.__main__ import main

ROW: dict[str, Any] = {
    "queue_key": "0a1b",
    "source_system": "default",
    "ticket_system": None,
    "ticket_id": "=HYPERLINK(1)",
    "session_id": "-1",
    "policy_id": "privacy",
    "stratum": "tier_2",
    "inclusion_probability": 0.2,
    "opened_at": datetime(2026, 5, 1, 12, 30),
    "reason": 'Harder, "they" say',
}


def exported(folder: Path, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """The rows of the CSV file and of the JSON lines."""
    table, lines, count = audit_queue.export(lambda _: rows, folder)
    assert count == len(rows)
    with table.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    return cells, [json.loads(line) for line in lines.read_text().splitlines()]


def test_a_record_has_all_that_an_audit_needs_but_the_verdict(tmp_path: Path) -> None:
    _, [record] = exported(tmp_path, [ROW])
    assert record["audit_id"] == "0a1b"
    assert record["ticket_id"] == "=HYPERLINK(1)"
    assert record["session_id"] == "-1"
    assert record["inclusion_probability"] == 0.2
    assert record["sample_method"] == "random"
    assert record["auditor_type"] == "human"
    assert record["opened_at"] == "2026-05-01T12:30:00Z"
    assert record["verdict"] is None
    assert record["auditor_id"] is None
    assert record["audited_at"] is None


def test_no_cell_of_the_table_is_a_formula(tmp_path: Path) -> None:
    [cells], _ = exported(tmp_path, [ROW])
    assert cells["ticket_id"] == "'=HYPERLINK(1)"
    assert cells["session_id"] == "'-1"
    assert cells["reason"] == 'Harder, "they" say'
    assert cells["inclusion_probability"] == "0.2"
    assert cells["verdict"] == ""


def test_a_queue_with_nothing_to_do_is_a_table_with_a_heading(tmp_path: Path) -> None:
    table, lines, _ = audit_queue.export(lambda _: [], tmp_path)
    assert table.read_text().startswith("audit_id,verdict,auditor_id,audited_at,")
    assert not lines.read_text()


def test_a_broken_export_leaves_the_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(tmp_path, [ROW])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(whole_files.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        exported(tmp_path, [{**ROW, "queue_key": "other"}])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_publication_there_is_no_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "home", lambda: tmp_path)
    monkeypatch.setattr(engines.project, "engine", lambda: "duckdb")
    assert main(["audit-queue"]) == 1
    assert "nothing is published yet" in capsys.readouterr().err
    assert not (tmp_path / "audit_queue").exists()
