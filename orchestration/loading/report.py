"""What a load did, for people, asset metadata and checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["loaded", "quarantined", "known", "skipped"]


@dataclass(frozen=True)
class FileReport:
    """One file: `quarantined` is unreadable as a whole, `skipped` is not in history.

    `known` files were loaded before, by their content. `problem` says what to do
    about a file that is quarantined or was skipped.
    """

    path: str
    status: Status
    sha256: str | None = None
    bytes: int = 0
    records: int = 0
    loaded: int = 0
    replaced: int = 0
    duplicates: int = 0
    rejected: int = 0
    suppressed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    problem: str | None = None


@dataclass
class FeedReport:
    """All files of a feed in one load."""

    feed: str
    files: list[FileReport] = field(default_factory=list)
    seconds: float = 0.0

    def _of(self, status: Status) -> list[FileReport]:
        return [file for file in self.files if file.status == status]

    @property
    def new_files(self) -> list[FileReport]:
        """Files that got a history row in this load."""
        return self._of("loaded") + self._of("quarantined")

    @property
    def quarantined(self) -> list[FileReport]:
        """Files that could not be read at all."""
        return self._of("quarantined")

    @property
    def skipped(self) -> list[FileReport]:
        """Files that vanished, changed or could not be opened: the next load's."""
        return self._of("skipped")

    @property
    def known(self) -> int:
        """Files whose content was loaded before."""
        return len(self._of("known"))

    @property
    def records(self) -> int:
        """Records read: loaded + duplicates + rejected."""
        return sum(file.records for file in self.files)

    @property
    def loaded(self) -> int:
        """Rows inserted."""
        return sum(file.loaded for file in self.files)

    @property
    def replaced(self) -> int:
        """Older rows that these files' records superseded."""
        return sum(file.replaced for file in self.files)

    @property
    def duplicates(self) -> int:
        """Records that were dropped for one that is as good or better."""
        return sum(file.duplicates for file in self.files)

    @property
    def rejected(self) -> int:
        """Records turned away."""
        return sum(file.rejected for file in self.files)

    @property
    def suppressed(self) -> int:
        """Lines left out, since their customer is to be forgotten; no records."""
        return sum(file.suppressed for file in self.files)

    @property
    def reasons(self) -> Counter[str]:
        """Rejections by reason."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.reasons)
        return total


@dataclass
class LoadReport:
    """All feeds of one load."""

    load_id: str
    feeds: dict[str, FeedReport] = field(default_factory=dict)

    @property
    def quarantined(self) -> list[FileReport]:
        """Unreadable files of all feeds."""
        return [file for feed in self.feeds.values() for file in feed.quarantined]

    @property
    def skipped(self) -> list[FileReport]:
        """Files of all feeds that are left to the next load."""
        return [file for feed in self.feeds.values() for file in feed.skipped]

    @property
    def records(self) -> int:
        """Records read in all feeds."""
        return sum(feed.records for feed in self.feeds.values())

    @property
    def loaded(self) -> int:
        """Rows inserted in all feeds."""
        return sum(feed.loaded for feed in self.feeds.values())

    @property
    def rejected(self) -> int:
        """Records turned away in all feeds."""
        return sum(feed.rejected for feed in self.feeds.values())


def summary(report: LoadReport) -> str:
    """The report as text: counts per feed, then what needs somebody's eye."""
    lines = [_HEADINGS, *(_counts(feed) for feed in report.feeds.values())]
    for feed in report.feeds.values():
        lines += _complaints(feed)
    return "\n".join(lines)


_WIDTHS = (9, 9, 9, 10, 9, 9)
_HEADINGS = f"{'feed':<22}" + "".join(
    f"{heading:>{width}}"
    for heading, width in zip(
        ("files", "records", "loaded", "duplicate", "replaced", "rejected"),
        _WIDTHS,
        strict=True,
    )
)


def _counts(feed: FeedReport) -> str:
    numbers = (
        len(feed.new_files),
        feed.records,
        feed.loaded,
        feed.duplicates,
        feed.replaced,
        feed.rejected,
    )
    cells = (f"{n:>{width},}" for n, width in zip(numbers, _WIDTHS, strict=True))
    known = f"  ({feed.known:,} known)" if feed.known else ""
    return f"{feed.feed:<22}" + "".join(cells) + known


def _complaints(feed: FeedReport) -> Iterator[str]:
    for reason, count in sorted(feed.reasons.items()):
        yield f"{feed.feed}: {count:,} rejected as {reason}"
    if feed.suppressed:
        yield f"{feed.feed}: {feed.suppressed:,} left out: their customer is forgotten"
    for file in feed.quarantined:
        yield f"quarantined: {file.path!r}: {file.problem}"
    for file in feed.skipped:
        yield f"left for the next load: {file.path!r}: {file.problem}"
