"""Loading: every new file of a feed, validated, then committed whole or not at all."""

from __future__ import annotations

import logging
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration import project
from orchestration.kill_points import passing
from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.duckdb_store import DuckDbStore
from orchestration.loading.erasure import Erasure
from orchestration.loading.files import ChangedFileError, LandedFile
from orchestration.loading.landings import Landing, Listed, open_landing
from orchestration.loading.records import Context
from orchestration.loading.report import FeedReport, FileReport, LoadReport
from orchestration.loading.secrets import mask_value
from orchestration.loading.settings import LoadSettings, read_limits
from orchestration.loading.staging import StagedFile
from orchestration.loading.suppression import Suppression
from orchestration.loading.times import latest_allowed
from orchestration.loading.validators import ValidationError, Validators, shared
from orchestration.loading.warehouse import (
    Earlier,
    Load,
    Outcome,
    RawStore,
    Waiting,
)

PROGRESS_SECONDS = 5.0
PATIENCE_SECONDS = 5.0  # for a file, before those behind it go first

logger = logging.getLogger(__name__)

Warehouse = Path | str | duckdb.DuckDBPyConnection | RawStore
LandingRoot = Landing | Path | str
Progress = Callable[[str], None]


def load_all(
    landing: LandingRoot,
    warehouse: Warehouse,
    settings: LoadSettings,
    load_id: str,
    now: datetime,
    feeds: Sequence[str] | None = None,
    progress: Progress = logger.info,
    *,
    replay: bool = False,
) -> LoadReport:
    """Loads all feeds, or some, and reports on each.

    `now` is the later of the wall clock and the run's "as of": what is more than
    24 hours ahead of it is turned away. With `replay`, files that had rejected
    records are read once more: after a fix their records load, the rest stays.
    """
    report = LoadReport(load_id)
    landing = open_landing(landing)
    with connected(warehouse) as store:
        store.create_raw_tables()
        for feed in feeds if feeds is not None else FEEDS:
            report.feeds[feed] = load_feed(
                feed,
                landing,
                store,
                settings,
                load_id,
                now,
                progress,
                replay=replay,
            )
    return report


def load_feed(
    feed: str,
    landing: LandingRoot,
    warehouse: Warehouse,
    settings: LoadSettings,
    load_id: str,
    now: datetime,
    progress: Progress = logger.info,
    *,
    replay: bool = False,
) -> FeedReport:
    """Loads the files of one feed whose content is new, or to be replayed."""
    if now.tzinfo is None:
        raise ValueError(f"now needs a time zone, got {now.isoformat()}")
    if feed not in FEEDS:
        raise ValueError(f"no feed {feed!r}; there are {', '.join(FEEDS)}")
    with connected(warehouse) as store:
        store.create_raw_tables()
        read_by = replace(settings, suppressed=frozenset())
        context = Context(read_by, latest_allowed(now))
        run = _FeedLoad(
            feed=FEEDS[feed],
            landing=open_landing(landing),
            store=store,
            context=context,
            validators=shared(read_limits()),
            load=Load(load_id, _utc_now()),
            progress=progress,
            earlier=store.replayable(feed) if replay else {},
            suppression=Suppression(settings, store.suppressed() | settings.suppressed),
        )
        if run.suppression:
            store.forget_built()
        with run.committer:
            return run.run()


def list_new_files(
    feed: str, landing: LandingRoot, warehouse: Warehouse
) -> list[LandedFile]:
    """Files that a load would read now: those whose content is not in history.

    The `path` of a bucket's file was open while it was looked at.
    """
    root = open_landing(landing)
    with connected(warehouse, read_only=True) as store:
        known = store.find_known(feed)
    new: list[LandedFile] = []
    for listed in root.walk(feed):
        if known.unchanged(listed):
            continue
        try:
            with root.fetched(listed) as file:
                is_known = known.has(file)
        except OSError:
            continue
        if not is_known:
            known.contents.add(file.sha256)
            new.append(file)
    return new


def create_raw_tables(warehouse: Warehouse) -> None:
    """Creates whatever is absent of the raw tables, so that dbt finds its sources."""
    with connected(warehouse) as store:
        store.create_raw_tables()


