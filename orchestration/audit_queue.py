"""The audit queue as files: what reviewers are handed, and hand back.

Each line is a record of the feed `compliance_audits` that lacks its verdict. Filled in
and landed there, it counts for the case that was drawn, with the chance of the draw.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration import engines
from orchestration.spreadsheets import as_csv
from orchestration.whole_files import write_whole

QUERY = Path(__file__).parent / "queries" / "audit_queue.sql"
# what the reviewer fills in; the first three are required
TO_FILL = (
    *("verdict", "auditor_id", "audited_at"),
    *("severity", "is_outcome_correct", "should_have_escalated", "notes"),
)

Row = Mapping[str, Any]


def export(ask: engines.Ask, folder: Path) -> tuple[Path, Path, int]:
    """Writes the queue below a folder, as CSV and as JSON lines, each as a whole.

    What is audited already is left out. Returns both paths and the number of rows.
    Raises ProjectError where what is published does not answer.
    """
    records = [as_record(row) for row in ask(QUERY.read_text(encoding="utf-8"))]
    folder.mkdir(parents=True, exist_ok=True)
    table, lines = folder / "audit_queue.csv", folder / "audit_queue.jsonl"
    write_whole(
        table, as_csv(records, [*(records or [as_record({"queue_key": None})])[0]])
    )
    write_whole(lines, as_json_lines(records))
    return table, lines, len(records)


def as_record(row: Row) -> dict[str, Any]:
    """A row of the mart as the record that is to come back."""
    known = {name.lower(): plain(value) for name, value in row.items()}
    return {
        "audit_id": known.pop("queue_key"),
        **dict.fromkeys(TO_FILL),
        "sample_method": "random",
        "auditor_type": "human",
        **known,
    }


def plain(value: object) -> object:
    """A value as JSON has it; times of the warehouse are UTC."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    return value


def as_json_lines(records: Iterable[Row]) -> str:
    """One JSON object per line: this form keeps every id as it is."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
