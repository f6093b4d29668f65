"""A file, validated from end to end before anything of it is inserted.

Rows and rejections go as Arrow streams into files without a name, so that memory stays
bounded and nothing is left behind, whatever ends the process. (Parquet would be smaller
and takes three times as long to write and read.)
"""

from __future__ import annotations

import gc
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.loading.contracts import Feed
from orchestration.loading.faults import UNREADABLE_FILE, Fault
from orchestration.loading.files import LandedFile
from orchestration.loading.secrets import cut, mask_value

CHUNK_ROWS = 250_000
CHUNK_BYTES = 256 << 20
PACK_ROWS = 5_000  # records held as Python objects

ARROW_TYPES = {
    "varchar": pa.string(),
    "json": pa.string(),
    "timestamp": pa.timestamp("us"),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
REJECT_SCHEMA = pa.schema(
    [
        ("line_number", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("text", pa.string()),
    ]
)


class Clean(NamedTuple):
    """A record that passed: its row, its line and the hash of that line."""

    row: Sequence[object]
    line: int
    sha256: str


class Rejected(NamedTuple):
    """A record that did not; `text` is masked already."""

    fault: Fault
    line: int | None
    text: str


def staged_schema(feed: Feed) -> pa.Schema:
    """Columns of a staged row: the feed's own, its line and the line's hash."""
    own = [(name, ARROW_TYPES[kind]) for name, kind in feed.columns]
    return pa.schema([*own, ("_line", pa.int64()), ("_line_sha256", pa.string())])


class Counts(NamedTuple):
    """What a validation counted; times in microseconds since 1970, UTC."""

    records: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = {}
    first_timestamp: int | None = None
    last_timestamp: int | None = None


class Spool:
    """Rows of one schema in a file without a name, or in memory where they are few.

    Another process writes the file; what it wrote is proven before it is used.
    """

    def __init__(self, whole: pa.Table | None = None) -> None:
        self.whole = whole
        self._file: IO[bytes] | None = None
        if whole is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._schema = None if whole is None else whole.schema

    def fileno(self) -> int:
        """The descriptor that a validation writes to."""
        return self._file.fileno()

    def prove(self, schema: pa.Schema, rows: int) -> None:
        """Takes few rows into memory; raises `pa.ArrowException` if they are bent."""
        self._schema = schema
        size = os.fstat(self._file.fileno()).st_size
        if rows <= CHUNK_ROWS and size <= CHUNK_BYTES:
            self._file.seek(0)
            content = pa.py_buffer(self._file.read())
            self.whole = pa.Table.from_batches(self._batches(content), schema)
            found = self.whole.num_rows
            self.close()
        else:
            found = sum(chunk.num_rows for chunk in self.chunks())
        if found != rows:
            raise pa.ArrowInvalid(f"{found:,} rows where {rows:,} were counted")

    def chunks(self) -> Iterator[pa.Table]:
        """All rows, in tables of about a chunk."""
        if self.whole is not None:
            if self.whole.num_rows:
                yield self.whole
            return
        self._file.seek(0)
        held: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in self._batches(self._file):
            held.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield pa.Table.from_batches(held)
                held, rows, size = [], 0, 0
        if held:
            yield pa.Table.from_batches(held)

    def changed(self, change: Callable[[pa.Table], pa.Table]) -> Spool:
        """The same rows, changed chunk by chunk; this one is closed."""
        if self.whole is not None:
            return Spool(change(self.whole))
        spool, rows = Spool(), 0
        sink = _Sink(spool.fileno(), self._schema, packed=True)
        for chunk in self.chunks():
            table = change(chunk)
            rows += table.num_rows
            if table.num_rows:
                sink.write(table)
        sink.close()
        self.close()
        spool.prove(self._schema, rows)
        return spool

    def _batches(self, content: IO[bytes] | pa.Buffer) -> Iterator[pa.RecordBatch]:
        if os.fstat(self._file.fileno()).st_size == 0:  # nothing was ever written
            return
        stream = pa.ipc.open_stream(content)
        if stream.schema != self._schema:
            raise pa.ArrowInvalid("columns that are not those of the feed")
        for batch in stream:
            batch.validate(full=True)
            yield batch

    def close(self) -> None:
        """Gives the disk back; rows in memory stay."""
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass
class StagedFile:
    """The outcome of a validation, ready to be committed.

    `whole` is all clean rows where they are one chunk.
    """

    file: LandedFile
    counts: Counts
    clean_rows: Spool
    reject_rows: Spool
    unreadable: str | None = None
    suppressed: int = 0  # left out since a customer is forgotten; no records

    @classmethod
    def of(
        cls, feed: Feed, file: LandedFile, counts: Counts, clean: Spool, rejects: Spool
    ) -> StagedFile:
        """What a validation wrote, if it is sound; `pa.ArrowException` if not."""
        clean.prove(staged_schema(feed), counts.records - counts.rejected)
        rejects.prove(REJECT_SCHEMA, counts.rejected)
        return cls(file, counts, clean, rejects)

    @property
    def records(self) -> int:
        """All records of the file."""
        return self.counts.records

    @property
    def rejected(self) -> int:
        """Records that did not pass."""
        return self.counts.rejected

    @property
    def clean(self) -> int:
        """Records that passed, before duplicates are told apart."""
        return self.records - self.rejected

    @property
    def whole(self) -> pa.Table | None:
        """The clean rows, if they are in memory."""
        return self.clean_rows.whole

    def chunks(self) -> Iterator[pa.Table]:
        """The clean rows, chunk by chunk."""
        return self.clean_rows.chunks()

    def reject_chunks(self) -> Iterator[pa.Table]:
        """The rejected records, chunk by chunk."""
        return self.reject_rows.chunks()

    def discard(self) -> None:
        """Gives memory and disk back."""
        self.clean_rows.close()
        self.reject_rows.close()
        self.clean_rows.whole = self.reject_rows.whole = None


def unreadable(feed: Feed, file: LandedFile, problem: str) -> StagedFile:
    """An unreadable file: one record, and one rejection that says why."""
    problem = mask_value(problem)
    row = {"line_number": None, "reason": UNREADABLE_FILE, "detail": cut(problem)}
    rejects = pa.Table.from_pylist([{**row, "text": None}], schema=REJECT_SCHEMA)
    return StagedFile(
        file,
        Counts(1, 1, {UNREADABLE_FILE: 1}),
        Spool(staged_schema(feed).empty_table()),
        Spool(rejects),
        unreadable=problem,
    )


def stage(
    feed: Feed,
    records: Iterable[Clean | Rejected | pa.Table],
    clean: int,
    rejects: int,
    *,
    packed: bool = False,
) -> Counts:
    """Writes what a validation gives to two open files, and counts it.

    What passed comes record by record, or as tables of staged rows.
    """
    stager = _Stager(feed, clean, rejects, packed=packed)
    with _fewer_collections():
        for record in records:
            if record.__class__ is Clean:
                stager.add(record)
            elif record.__class__ is pa.Table:
                stager.add_table(record)
            else:
                stager.reject(record)
        return stager.finish()


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Rows hold no cycles; to look for some is a tenth of the whole work."""
    before = gc.get_threshold()
    gc.set_threshold(10 * PACK_ROWS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Stager:
    """Collects rows and writes them in lots: few objects live, little to collect."""

    def __init__(self, feed: Feed, clean: int, rejects: int, *, packed: bool) -> None:
        self._schema = staged_schema(feed)
        self._times = feed.times
        self._clean = _Sink(clean, self._schema, packed=packed)
        self._rejected = _Sink(rejects, REJECT_SCHEMA, packed=packed)
        self._rows: list[Sequence[object]] = []
        self._tails: list[tuple[int, str]] = []
        self._rejects: list[tuple[object, ...]] = []
        self._records = 0
        self._reasons: Counter[str] = Counter()
        self._ends: list[int] = []

    def add(self, record: Clean) -> None:
        self._rows.append(record[0])
        self._tails.append(record[1:])
        if len(self._rows) >= PACK_ROWS:
            self._pack()

    def add_table(self, rows: pa.Table) -> None:
        self._pack()
        if rows.num_rows:
            self._write(rows)

    def reject(self, record: Rejected) -> None:
        fault = record.fault
        self._reasons[fault.reason] += 1
        text, detail = cut(record.text), cut(mask_value(fault.detail))
        self._rejects.append((record.line, fault.reason, detail, text))
        if len(self._rejects) >= PACK_ROWS:
            self._pack_rejects()

    def finish(self) -> Counts:
        self._pack()
        self._pack_rejects()
        self._clean.close()
        self._rejected.close()
        rejected = self._reasons.total()
        ends = (min(self._ends), max(self._ends)) if self._ends else (None, None)
        return Counts(self._records + rejected, rejected, self._reasons, *ends)

    def _pack(self) -> None:
        if self._rows:
            pack = _to_table(self._rows, self._tails, self._schema)
            self._rows, self._tails = [], []
            self._write(pack)

    def _write(self, pack: pa.Table) -> None:
        self._records += pack.num_rows
        known = pc.coalesce(*(pack[name] for name in self._times)).cast(pa.int64())
        self._ends += [
            it for it in pc.min_max(known).as_py().values() if it is not None
        ]
        self._clean.write(pack)

    def _pack_rejects(self) -> None:
        if self._rejects:
            columns = list(zip(*self._rejects, strict=True))
            self._rejects = []
            self._rejected.write(_table(columns, REJECT_SCHEMA))


class _Sink:
    """An Arrow stream in an open file, begun with the first table."""

    def __init__(self, descriptor: int, schema: pa.Schema, *, packed: bool) -> None:
        self._descriptor = descriptor
        self._schema = schema
        self._options = pa.ipc.IpcWriteOptions(compression="lz4" if packed else None)
        self._stream: pa.RecordBatchStreamWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._stream is None:
            self._file = os.fdopen(os.dup(self._descriptor), "wb")
            self._stream = pa.ipc.new_stream(
                self._file, self._schema, options=self._options
            )
        self._stream.write_table(table)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._file.close()


def staged_table(feed: Feed, records: Sequence[Clean]) -> pa.Table:
    """Records that passed as a table of staged rows."""
    rows = [record.row for record in records]
    return _to_table(rows, [record[1:] for record in records], staged_schema(feed))


def _to_table(
    rows: Sequence[Sequence[object]],
    tails: Sequence[tuple[int, str]],
    schema: pa.Schema,
) -> pa.Table:
    columns = [*zip(*rows, strict=True), *zip(*tails, strict=True)]
    return _table(columns, schema)


def _table(columns: list[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(values, type=column.type)
        for values, column in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def line_sha256(line: bytes) -> str:
    """Hash of a trimmed line, by which equal records are known."""
    return hashlib.sha256(line).hexdigest()
