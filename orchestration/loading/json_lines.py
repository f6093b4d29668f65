"""Records of a contract feed: JSON lines, or Parquet with the same columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.loading.containers import MAX_FILE_BYTES, unpacked
from orchestration.loading.contracts import Feed
from orchestration.loading.faults import OVERSIZE, Fault, UnreadableFileError
from orchestration.loading.files import (
    LandedFile,
    open_landed,
    unchanged,
    unchanged_blocks,
)
from orchestration.loading.lines import MAX_LINE_BYTES, Oversize, split_lines
from orchestration.loading.records import (
    Context,
    RecordReader,
    Row,
    parse_json,
    to_json,
    without_text,
)
from orchestration.loading.secrets import (
    MAX_REJECT_BYTES,
    doubtful,
    mask,
    mask_text,
)
from orchestration.loading.staging import Clean, Rejected, line_sha256
from orchestration.loading.times import iso, to_micros

PARQUET_BATCH_ROWS = 5_000


def read_json_lines(
    feed: Feed, file: LandedFile, context: Context
) -> Iterator[Clean | Rejected]:
    """Every line of a file, as a row or as a rejection."""
    reader = RecordReader(feed, context)
    for number, line in split_lines(unpacked(unchanged_blocks(file), file.name)):
        yield judge_line(reader, number, line)


def judge_line(
    reader: RecordReader, number: int, line: bytes, *, is_doubtful: bool = True
) -> Clean | Rejected:
    """A trimmed line, as a row or as a rejection.

    `is_doubtful`: something in it might be a credential.
    """
    outcome = _read_line(reader, line, is_doubtful)
    if outcome.__class__ is Fault:
        text = rejected_text(line, keep_text=reader.keep_text)
        return Rejected(outcome, number, text)
    return Clean(outcome, number, line_sha256(line))


def judge_lines(
    reader: RecordReader, lines: Sequence[tuple[int, bytes]]
) -> Iterator[Clean | Rejected]:
    """The same for some lines, of which those are told apart that need a close look."""
    doubts = doubtful([line for _, line in lines]).to_pylist()
    for (number, line), is_doubtful in zip(lines, doubts, strict=True):
        yield judge_line(reader, number, line, is_doubtful=is_doubtful)


def _read_line(reader: RecordReader, line: bytes, is_doubtful: bool) -> Row | Fault:
    if line.__class__ is Oversize:
        return Fault(OVERSIZE, f"longer than {MAX_LINE_BYTES:,} bytes")
    record = parse_json(line)
    if record.__class__ is Fault:
        return record
    has_nul = b"\\u0000" in line
    return reader.read(record, has_nul=has_nul, is_doubtful=is_doubtful)


def rejected_text(line: bytes, *, keep_text: bool) -> str:
    """The text of a rejected line without secrets and, by default, message text."""
    record = Fault("", "") if line.__class__ is Oversize else parse_json(line)
    if record.__class__ is Fault:
        text = line[: 4 * MAX_REJECT_BYTES].decode("utf-8", "replace")
        is_cut = line.__class__ is Oversize or len(line) > 4 * MAX_REJECT_BYTES
        return mask_text(text, keep_text=keep_text, is_cut=is_cut)
    return rejected_record(record, keep_text=keep_text)


def rejected_record(record: object, *, keep_text: bool) -> str:
    """The same for a record that could be read."""
    masked = mask(record, strip_nul=True, look=True)
    if isinstance(masked, dict) and not keep_text:
        masked = without_text(masked)
        if isinstance(masked.get("attributes"), dict):
            masked["attributes"] = without_text(masked["attributes"])
    return to_json(masked)


def read_parquet(
    feed: Feed, file: LandedFile, context: Context
) -> Iterator[Clean | Rejected]:
    """Every row of a Parquet file, judged like a line of JSON.

    Its hash is that of its canonical JSON: keys sorted, nulls left out.
    """
    reader = RecordReader(feed, context)
    keep_text = context.settings.keep_message_text
    for number, (record, text, is_doubtful) in enumerate(parquet_records(file), 1):
        if len(text) > MAX_LINE_BYTES:
            fault: Row | Fault = Fault(OVERSIZE, f"over {MAX_LINE_BYTES:,} bytes")
        else:
            fault = reader.read(_with_object(record), is_doubtful=is_doubtful)
        if isinstance(fault, Fault):
            shown = rejected_record(orjson.loads(text), keep_text=keep_text)
            yield Rejected(fault, number, shown)
        else:
            yield Clean(fault, number, line_sha256(text))


def parquet_records(
    file: LandedFile,
) -> Iterator[tuple[dict[str, object], bytes, bool]]:
    """Records, their canonical JSON, and whether that might hold a credential."""
    with open_landed(file.path, file.root) as handle:
        if not _proven(handle, file):  # an empty file has no rows
            return
        try:
            yield from _rows(pq.ParquetFile(handle))
        except (pa.ArrowException, OSError, ValueError) as error:
            _proven(handle, file)
            raise UnreadableFileError(
                f"named .parquet but no sound Parquet ({error}); write it again"
            ) from error
        _proven(handle, file)


def _proven(handle: BinaryIO, file: LandedFile) -> int:
    """Size of a file that is what was hashed; else raises `ChangedFileError`."""
    handle.seek(0)
    return sum(map(len, unchanged(handle, file)))


def _rows(
    parquet: pq.ParquetFile,
) -> Iterator[tuple[dict[str, object], bytes, bool]]:
    metadata = parquet.metadata
    size = sum(
        metadata.row_group(index).total_byte_size
        for index in range(metadata.num_row_groups)
    )
    if size > MAX_FILE_BYTES:
        raise UnreadableFileError(
            f"over {MAX_FILE_BYTES:,} bytes unpacked; split the file"
        )
    for batch in parquet.iter_batches(batch_size=PARQUET_BATCH_ROWS):
        columns = [_to_python(column) for column in batch.columns]
        names = batch.schema.names
        records = [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
        texts = [_canonical(record) for record in records]
        yield from zip(records, texts, doubtful(texts).to_pylist(), strict=True)


def _to_python(column: pa.Array) -> list[object]:
    """Values of a column as a JSON reader would give them."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return [_plain(value, column.type) for value in column.to_pylist()]


def _plain(value: object, kind: pa.DataType) -> object:
    if value is None:
        return None
    if pa.types.is_struct(kind):
        members = {
            kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)
        }
        return {
            name: _plain(item, members[name])
            for name, item in value.items()
            if item is not None
        }
    if pa.types.is_map(kind):
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_plain(item, kind.value_type) for item in value]
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value() and kind.scale <= 0
        return int(value) if whole else float(value)
    return value


def _with_object(record: dict[str, object]) -> dict[str, object]:
    """Attributes may be the text of a JSON object, where a writer has no structs."""
    stated = record.get("attributes")
    if isinstance(stated, str) and stated.strip():
        parsed = parse_json(stated.encode("utf-8", "replace"))
        if isinstance(parsed, dict):
            return {**record, "attributes": parsed}
    return record


def _canonical(record: dict[str, object]) -> bytes:
    said = {name: value for name, value in record.items() if value is not None}
    options = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
    return orjson.dumps(said, default=_readable, option=options)


def _readable(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return iso(to_micros(value))
    return str(value)