@contextmanager
def connected(warehouse: Warehouse, *, read_only: bool = False) -> Iterator[RawStore]:
    """A store or a connection as it is, or one on a file that is closed afterwards."""
    if isinstance(warehouse, duckdb.DuckDBPyConnection):
        yield DuckDbStore(warehouse)
        return
    if not isinstance(warehouse, Path | str):
        yield warehouse
        return
    path = Path(warehouse)
    if read_only and not path.exists():
        with duckdb.connect(":memory:") as connection:
            yield DuckDbStore(connection)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path, read_only) as connection:
        if not read_only:
            # small commits wait for a second thread in vain, and with a short log
            # they would have the table written anew every few seconds
            connection.execute("set threads = 1")
            connection.execute("set checkpoint_threshold = '256MB'")
            connection.execute(f"set memory_limit = '{project.memory_limit()}'")
        try:
            yield DuckDbStore(connection)
        except duckdb.Error as problem:
            if project.is_full_disk(problem):
                raise project.FullDiskError(path, problem) from None
            raise


def _opened(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as problem:
        if "Could not set lock" not in str(problem):
            raise
        raise project.BusyError(
            f"{path} is open in another process, which DuckDB does not share: wait for "
            f"it, or end it ({problem})"
        ) from problem


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class _Validating(NamedTuple):
    """A file that is being validated."""

    file: LandedFile
    started_at: datetime
    staged: Future[StagedFile]


@dataclass
class _FeedLoad:
    """One feed's files on their way: a batch shares one look at the table.

    While one batch is committed, by a thread of its own, the next files are validated,
    by processes of their own; they come back in the order in which they were listed,
    but one that takes long lets those behind it pass.
    """

    feed: Feed
    landing: Landing
    store: RawStore
    context: Context
    validators: Validators
    load: Load
    progress: Progress
    earlier: dict[str, Earlier]
    suppression: Suppression
    validating: list[_Validating] = field(default_factory=list)
    slow: set[str] = field(default_factory=set)
    batch: list[Waiting] = field(default_factory=list)
    committer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "commit")
    )
    committing: tuple[list[Waiting], Future[list[Outcome | None]]] | None = None

    def run(self) -> FeedReport:
        begun = told = time.monotonic()
        self.report = FeedReport(self.feed.name)
        self.known = self.store.find_known(self.feed.name)
        self.known.contents -= self.earlier.keys()
        found = self.landing.walk(self.feed.name)
        for number, listed in enumerate(found, start=1):
            self._take(listed)
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self.progress(
                    f"{self.feed.name}: file {number:,} of {len(found):,}, "
                    f"{self.report.records:,} records"
                )
        self._collect(0)
        self._flush()
        self._settle()
        self._erase_learned()
        self.report.files.sort(key=lambda file: file.path)
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _take(self, listed: Listed) -> None:
        """Stages a file; whatever is wrong with it stays its own affair."""
        started_at = _utc_now()
        if self.suppression:
            listed = replace(listed, name=self.suppression.shown(listed.name))
        if sha256 := self.known.unchanged(listed):
            self.report.files.append(FileReport(listed.name, "known", sha256))
            return
        try:
            with self.landing.fetched(listed) as file:
                passing("file hashed")
                if self._is_known(file):
                    known = FileReport(file.name, "known", file.sha256)
                    self.report.files.append(known)
                    return
                staged = self.validators.submit(self.feed.name, file, self.context)
        except (OSError, ChangedFileError) as problem:
            self._leave(listed.name, problem)
        except Exception as problem:
            self._blame(listed.name, problem)
        else:
            self.validating.append(_Validating(file, started_at, staged))
            self._collect(2 * self.validators.processes)

    def _is_known(self, file: LandedFile) -> bool:
        """Whether there is nothing new in a file, once its twins are through."""
        if any(other.file.sha256 == file.sha256 for other in self.validating):
            self._collect(0)
        return self.known.has(file)

    def _collect(self, leave: int) -> None:
        """Takes validated files, the first first, until so many are left.

        Whatever is wrong with a file stays its own affair.
        """
        while len(self.validating) > leave:
            file, started_at, staged = self._next_validated()
            try:
                found = staged.result()
                passing("file validated")
            except (OSError, ChangedFileError) as problem:
                self._leave(file.name, problem)
            except project.ProjectError:
                raise
            except Exception as problem:
                self._blame(file.name, problem)
            else:
                if self.suppression:
                    found = self.suppression.apply(self.feed, found)
                self._append(found, started_at)

    def _next_validated(self) -> _Validating:
        """The first file that is through; a slow one holds up no other for long."""
        found = self._first_through()
        if found is None:
            wait([it.staged for it in self.validating], None, FIRST_COMPLETED)
            found = next(it for it in self.validating if it.staged.done())
        self.validating.remove(found)
        return found

    def _first_through(self) -> _Validating | None:
        """The first that is through within its time; each is waited for once."""
        for each in self.validating:
            if each.file.name not in self.slow:
                wait([each.staged], PATIENCE_SECONDS)
            if each.staged.done():
                return each
            self.slow.add(each.file.name)
        return None

    def _leave(self, name: str, problem: Exception) -> None:
        """Leaves a file to the next load; a full disk is the affair of them all."""
        if project.is_full_disk(problem):
            raise project.FullDiskError(tempfile.gettempdir(), problem) from None
        self._skip(name, mask_value(str(problem)))

    def _blame(self, name: str, problem: Exception) -> None:
        said = mask_value(f"{type(problem).__name__}: {problem}")
        where = "".join(traceback.format_tb(problem.__traceback__))
        if isinstance(problem, ValidationError):
            said, where = mask_value(str(problem)), problem.where
        logger.error("validation of %r failed\n%s%s", name, where, said)
        self._skip(name, f"{said}; a fault of the loader itself")

    def _skip(self, name: str, problem: str) -> None:
        self.report.files.append(FileReport(name, "skipped", problem=problem))

    def _append(self, staged: StagedFile, started_at: datetime) -> None:
        """Adds a file to the batch, which is committed once it is large enough."""
        file = staged.file
        self._remember(file, staged)
        is_large = staged.whole is None
        if is_large:  # it is committed alone, after all before it
            self._flush()
        earlier = self.earlier.get(file.sha256)
        self.batch.append(Waiting(staged, started_at, earlier))
        if is_large or self._is_full():
            self._flush()

    def _is_full(self) -> bool:
        rows = sum(waiting.staged.clean for waiting in self.batch)
        files = len(self.batch)
        return files >= self.store.batch_files or rows >= self.store.batch_rows

    def _remember(self, file: LandedFile, staged: StagedFile) -> None:
        mended = self.known.mended(file)
        if mended is not None:
            self.earlier[file.sha256] = mended
        self.known.contents.add(file.sha256)
        self.known.unreadable.pop(file.sha256, None)
        if staged.unreadable:
            quarantined = Earlier(file.name, self.load.load_id, loaded=0, replaced=0)
            self.known.unreadable[file.sha256] = quarantined

    def _erase_learned(self) -> None:
        """Removes what came before it was known to be of a forgotten customer."""
        if self.suppression.learned:
            nodes = frozenset(self.suppression.learned)
            settings = self.suppression.settings
            self.store.erase(Erasure(settings, nodes, self.load.load_id))

    def _flush(self) -> None:
        """Hands the batch over to be committed, once the one before it is."""
        self._settle()
        batch, self.batch = self.batch, []
        if batch:
            future = self.committer.submit(
                self.store.commit, self.feed, batch, self.load
            )
            self.committing = batch, future

    def _settle(self) -> None:
        """Waits for what is being committed; a failure of it shows here."""
        if self.committing is None:
            return
        (batch, future), self.committing = self.committing, None
        try:
            outcomes = future.result()
        finally:
            for waiting in batch:
                waiting.staged.discard()
        for waiting, outcome in zip(batch, outcomes, strict=True):
            self._tell(waiting.staged, outcome)

    def _tell(self, staged: StagedFile, outcome: Outcome | None) -> None:
        if outcome is None:
            file = staged.file
            self.report.files.append(FileReport(file.name, "known", file.sha256))
            return
        file = staged.file
        self.report.files.append(
            FileReport(
                path=file.name,
                status="quarantined" if staged.unreadable else "loaded",
                sha256=file.sha256,
                bytes=file.bytes,
                records=staged.records,
                loaded=outcome.loaded,
                replaced=outcome.replaced,
                duplicates=outcome.duplicates,
                rejected=staged.rejected,
                suppressed=staged.suppressed,
                reasons=dict(staged.counts.reasons),
                problem=staged.unreadable,
            )
        )
