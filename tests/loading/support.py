"""A landing folder and a warehouse for one test. All records here are made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import FEEDS, LoadSettings, load_all
from orchestration.loading import load as loading
from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.files import LandedFile
from orchestration.loading.records import Context
from orchestration.loading.report import LoadReport
from orchestration.loading.staging import Spool, StagedFile, unreadable
from orchestration.loading.validation import validate

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SETTINGS = LoadSettings(hash_key=b"a key for tests")
TRACE = ("_file", "_line", "_load_id", "_loaded_at")

EVENT = {
    "event_id": "e1",
    "session_id": "s1",
    "timestamp": "2026-01-31T12:00:00Z",
    "action_type": "session_started",
}
TICKET = {
    "event_id": "t1",
    "ticket_id": "T1",
    "timestamp": "2026-01-31T12:00:00Z",
    "event_type": "created",
    "actor_type": "customer",
}
SURVEY = {
    "response_id": "r1",
    "survey_type": "ces",
    "ticket_id": "T1",
    "sent_at": "2026-01-31T12:00:00Z",
}
AUDIT = {
    "audit_id": "a1",
    "session_id": "s1",
    "audited_at": "2026-01-31T12:00:00Z",
    "auditor_id": "anna",
    "verdict": "compliant",
}
SAMPLES = {
    "agent_events": EVENT,
    "ticket_events": TICKET,
    "survey_responses": SURVEY,
    "compliance_audits": AUDIT,
}


class Here:
    """Validates in the process of the test, where a test can change how."""

    processes = 1

    def submit(
        self, feed: str, file: LandedFile, context: Context
    ) -> Future[StagedFile]:
        """The file as the validating processes would stage it."""
        future: Future[StagedFile] = Future()
        try:
            future.set_result(staged_here(feed, file, context))
        except Exception as problem:
            future.set_exception(problem)
        return future


def staged_here(feed: str, file: LandedFile, context: Context) -> StagedFile:
    """A file, staged in the process of the test."""
    clean, rejects = Spool(), Spool()
    try:
        counts = validate(feed, file, context, clean.fileno(), rejects.fileno())
    except UnreadableFileError as problem:
        return unreadable(FEEDS[feed], file, str(problem))
    return StagedFile.of(FEEDS[feed], file, counts, clean, rejects)


def validate_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has loads validate in the process of the test."""
    monkeypatch.setattr(loading, "shared", lambda _: Here())


class Landing:
    """Files to land, and a warehouse in memory to load them into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.connection = duckdb.connect(":memory:")
        self.loads = 0

    def put(self, name: str, content: bytes | str | Iterable[object]) -> Path:
        """Lands bytes, text, or records as lines (gzip'ed if so named)."""
        if not isinstance(content, bytes | str):
            lines = (it if isinstance(it, str) else json.dumps(it) for it in content)
            content = "".join(f"{line}\n" for line in lines)
            if name.endswith(".gz"):
                content = gzip.compress(content.encode(), mtime=0)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(
        self,
        settings: LoadSettings = SETTINGS,
        *,
        now: datetime = NOW,
        replay: bool = False,
        feeds: Iterable[str] = FEEDS,
    ) -> LoadReport:
        """Loads feeds and proves that no record is lost on the way."""
        self.loads += 1
        report = load_all(
            self.root,
            self.connection,
            settings,
            f"load-{self.loads}",
            now,
            feeds=list(feeds),
            replay=replay,
        )
        self.prove_that_nothing_is_lost(feeds)
        return report

    def rows(self, query: str, *parameters: object) -> list[dict[str, object]]:
        """Rows of a query, by column name."""
        cursor = self.connection.execute(query, parameters or None)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def content(self, feed: str) -> list[tuple[object, ...]]:
        """A raw table without what says where its rows came from, sorted."""
        rows = self.rows(f"select * exclude ({', '.join(TRACE)}) from raw.{feed}")
        return sorted((tuple(row.values()) for row in rows), key=repr)

    def reasons(self) -> list[str]:
        """Reasons of all rejections, file by file and line by line."""
        rows = self.rows(
            "select reason from raw.rejected_records order by path, line_number"
        )
        return [row["reason"] for row in rows]

    def prove_that_nothing_is_lost(self, feeds: Iterable[str] = FEEDS) -> None:
        """The identities that must hold after every load."""
        broken = self.rows(
            "select * from raw.load_history "
            "where records != loaded + duplicates + rejected"
        )
        assert not broken
        for feed in feeds:
            (total,) = self.rows(
                "select coalesce(sum(loaded) - sum(replaced), 0) as expected, "
                f"(select count(*) from raw.{feed}) as held, "
                "coalesce(sum(rejected), 0) as rejected, "
                "(select count(*) from raw.rejected_records where feed = $1) as kept "
                "from raw.load_history where feed = $1",
                feed,
            )
            assert total["expected"] == total["held"], feed
            assert total["rejected"] == total["kept"], feed
