"""The audit queue as files: what reviewers are handed, and hand back.

Each line is a record of the feed `compliance_audits` that lacks its verdict. Filled in
and landed there, it counts for the case that was drawn, with the chance of the draw.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration import engines

QUERY = Path(__file__).parent / "queries" / "audit_queue.sql"
# what the reviewer fills in; the first three are required
TO_FILL = (
    *("verdict", "auditor_id", "audited_at"),
    *("severity", "is_outcome_correct", "should_have_escalated", "notes"),
)
# what a spreadsheet would take for a formula, wide forms of the signs among them
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

Row = Mapping[str, Any]


def export(ask: engines.Ask, folder: Path) -> tuple[Path, Path, int]:
    """Writes the queue below a folder, as CSV and as JSON lines, each as a whole.

    What is audited already is left out. Returns both paths and the number of rows.
    Raises ProjectError where what is published does not answer.
    """
    records = [as_record(row) for row in ask(QUERY.read_text(encoding="utf-8"))]
    folder.mkdir(parents=True, exist_ok=True)
    table, lines = folder / "audit_queue.csv", folder / "audit_queue.jsonl"
    write_whole(table, as_csv(records))
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


def as_csv(records: Sequence[Row]) -> str:
    """A table with a heading; cells are safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0] if records else as_record({"queue_key": None}))
    for record in records:
        writer.writerow([safe_cell(value) for value in record.values()])
    return text.getvalue()


def safe_cell(value: object) -> object:
    """A text that would be a formula gets an apostrophe before it.

    So says OWASP of CSV injection. An id that begins so is changed in the table, and
    only there.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def write_whole(path: Path, text: str) -> None:
    """Replaces a file at once: whoever reads it sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
