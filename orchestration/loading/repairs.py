"""What becomes of rejected records: read again after a fix, or mended in another file.

A mended record says in its field `_repairs` which one it mends, as `<file>:<line>`.
Like any other field that the contract does not know, it is kept with the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import orjson
import pyarrow.compute as pc

from orchestration.loading.contracts import Feed
from orchestration.loading.staging import StagedFile
from orchestration.loading.warehouse import Load, Waiting

FIELD = "_repairs"
LOADED, DUPLICATE, REJECTED = "loaded", "duplicate", "rejected"

_MARK = f'"{FIELD}":'
_IN_TEXT = re.compile(rf'"{FIELD}"\s*:\s*"((?:[^"\\]|\\.)*)"')

Run = Callable[..., Sequence[Sequence[object]]]
Row = tuple[object, ...]


def outcomes(run: Run, feed: Feed, waiting: Waiting, load: Load) -> list[Row]:
    """Rows of `raw.reject_outcomes` that a file brings, after it was inserted.

    To be asked in the transaction that brings the file, before what was rejected of it
    earlier is removed.
    """
    staged = waiting.staged
    answers = list(_answers(run, feed, waiting, load))
    if not answers:
        return []
    name = staged.file.name
    now = datetime.now(UTC).replace(tzinfo=None)
    again = _rejected(staged)
    landed = {
        line
        for (line,) in run(
            f"select _line from {feed.table} where _file = ? and _load_id = ?",
            *(name, load.load_id),
        )
    }
    rows: list[Row] = []
    for line, (path, number, reason, rejected_by) in answers:
        if line in again:
            outcome = REJECTED
        elif line in landed or (line is None and landed):
            outcome = LOADED
        else:
            outcome = DUPLICATE
        read_from = name if line is None else f"{name}:{line}"
        told = (outcome, again.get(line), read_from, load.load_id, now)
        rows.append((feed.name, path, number, reason, rejected_by, *told))
    return rows


def _answers(
    run: Run, feed: Feed, waiting: Waiting, load: Load
) -> Iterator[tuple[int | None, Sequence[object]]]:
    """Lines of a file, each with a record that was rejected earlier and it answers."""
    rejects = (
        "select path, line_number, reason, load_id from raw.rejected_records "
        "where feed = ? and path = ? and "
    )
    earlier = waiting.earlier
    if earlier is not None and earlier.load_id != load.load_id:
        found = run(f"{rejects} load_id = ?", feed.name, earlier.path, earlier.load_id)
        yield from ((row[1], row) for row in found)
    newest = f"{rejects} line_number = ? order by rejected_at desc limit 1"
    for line, mended in repairs_in(feed, waiting.staged):
        path, _, number = mended.rpartition(":")
        if number.isdigit():
            found = run(newest, feed.name, path, int(number))
            yield from ((line, row) for row in found)


def _rejected(staged: StagedFile) -> dict[int | None, str]:
    """Lines of a file that are rejected, with their reasons."""
    return {
        line: reason
        for chunk in staged.reject_chunks()
        for line, reason in zip(
            *(chunk[name].to_pylist() for name in ("line_number", "reason")),
            strict=True,
        )
    }


def repairs_in(feed: Feed, staged: StagedFile) -> Iterator[tuple[int, str]]:
    """Lines of a file that mend others, each with what it mends.

    A file of more than one chunk holds no repairs: it is not read once more for them.
    """
    if feed.reader != "json_lines" or staged.whole is None:
        return
    for chunk in staged.chunks():
        mends = pc.fill_null(pc.match_substring(chunk["attributes"], _MARK), False)
        if pc.any(mends).as_py():
            rows = chunk.select(["_line", "attributes"]).filter(mends).to_pylist()
            for row in rows:
                mended = orjson.loads(row["attributes"]).get(FIELD)
                if isinstance(mended, str):
                    yield row["_line"], mended
    for chunk in staged.reject_chunks():
        for row in chunk.select(["line_number", "text"]).to_pylist():
            if match := _IN_TEXT.search(row["text"] or ""):
                yield row["line_number"], orjson.loads(f'"{match[1]}"')
