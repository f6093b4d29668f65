"""The raw tables in Snowflake, and the one transaction in which a batch enters them.

Validated rows go up as load files, are copied into a temporary table of one VARIANT
column, and are judged and inserted there by a handful of statements, however many
files and rows there are. What is known is kept in `raw.load_history` alone: COPY's own
memory of its files ends after 64 days, and is not asked.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from pyarrow import fs

from orchestration import project
from orchestration.loading import snowflake_sql as sql
from orchestration.loading.contracts import Feed
from orchestration.loading.erasure import Erasure, erase
from orchestration.loading.faults import UNREADABLE_FILE
from orchestration.loading.files import BLOCK_BYTES
from orchestration.loading.landings import Bucket, Landing, LandingError, open_landing
from orchestration.loading.load_files import moment, write_load_files
from orchestration.loading.repairs import outcomes
from orchestration.loading.warehouse import (
    Earlier,
    Known,
    Load,
    Outcome,
    Waiting,
    known_from,
    raw_tables,
)
from orchestration.snowflake.connection import connect

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

LOAD_FILES = "_load_files"  # what begins with `_` is no feed
BOUND_ROWS = 100  # of one statement whose values are bound
LEFT_OVER_AFTER = timedelta(hours=1)  # no load waits that long before it copies

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}")

logger = logging.getLogger(__name__)


class CopyError(project.ProjectError):
    """A COPY that did not bring all that was written; nothing of it is loaded."""


class _Row(NamedTuple):
    """What the judging said of one file of a batch."""

    number: int
    loaded: int
    replaced: int
    ousted: int
    timed: int  # of the ousted rows, those whose time is known
    first_ousted_at: datetime
    last_ousted_at: datetime
    is_overtaken: bool


class _OvertakenError(Exception):
    """Files that another load has committed meanwhile, by their place in the batch."""

    def __init__(self, numbers: set[int]) -> None:
        super().__init__(f"files {sorted(numbers)} were committed by another load")
        self.numbers = numbers


class _Stage(Protocol):
    """A place for load files that COPY reads from."""

    purge: bool  # whether COPY itself removes what it has copied

    def put(self, paths: Sequence[Path], folder: str) -> str:
        """Puts files into a folder of its own; gives the place to copy from."""

    def remove(self, folder: str) -> None:
        """Removes a folder and what is in it."""

    def files(self) -> Iterator[tuple[str, datetime]]:
        """The load id of each load file that is there, and when it was written."""


@dataclass(frozen=True)
class InternalStage:
    """Load files in the stage `raw.load_files`, which lives in Snowflake."""

    store: SnowflakeStore
    purge = True

    def put(self, paths: Sequence[Path], folder: str) -> str:
        """Uploads files into a folder of the stage."""
        place = f"{sql.STAGE}/{folder}/"
        for path in paths:
            source = str(path).replace("\\", "\\\\").replace("'", "\\'")
            self.store.run(
                f"put 'file://{source}' @{place} auto_compress = false "
                "source_compression = gzip overwrite = true"
            )
        return place

    def remove(self, folder: str) -> None:
        """Removes a folder and what is in it."""
        self.store.run(f"remove @{sql.STAGE}/{folder}/")

    def files(self) -> Iterator[tuple[str, datetime]]:
        """The load id of each load file that is there, and when it was written."""
        for name, _, _, modified in self.store.run(f"list @{sql.STAGE}"):
            _, load_id, *_ = name.split("/")
            yield load_id, parsedate_to_datetime(modified)


@dataclass(frozen=True)
class ExternalStage:
    """Load files beside what landed in a bucket, which `raw.landing` shows Snowflake.

    They are written and removed with the loader's own credentials; Snowflake only
    reads them, over a storage integration.
    """

    bucket: Bucket
    purge = False

    def put(self, paths: Sequence[Path], folder: str) -> str:
        """Uploads files into a folder that no feed has."""
        top = f"{self.bucket.root}/{LOAD_FILES}/{folder}"
        self.bucket.files.create_dir(top, recursive=True)
        for path in paths:
            with (
                path.open("rb") as source,
                self.bucket.files.open_output_stream(
                    f"{top}/{path.name}", compression=None
                ) as target,
            ):
                shutil.copyfileobj(source, target, BLOCK_BYTES)
        return f"{sql.EXTERNAL_STAGE}/{LOAD_FILES}/{folder}/"

    def remove(self, folder: str) -> None:
        """Removes a folder and what is in it."""
        self.bucket.files.delete_dir(f"{self.bucket.root}/{LOAD_FILES}/{folder}")

    def files(self) -> Iterator[tuple[str, datetime]]:
        """The load id of each load file that is there, and when it was written."""
        top = f"{self.bucket.root}/{LOAD_FILES}"
        selector = fs.FileSelector(top, allow_not_found=True, recursive=True)
        for info in self.bucket.files.get_file_info(selector):
            if info.type == fs.FileType.File:
                yield info.path[len(top) + 1 :].split("/")[0], info.mtime


@contextmanager
def open_store(
    landing: Landing | Path | str, environ: Mapping[str, str] | None = None
) -> Iterator[SnowflakeStore]:
    """A store on a session of its own, logged in with the role LOADER.

    Where the landing root is a bucket and the stage `raw.landing` shows it, load files
    stay in that bucket; else they are uploaded to Snowflake.
    """
    root = open_landing(landing)
    with closing(connect("LOADER", environ)) as connection:
        store = SnowflakeStore(connection)
        if isinstance(root, Bucket) and store.shows(root):
            store.stage = ExternalStage(root)
        yield store


@dataclass
class SnowflakeStore:
    """The raw tables behind one session, which stays its owner's to close.

    `statements` counts the round trips to the server.
    """

    connection: SnowflakeConnection
    batch_files: int = 1_000
    batch_rows: int = 200_000
    statements: int = 0

    def __post_init__(self) -> None:
        self.stage: _Stage = InternalStage(self)
        self._is_prepared = False
        self._is_tidy = False

    def run(self, statement: str, *parameters: object) -> list[tuple]:
        """Runs one statement, its parameters bound, and gives back its rows."""
        self.statements += 1
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def shows(self, bucket: Bucket) -> bool:
        """Whether the stage `raw.landing` shows a bucket.

        Raises `LandingError` where it shows another one.
        """
        self.create_raw_tables()
        with self.connection.cursor() as cursor:
            cursor.execute(sql.SHOW_STAGES)
            names = [column.name for column in cursor.description]
            stages = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        url = {stage["name"]: stage["url"] for stage in stages}.get("LANDING")
        if url is None:
            return False
        if location(url) != location(bucket.address):
            raise LandingError(
                f"ACSR_LANDING is {bucket.address}, but the stage {sql.EXTERNAL_STAGE} "
                f"shows {url}: set the one to what the other is, or drop the stage"
            )
        return True

    def create_raw_tables(self) -> None:
        """Creates whatever is absent, so that dbt always finds its sources."""
        if self._is_prepared:
            return
        there = self.run(sql.TABLES_THERE)
        if not there:
            self.run("create schema if not exists raw")
        held = {f"raw.{table.lower()}" for (table,) in there if table}
        wanted = {**raw_tables(), "raw.load_lock": sql.LOCK_COLUMNS}
        for table, columns in wanted.items():
            if table not in held:
                self.run(sql.create_table(table, columns))
        if "raw.load_lock" not in held:  # the last one: what is above it is there too
            self.run(sql.CREATE_STAGE)
            self.run(sql.FILL_LOCK)
        self._is_prepared = True

    def find_known(self, feed: str) -> Known:
        """The contents that a feed's history holds; none where nothing ever loaded."""
        if not self._is_prepared:
            tables = {table for (table,) in self.run(sql.TABLES_THERE)}
            if not {"LOAD_HISTORY", "REJECTED_RECORDS"} <= tables:
                return Known()
        rows = self.run(sql.KNOWN, UNREADABLE_FILE, feed)
        return known_from(rows)

    def replayable(self, feed: str) -> dict[str, Earlier]:
        """Files with rejected records, by content: what a replay reads again."""
        rows = self.run(sql.REPLAYABLE, feed)
        return {sha256: Earlier(*row) for sha256, *row in rows}

    def suppressed(self) -> set[str]:
        """Hashes of those whose records are kept out."""
        return {str(held) for (held,) in self.run("select hash from raw.suppressed")}

    def forget_built(self) -> None:
        """Nothing: the role that loads does not see what was built."""

    def erase(self, asked: Erasure) -> dict[str, int]:
        """Removes what there is of some people, and keeps it out; rows by feed."""
        with self._transaction():
            self.run(sql.TAKE_LOCK, asked.load_id, _utc_now())
            return erase(self.run, asked, sql.REPLACE_JSON)

    def commit(
        self, feed: Feed, batch: Sequence[Waiting], load: Load
    ) -> list[Outcome | None]:
        """Rows, rejections and history rows of all files of a batch, or of none.

        None stands for a file that another load has committed meanwhile. Raises
        `CopyError` where the server took other lines than were written.
        """
        _require_safe(load.load_id)
        self._tidy(load)
        last = _last_of_each_content(batch)
        outcomes: dict[int, Outcome | None] = {}
        while last:
            numbers = sorted(last)
            try:
                rows = self._commit(feed, [last[number] for number in numbers], load)
            except _OvertakenError as overtaken:
                for place in overtaken.numbers:
                    outcomes[numbers[place]] = None
                    del last[numbers[place]]
                continue
            for number, row in zip(numbers, rows, strict=True):
                clean = last[number].staged.clean
                outcomes[number] = Outcome(row.loaded, row.replaced, clean - row.loaded)
            break
        return [outcomes.get(number, Outcome()) for number in range(len(batch))]

    def _commit(self, feed: Feed, batch: Sequence[Waiting], load: Load) -> list[_Row]:
        self._copy(feed, batch, load)
        self.run(sql.create_verdicts(feed))
        with self._transaction():
            self.run(sql.TAKE_LOCK, load.load_id, _utc_now())
            self.run(sql.judge(feed))
            rows = [_Row(*row) for row in self.run(sql.OUTCOMES, feed.name)]
            overtaken = {row.number for row in rows if row.is_overtaken}
            if overtaken:
                raise _OvertakenError(overtaken)
            self._delete_ousted(feed, rows)
            loaded_at = moment(load.loaded_at)
            if any(row.loaded for row in rows):
                self.run(sql.insert_rows(feed), load.load_id, loaded_at)
            if any(waiting.staged.rejected for waiting in batch):
                self.run(sql.INSERT_REJECTS, feed.name, load.load_id, loaded_at)
            for waiting in batch:
                self._insert_outcomes(outcomes(self.run, feed, waiting, load))
            if any(waiting.earlier for waiting in batch):
                self.run(sql.FORGET_REJECTS, feed.name)
                self.run(sql.FORGET_HISTORY, feed.name)
            self.run(sql.INSERT_HISTORY, feed.name, load.load_id, _utc_now())
        return rows

    def _insert_outcomes(self, rows: Sequence[Sequence[object]]) -> None:
        for start in range(0, len(rows), BOUND_ROWS):
            some = rows[start : start + BOUND_ROWS]
            holes = ", ".join("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" for _ in some)
            self.run(
                f"insert into raw.reject_outcomes values {holes}",
                *(value for row in some for value in row),
            )

    def _copy(self, feed: Feed, batch: Sequence[Waiting], load: Load) -> None:
        """Brings a batch into `raw.load_records`, which only this session sees."""
        folder = f"{load.load_id}/{uuid.uuid4().hex}"
        self.run(sql.CREATE_RECORDS)
        with tempfile.TemporaryDirectory() as scratch:
            files = write_load_files(feed, batch, Path(scratch))
            place = self.stage.put(files.paths, folder)
        try:
            purge = str(self.stage.purge).lower()
            copied = self.run(sql.COPY.format(place=place, purge=purge))
        finally:
            if not self.stage.purge:
                self.stage.remove(load.load_id)
        lines = sum(row[3] for row in copied if len(row) > 3)
        if lines != files.lines:
            raise CopyError(
                f"{feed.name}: {files.lines:,} lines were written as load files and "
                f"{lines:,} copied from @{place}; nothing of them is loaded: run the "
                "load again, and see to what else writes to that stage"
            )

    def _delete_ousted(self, feed: Feed, rows: Sequence[_Row]) -> None:
        ousted = sum(row.ousted for row in rows)
        if not ousted:
            return
        if sum(row.timed for row in rows) < ousted:
            self.run(sql.delete_ousted(feed, between=False))
            return
        timed = [row for row in rows if row.timed]
        self.run(
            sql.delete_ousted(feed, between=True),
            moment(min(row.first_ousted_at for row in timed)),
            moment(max(row.last_ousted_at for row in timed)),
        )

    def _tidy(self, load: Load) -> None:
        """Removes the load files of loads that were killed, once per session."""
        if self._is_tidy:
            return
        self._is_tidy = True
        newest: dict[str, datetime] = {}
        for load_id, modified in self.stage.files():
            newest[load_id] = max(modified, newest.get(load_id, modified))
        before = datetime.now(UTC) - LEFT_OVER_AFTER
        for load_id, modified in newest.items():
            is_ours = _SAFE.fullmatch(load_id) and load_id != load.load_id
            if is_ours and modified < before:
                logger.warning("removing load files of the unfinished %s", load_id)
                self.stage.remove(load_id)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.run("begin transaction")
        try:
            yield
            self.run("commit")
        except BaseException:
            self.run("rollback")
            raise


