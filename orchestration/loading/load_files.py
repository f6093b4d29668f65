"""Load files: what a batch of validated files brings, as gzip'ed lines of JSON.

Three kinds of lines: `file` (what the history says of it), `row` and `reject`. A value
that is NULL is left out, so that JSON's own null stays with the records' attributes.
Numbers with a fraction and moments are text: both sides read them back to the bit,
which a JSON number need not survive.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pyarrow as pa

from orchestration import project
from orchestration.loading.contracts import Feed
from orchestration.loading.staging import REJECT_SCHEMA, StagedFile, staged_schema
from orchestration.loading.times import EPOCH
from orchestration.loading.warehouse import Waiting

PART_BYTES = 128 << 20  # of JSON in one load file, before it is packed
MAX_LINE_BYTES = 16 << 20  # what Snowflake takes as one VARIANT in every account
GZIP_LEVEL = 1


@dataclass(frozen=True)
class LoadFiles:
    """The load files of a batch, and how many lines they hold together."""

    paths: list[Path]
    lines: int


class OversizeRowError(project.ProjectError):
    """A row that no VARIANT holds."""


def write_load_files(feed: Feed, batch: Sequence[Waiting], folder: Path) -> LoadFiles:
    """Writes a batch into a folder of its own; a file's number is its place in it.

    Raises `OversizeRowError`, which names file and line.
    """
    lines, total = _batch_lines(feed, batch), 0
    paths: list[Path] = []
    while count := _write_part(lines, folder / "draft", paths):
        total += count
    return LoadFiles(paths, total)


def _write_part(lines: Iterator[bytes], draft: Path, paths: list[Path]) -> int:
    """Writes a part of the lines and adds its path; gives back how many it took."""
    digest, count, size = hashlib.sha256(), 0, 0
    with gzip.open(draft, "wb", compresslevel=GZIP_LEVEL) as handle:
        for line in lines:
            handle.write(line)
            digest.update(line)
            count, size = count + 1, size + len(line)
            if size >= PART_BYTES:
                break
    if count:
        name = f"{len(paths)}-{digest.hexdigest()[:32]}.json.gz"
        paths.append(draft.rename(draft.with_name(name)))
    else:
        draft.unlink()
    return count


def _batch_lines(feed: Feed, batch: Sequence[Waiting]) -> Iterator[bytes]:
    row_number = 0
    for number, waiting in enumerate(batch):
        yield _file_line(number, waiting) + b"\n"
        for line in _rows(feed, waiting.staged, number, row_number):
            yield line + b"\n"
            row_number += 1
        for line in _rejects(waiting.staged, number):
            yield line + b"\n"


def _file_line(number: int, waiting: Waiting) -> bytes:
    staged, earlier = waiting.staged, waiting.earlier
    line: dict[str, object] = {
        "_kind": "file",
        "_file_no": number,
        "path": staged.file.name,
        "content_sha256": staged.file.sha256,
        "bytes": staged.file.bytes,
        "clean": staged.clean,
        "rejected": staged.rejected,
        "started_at": moment(waiting.started_at),
    }
    for name in ("first_timestamp", "last_timestamp"):
        micros = getattr(staged.counts, name)
        if micros is not None:
            line[name] = moment(EPOCH + timedelta(microseconds=micros))
    if earlier is not None:
        line["earlier_path"] = earlier.path
        line["earlier_load_id"] = earlier.load_id
        line["earlier_loaded"] = earlier.loaded
        line["earlier_replaced"] = earlier.replaced
    return orjson.dumps(line)


def moment(value: datetime) -> str:
    """A moment in UTC, to the microsecond, as every engine reads it."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f")


def _rows(feed: Feed, staged: StagedFile, number: int, first: int) -> Iterator[bytes]:
    kinds = [*(kind for _, kind in feed.columns), "bigint", "varchar"]
    names = staged_schema(feed).names
    for chunk in staged.chunks():
        lines = _lines(chunk, names, kinds)
        for row_number, line in enumerate(lines, start=first):
            line["_kind"] = "row"
            line["_file_no"] = number
            line["_row_no"] = row_number
            packed = orjson.dumps(line)
            if len(packed) > MAX_LINE_BYTES:
                raise OversizeRowError(
                    f"{staged.file.name!r}, line {line['_line']}: its row takes "
                    f"{len(packed):,} bytes, and Snowflake holds {MAX_LINE_BYTES:,}; "
                    "take the record out of the file"
                )
            yield packed
        first += chunk.num_rows


def _rejects(staged: StagedFile, number: int) -> Iterator[bytes]:
    names = REJECT_SCHEMA.names
    for chunk in staged.reject_chunks():
        for line in _lines(chunk, names, ["bigint", *["varchar"] * 3]):
            line["_kind"] = "reject"
            line["_file_no"] = number
            yield orjson.dumps(line)


def _lines(
    chunk: pa.Table, names: Sequence[str], kinds: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Rows as what JSON takes, without the columns that are NULL."""
    columns = [
        _values(chunk[name], kind) for name, kind in zip(names, kinds, strict=True)
    ]
    for row in zip(*columns, strict=True):
        yield {
            name: value
            for name, value in zip(names, row, strict=True)
            if value is not None
        }


def _values(column: pa.ChunkedArray, kind: str) -> list[object]:
    if kind == "json":
        return [
            None if text is None else orjson.Fragment(text)
            for text in column.to_pylist()
        ]
    if kind in ("double", "timestamp"):
        column = column.cast(pa.string())
    return column.to_pylist()
