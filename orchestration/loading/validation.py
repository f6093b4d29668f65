"""One landed file from its bytes to staged rows: what a validating process runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from orchestration.loading.containers import container
from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.fast import LineReader
from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.files import LandedFile
from orchestration.loading.fivetran import read_fivetran
from orchestration.loading.json_lines import read_parquet
from orchestration.loading.otel import read_otel
from orchestration.loading.records import Context
from orchestration.loading.servicenow import read_servicenow
from orchestration.loading.staging import Clean, Counts, Rejected, stage
from orchestration.loading.tau2 import read_tau2

READERS: dict[str, Callable[[LandedFile, Context], Iterator[Clean | Rejected]]] = {
    "otel": read_otel,
    "servicenow": read_servicenow,
    "tau2": read_tau2,
}
PACKED_FROM = 64 << 20  # bytes of a landed file whose rows are packed on disk

_readers: dict[str, tuple[Context, LineReader]] = {}


def validate(
    feed: str, file: LandedFile, context: Context, clean: int, rejects: int
) -> Counts:
    """Writes rows and rejections of a file to two open files, as Arrow streams.

    Raises `UnreadableFileError`, `ChangedFileError` or `OSError` where there is nothing
    to be staged.
    """
    records = _records(FEEDS[feed], file, context)
    packed = file.bytes >= PACKED_FROM
    return stage(FEEDS[feed], records, clean, rejects, packed=packed)


def _records(
    feed: Feed, file: LandedFile, context: Context
) -> Iterator[Clean | Rejected | pa.Table]:
    is_parquet = container(file.name) == "parquet"
    if feed.reader == "json_lines":
        if is_parquet:
            return read_parquet(feed, file, context)
        return _line_reader(feed, context).read(file)
    if feed.reader == "fivetran":
        return read_fivetran(feed, file, context)
    if is_parquet and file.bytes:
        raise UnreadableFileError(
            "this feed is not read as Parquet; land its own format"
        )
    return READERS[feed.reader](file, context)


def _line_reader(feed: Feed, context: Context) -> LineReader:
    """The feed's reader, which is made anew only where settings or time moved on."""
    known = _readers.get(feed.name)
    if known is None or known[0] != context:
        known = _readers[feed.name] = context, LineReader(feed, context)
    return known[1]