def _last_of_each_content(batch: Sequence[Waiting]) -> dict[int, Waiting]:
    """The batch without files that a later one of the same content mends.

    The later one takes the place of what the first of them took the place of.
    """
    last: dict[str, tuple[int, Earlier | None]] = {}
    for number, waiting in enumerate(batch):
        sha256 = waiting.staged.file.sha256
        _, earlier = last.get(sha256, (number, waiting.earlier))
        last[sha256] = number, earlier
    return {
        number: Waiting(batch[number].staged, batch[number].started_at, earlier)
        for number, earlier in last.values()
    }


def _require_safe(load_id: str) -> None:
    """A load id is part of a stage's paths, so it is letters, digits, `-` and `_`."""
    if not _SAFE.fullmatch(load_id):
        raise ValueError(
            f"load id {load_id!r} is not made of letters, digits, '-' and '_' alone"
        )


def location(address: str) -> tuple[str, ...]:
    """Where an address leads, however the cloud's tools spell its kind."""
    parts = urlsplit(address)
    host, path = parts.netloc, parts.path.strip("/")
    if parts.scheme in ("abfs", "abfss"):  # container@account, then the path
        container, _, account = host.partition("@")
        return "azure", account.split(".")[0], f"{container}/{path}".strip("/")
    if parts.scheme == "azure":
        return "azure", host.split(".")[0], path
    return {"gcs": "gs"}.get(parts.scheme, parts.scheme), host, path


def _utc_now() -> str:
    return moment(datetime.now(UTC))
