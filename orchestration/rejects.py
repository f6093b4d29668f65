"""Rejected records as files to be mended, and what became of those that were.

An export is a draft of a file to land: one record per line, each with a field
`_repairs` that says which one it mends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestration import engines, project
from orchestration.loading import FEEDS
from orchestration.loading.repairs import FIELD
from orchestration.whole_files import write_whole

QUERIES = Path(__file__).parent / "queries"
SHOWN = 50
TEXT = "_text"  # where an export has a line that is no JSON object


def export(feed: str, folder: Path) -> tuple[Path, int]:
    """Writes the rejected records of a feed that nothing has mended yet.

    Returns the file and the number of records. Raises ProjectError for a feed whose
    format is no JSON lines: such a file is mended where it is, and landed again.
    """
    if feed not in FEEDS or FEEDS[feed].reader != "json_lines":
        known = [name for name, it in FEEDS.items() if it.reader == "json_lines"]
        raise project.ProjectError(
            f"FEED={feed}: rejected records are exported of {', '.join(known)}; mend "
            "other files where they are and land them again"
        )
    query = (QUERIES / "rejects.sql").read_text(encoding="utf-8")
    with engines.building() as ask:
        rows = ask(query, feed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{feed}.jsonl"
    write_whole(path, "".join(f"{_draft(row)}\n" for row in rows))
    return path, len(rows)


def _draft(row: engines.Row) -> str:
    mends = {FIELD: f"{row['path']}:{row['line_number']}"}
    try:
        record: Any = json.loads(row["text"] or "")
    except ValueError:
        record = None
    if not isinstance(record, dict):
        record = {TEXT: row["text"]}
    return json.dumps({**mends, **record, **mends}, ensure_ascii=False)


def became(load_id: str) -> str:
    """What a load made of records that were rejected before, as text."""
    query = (QUERIES / "reject_outcomes.sql").read_text(encoding="utf-8")
    with engines.building() as ask:
        rows = ask(query, load_id)
    if not rows:
        return "No rejected record was read again or mended."
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    lines = [", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))]
    lines += [f"  {told(row)}" for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines.append(f"  ... and {len(rows) - SHOWN:,} more")
    return "\n".join(lines)


def told(row: engines.Row) -> str:
    """One outcome: which record, and what became of it."""
    place = row["path"]
    if row["line_number"] is not None:
        place += f":{row['line_number']}"
    why = f", as {row['outcome_reason']}" if row["outcome_reason"] else ""
    by = "" if row["read_from"] in (None, place) else f", by {row['read_from']}"
    again = "rejected again" if row["outcome"] == "rejected" else row["outcome"]
    return f"{place} ({row['reason']}): {again}{why}{by}"
