"""The raw tables, whatever engine holds them, and the seam that every engine fills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestration.loading.containers import container
from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.files import LandedFile
from orchestration.loading.landings import Listed
from orchestration.loading.secrets import MASK
from orchestration.loading.staging import StagedFile

if TYPE_CHECKING:
    from orchestration.loading.erasure import Erasure

CLOCK_SKEW = timedelta(seconds=5)  # between a bucket's clock and the loader's

Columns = tuple[tuple[str, str], ...]

TRACE: Columns = (
    ("_file", "varchar"),
    ("_line", "bigint"),
    ("_line_sha256", "varchar"),
    ("_load_id", "varchar"),
    ("_loaded_at", "timestamp"),
)
HISTORY: Columns = (
    ("feed", "varchar"),
    ("path", "varchar"),
    ("content_sha256", "varchar"),
    ("bytes", "bigint"),
    ("records", "bigint"),
    ("loaded", "bigint"),
    ("replaced", "bigint"),
    ("duplicates", "bigint"),
    ("rejected", "bigint"),
    ("first_timestamp", "timestamp"),
    ("last_timestamp", "timestamp"),
    ("load_id", "varchar"),
    ("started_at", "timestamp"),
    ("finished_at", "timestamp"),
)
REJECTED: Columns = (
    ("feed", "varchar"),
    ("path", "varchar"),
    ("line_number", "bigint"),
    ("reason", "varchar"),
    ("detail", "varchar"),
    ("text", "varchar"),
    ("load_id", "varchar"),
    ("rejected_at", "timestamp"),
)

SUPPRESSED: Columns = (("hash", "varchar"), ("suppressed_at", "timestamp"))
FORGOTTEN: Columns = (
    ("kind", "varchar"),
    ("system", "varchar"),
    ("id", "varchar"),
    ("load_id", "varchar"),
)

# what became of a rejected record: `read_from` is the line that mended it, or its own
REJECT_OUTCOMES: Columns = (
    ("feed", "varchar"),
    ("path", "varchar"),
    ("line_number", "bigint"),
    ("reason", "varchar"),
    ("rejected_by", "varchar"),
    ("outcome", "varchar"),
    ("outcome_reason", "varchar"),
    ("read_from", "varchar"),
    ("load_id", "varchar"),
    ("decided_at", "timestamp"),
)


def raw_tables() -> dict[str, Columns]:
    """Every table of the raw schema and its columns, in the types of DuckDB."""
    return {
        **{feed.table: (*feed.columns, *TRACE) for feed in FEEDS.values()},
        "raw.load_history": HISTORY,
        "raw.rejected_records": REJECTED,
        "raw.reject_outcomes": REJECT_OUTCOMES,
        "raw.suppressed": SUPPRESSED,
        "raw.forgotten": FORGOTTEN,
    }


@dataclass(frozen=True)
class Load:
    """What a load stamps on all that it writes."""

    load_id: str
    loaded_at: datetime  # UTC, without zone


@dataclass
class Outcome:
    """What became of a file's clean records."""

    loaded: int = 0
    replaced: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Earlier:
    """What an earlier load made of a file that is now replayed."""

    path: str
    load_id: str
    loaded: int
    replaced: int

    def together(self, outcome: Outcome, clean: int) -> Outcome:
        """What both loads made of the file, whose clean records there are now."""
        loaded = self.loaded + outcome.loaded
        return Outcome(
            loaded=loaded,
            replaced=self.replaced + outcome.replaced,
            duplicates=max(0, clean - loaded),
        )


@dataclass(frozen=True)
class Stamp:
    """The content that a path had when its last load began (UTC, without zone)."""

    sha256: str
    bytes: int
    started_at: datetime


@dataclass
class Known:
    """What a feed has loaded, by content.

    A content is read again under another kind of name if it was unreadable under
    the first: to rename such a file is how it is mended.
    """

    contents: set[str] = field(default_factory=set)
    unreadable: dict[str, Earlier] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)

    def unchanged(self, listed: Listed) -> str | None:
        """The content of a listed file that was not written since it was read."""
        stamp = self.stamps.get(listed.name)
        if MASK in listed.name:  # two files may have been called so
            return None
        if listed.modified is None or stamp is None or listed.bytes != stamp.bytes:
            return None
        written = listed.modified.astimezone(UTC).replace(tzinfo=None)
        if written + CLOCK_SKEW > stamp.started_at:
            return None
        return stamp.sha256 if stamp.sha256 in self.contents else None

    def has(self, file: LandedFile) -> bool:
        """Whether there is nothing new in a file."""
        return file.sha256 in self.contents and self.mended(file) is None

    def mended(self, file: LandedFile) -> Earlier | None:
        """What became of a content under the name that it had no right to."""
        earlier = self.unreadable.get(file.sha256)
        if earlier is None or container(earlier.path) == container(file.name):
            return None
        return earlier


def known_from(rows: Iterable[Sequence[object]]) -> Known:
    """What history rows say, the latest last.

    A row: content, path, load id, loaded, replaced, bytes, start, is unreadable.
    """
    known = Known()
    for sha256, path, load_id, loaded, replaced, size, started_at, unreadable in rows:
        known.contents.add(sha256)
        known.stamps[path] = Stamp(sha256, size, started_at)
        if unreadable:
            known.unreadable[sha256] = Earlier(path, load_id, loaded, replaced)
    return known


@dataclass(frozen=True)
class Waiting:
    """A validated file that waits to be committed.

    `earlier` is what an earlier load made of it, where it is replayed or mended.
    """

    staged: StagedFile
    started_at: datetime
    earlier: Earlier | None = None


@runtime_checkable
class RawStore(Protocol):
    """The raw tables of one engine, on a connection that its maker closes.

    `batch_files` and `batch_rows` bound what one `commit` is given; a file of more
    than one chunk comes alone.
    """

    batch_files: int
    batch_rows: int

    def create_raw_tables(self) -> None:
        """Creates whatever is absent, so that dbt always finds its sources."""

    def find_known(self, feed: str) -> Known:
        """The contents that a feed's history holds; none where nothing ever loaded."""

    def replayable(self, feed: str) -> dict[str, Earlier]:
        """Files with rejected records, by content: what a replay reads again."""

    def suppressed(self) -> set[str]:
        """Hashes of those whose records are kept out."""

    def forget_built(self) -> None:
        """Empties `raw.forgotten` of what the marts are built without by now."""

    def erase(self, asked: Erasure) -> dict[str, int]:
        """Removes what there is of some people, and keeps it out; rows by feed."""

    def commit(self, feed: Feed, batch: Sequence[Waiting], load: Load) -> list[Outcome]:
        """Rows, rejections and history rows of some files, each all or nothing.

        The outcomes stand in the order of the batch. A replay takes the place of
        what it was earlier: rows that are in the table stay counted as loaded, and
        only what was rejected is new.
        """
