"""A file, validated from end to end before anything of it is inserted.

Clean rows are kept as Arrow tables; those of a file of more than one chunk wait in
Arrow files named by the content's hash, so that memory stays bounded. (Parquet would
be smaller and takes three times as long to write and read.)
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from orchestration.loading.contracts import Feed
from orchestration.loading.faults import UNREADABLE_FILE, Fault, UnreadableFileError
from orchestration.loading.files import LandedFile
from orchestration.loading.secrets import cut, mask_value

CHUNK_ROWS = 250_000
CHUNK_BYTES = 256 << 20
PACK_ROWS = 5_000
MAX_REJECTS_IN_MEMORY = 20_000

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


ReadRecords = Callable[[], Iterator[Clean | Rejected | pa.Table]]


def staged_schema(feed: Feed) -> pa.Schema:
    """Columns of a staged row: the feed's own, its line and the line's hash."""
    own = [(name, ARROW_TYPES[kind]) for name, kind in feed.columns]
    return pa.schema([*own, ("_line", pa.int64()), ("_line_sha256", pa.string())])


@dataclass
class StagedFile:
    """The outcome of a validation, ready to be committed."""

    file: LandedFile
    records: int = 0
    rejected: int = 0
    suppressed: int = 0  # left out since a customer is to be forgotten; no records
    reasons: Counter[str] = field(default_factory=Counter)
    first_timestamp: int | None = None
    last_timestamp: int | None = None
    unreadable: str | None = None
    tables: list[pa.Table | Path] = field(default_factory=list)
    rejects: list[pa.Table | Path] = field(default_factory=list)

    @property
    def clean(self) -> int:
        """Records that passed, before duplicates are told apart."""
        return self.records - self.rejected

    def chunks(self) -> Iterator[pa.Table]:
        """The clean rows, chunk by chunk."""
        yield from (_read(table) for table in self.tables)

    def reject_chunks(self) -> Iterator[pa.Table]:
        """The rejected records, chunk by chunk."""
        yield from (_read(table) for table in self.rejects)

    def discard(self) -> None:
        """Removes what waited on disk."""
        for table in (*self.tables, *self.rejects):
            if isinstance(table, Path):
                table.unlink(missing_ok=True)
        self.tables, self.rejects = [], []


def stage(
    feed: Feed, file: LandedFile, read_records: ReadRecords, scratch: Path
) -> StagedFile:
    """Validates a whole file. An unreadable one is one record and one rejection.

    What passed comes record by record, or as tables of staged rows.
    """
    writer = _Stager(feed, file, scratch)
    try:
        with _fewer_collections():
            for record in read_records():
                if record.__class__ is Clean:
                    writer.add(record)
                elif record.__class__ is pa.Table:
                    writer.add_table(record)
                else:
                    writer.reject(record)
        return writer.finish()
    except UnreadableFileError as problem:
        writer.staged.discard()
        return _unreadable(file, str(problem))
    except BaseException:
        writer.staged.discard()
        raise


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Rows hold no cycles; to look for some is a tenth of the whole work."""
    before = gc.get_threshold()
    gc.set_threshold(10 * PACK_ROWS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _unreadable(file: LandedFile, problem: str) -> StagedFile:
    problem = mask_value(problem)
    row = {"line_number": None, "reason": UNREADABLE_FILE, "detail": cut(problem)}
    return StagedFile(
        file=file,
        records=1,
        rejected=1,
        reasons=Counter({UNREADABLE_FILE: 1}),
        unreadable=problem,
        rejects=[pa.Table.from_pylist([{**row, "text": None}], schema=REJECT_SCHEMA)],
    )


class _Stager:
    """Collects rows, and spills them to disk once there is more than one chunk."""

    def __init__(self, feed: Feed, file: LandedFile, scratch: Path) -> None:
        self.staged = StagedFile(file)
        self._schema = staged_schema(feed)
        self._times = feed.times
        self._scratch = scratch
        self._rows: list[Sequence[object]] = []
        self._tails: list[tuple[int, str]] = []
        self._packs: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self._rejects: list[tuple[object, ...]] = []

    def add(self, record: Clean) -> None:
        self._rows.append(record[0])
        self._tails.append(record[1:])
        if len(self._rows) >= PACK_ROWS:
            self._pack()

    def add_table(self, rows: pa.Table) -> None:
        self._pack()
        if rows.num_rows:
            self._keep_pack(rows)

    def reject(self, record: Rejected) -> None:
        fault = record.fault
        self.staged.records += 1
        self.staged.rejected += 1
        self.staged.reasons[fault.reason] += 1
        text, detail = cut(record.text), cut(mask_value(fault.detail))
        self._rejects.append((record.line, fault.reason, detail, text))
        if len(self._rejects) >= MAX_REJECTS_IN_MEMORY:
            self._close_rejects(spill=True)

    def finish(self) -> StagedFile:
        self._pack()
        self._close_chunk(spill=bool(self.staged.tables))
        self._close_rejects(spill=bool(self.staged.rejects))
        return self.staged

    def _pack(self) -> None:
        """Rows into columns, in small lots: few objects live, little to collect."""
        if not self._rows:
            return
        pack = _to_table(self._rows, self._tails, self._schema)
        self._rows, self._tails = [], []
        self._keep_pack(pack)

    def _keep_pack(self, pack: pa.Table) -> None:
        self._packs.append(pack)
        self._held_rows += pack.num_rows
        self._held_bytes += pack.nbytes
        self.staged.records += pack.num_rows
        self._stretch(pack)
        if self._held_rows >= CHUNK_ROWS or self._held_bytes >= CHUNK_BYTES:
            self._close_chunk(spill=True)

    def _close_chunk(self, *, spill: bool) -> None:
        if not self._packs:
            return
        table = pa.concat_tables(self._packs)
        self._packs, self._held_rows, self._held_bytes = [], 0, 0
        number = len(self.staged.tables)
        self.staged.tables.append(self._keep(table, f"clean-{number}", spill))

    def _close_rejects(self, *, spill: bool) -> None:
        if not self._rejects:
            return
        table = _table(list(zip(*self._rejects, strict=True)), REJECT_SCHEMA)
        self._rejects = []
        number = len(self.staged.rejects)
        self.staged.rejects.append(self._keep(table, f"rejects-{number}", spill))

    def _keep(self, table: pa.Table, part: str, spill: bool) -> pa.Table | Path:
        if not spill:
            return table
        path = self._scratch / f"{self.staged.file.sha256}-{part}.arrow"
        feather.write_feather(table, path, compression="lz4")
        return path

    def _stretch(self, pack: pa.Table) -> None:
        """Widens the file's first and last timestamp."""
        known = pc.coalesce(*(pack[name] for name in self._times)).cast(pa.int64())
        ends = pc.min_max(known).as_py()
        if ends["min"] is None:
            return
        staged = self.staged
        first, last = staged.first_timestamp, staged.last_timestamp
        staged.first_timestamp = min(
            ends["min"], ends["min"] if first is None else first
        )
        staged.last_timestamp = max(ends["max"], ends["max"] if last is None else last)


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


def _read(table: pa.Table | Path) -> pa.Table:
    return feather.read_table(table) if isinstance(table, Path) else table


def line_sha256(line: bytes) -> str:
    """Hash of a trimmed line, by which equal records are known."""
    return hashlib.sha256(line).hexdigest()
