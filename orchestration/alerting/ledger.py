"""The ledger of messages: what was found, what was sent, and what may have been.

A SQLite file beside the warehouse, on Snowflake too: it belongs to the sender, must
take many writers and every kill, and is needed most when the warehouse does not answer.

Findings and their message are written in one transaction, before anything is sent: a
kill leaves both or neither. A message is marked as attempted before it is sent and as
sent after it is acknowledged. If the process dies between the two, nobody can know
whether the message arrived; it is then sent again, marked as a possible repeat, under
the same id. So every message is sent at least once, and a receiver that knows ids
(`Idempotency-Key`) sees it exactly once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from orchestration.alerting.findings import SEVERITIES, Evidence, Finding

# refused: the receiver said no; unreachable: it was never asked; unknown: it may know
Answer = Literal["delivered", "refused", "unreachable", "unknown"]
Send = Callable[[dict[str, Any]], tuple[Answer, str]]
MARTS = "marts"  # whose findings are rows; others are found by a job
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
NOTED_AGAIN = timedelta(days=1)
REMEMBERED = timedelta(days=400)
SHOWN = 20

_TABLES = """
create table if not exists findings (
    key text not null,
    severity integer not null,
    found_by text not null,
    title text not null,
    subject text not null,
    owner text not null,
    lasts integer not null,
    is_over_told integer not null,
    times integer not null,
    is_open integer not null,
    seen_at text not null,
    primary key (key)
);
create table if not exists messages (
    message_id text not null primary key,
    body text not null,
    state text not null check (state in ('waiting', 'attempted', 'sent')),
    attempts integer not null,
    created_at text not null,
    due_at text not null,
    sent_at text,
    problem text
);
"""


@dataclass(frozen=True)
class Delivered:
    """What a round of sending did; `problem` says what keeps the rest waiting."""

    sent: int
    waiting: int
    problem: str | None


class Ledger:
    """The ledger in one file. `now` is the time of every row that a call writes."""

    def __init__(self, path: Path, now: datetime | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._now = (now or datetime.now(UTC)).astimezone(UTC)

    def note_marts(self, findings: Iterable[Finding]) -> int:
        """Writes down what the marts list now; returns how many messages that makes."""
        found = list(findings)
        with self._writing() as rows:
            gone = self._gone(rows, MARTS, {it.key for it in found})
            return self._note(rows, found, MARTS, gone)

    def note_run(self, evidence: Evidence) -> int:
        """Writes down what a run found, likewise."""
        found = {it.key for it in evidence.findings}
        with self._writing() as rows:
            gone = self._open(rows, "key", evidence.sound - found)
            if evidence.is_whole:  # which also shows that runs come to their end
                gone |= self._gone(rows, evidence.job, found)
                gone |= self._open(rows, "substr(key, 1, 4)", {"run "})
            return self._note(rows, evidence.findings, evidence.job, gone)

    def deliver(self, send: Send) -> Delivered:
        """Sends what is due, one sender at a time.

        An address that does not answer is asked once, not once a message.
        """
        sent = 0
        with self._sending():
            for message_id, body in self._due():
                answer = self._send(message_id, body, send)
                sent += answer == "delivered"
                if answer in ("unreachable", "unknown"):
                    break
        return Delivered(sent, *self._waiting())

    def _send(self, message_id: str, body: dict[str, Any], send: Send) -> Answer:
        with self._writing() as rows:
            state, attempts = rows.execute(
                "select state, attempts from messages where message_id = ?",
                [message_id],
            ).fetchone()
            rows.execute(
                "update messages set state = 'attempted', attempts = attempts + 1 "
                "where message_id = ?",
                [message_id],
            )
        may_repeat = state == "attempted"
        answer, problem = send({**body, "may_be_repeated": may_repeat})
        if answer == "delivered":
            after = ("sent", self._now, self._now, None)
        else:
            # what may have arrived before may have arrived still
            is_known = answer != "unknown" and not may_repeat
            pause = min(FIRST_PAUSE * 2 ** min(attempts, 10), LONGEST_PAUSE)
            state = "waiting" if is_known else "attempted"
            after = (state, self._now + pause, None, problem)
        state, due_at, sent_at, told = after
        with self._writing() as rows:
            rows.execute(
                "update messages set state = ?, due_at = ?, sent_at = ?, problem = ? "
                "where message_id = ?",
                [state, _text(due_at), sent_at and _text(sent_at), told, message_id],
            )
        return answer

    def _due(self) -> list[tuple[str, dict[str, Any]]]:
        with self._writing() as rows:
            found = rows.execute(
                "select message_id, body from messages "
                "where state != 'sent' and due_at <= ? order by created_at, rowid",
                [_text(self._now)],
            ).fetchall()
        return [(message_id, json.loads(body)) for message_id, body in found]

    def _waiting(self) -> tuple[int, str | None]:
        with self._writing() as rows:
            return rows.execute(
                "select count(*), max(problem) from messages where state != 'sent'"
            ).fetchone()

    def _gone(
        self, rows: sqlite3.Connection, found_by: str, found: set[str]
    ) -> set[str]:
        """What was found before in the same way, lasts, and is not found now.

        A night runs all that a refresh runs, and more.
        """
        by = "found_by in (?, 'refresh')" if found_by == "nightly" else "found_by = ?"
        known = rows.execute(
            f"select key from findings where is_open and lasts and {by}", [found_by]
        )
        return {key for (key,) in known} - found

    def _open(
        self, rows: sqlite3.Connection, column: str, wanted: Iterable[str]
    ) -> set[str]:
        """Keys of what lasts and is not over, where a column has one of some values."""
        known = rows.execute(
            f"select key, {column} from findings where is_open and lasts"
        ).fetchall()
        return {key for key, value in known if value in set(wanted)}

    def _note(
        self,
        rows: sqlite3.Connection,
        findings: Iterable[Finding],
        found_by: str,
        gone: set[str],
    ) -> int:
        new = [it for it in findings if self._is_new(rows, it, found_by)]
        made = [self._message(rows, "open", group) for group in _by_cause(new)]
        over = self._close(rows, gone)
        made += [self._message(rows, "over", [it]) for it in over]
        rows.execute(
            "delete from findings where seen_at < ?",
            [_text(self._now - REMEMBERED)],
        )
        rows.execute(
            "delete from messages where state = 'sent' and created_at < ?",
            [_text(self._now - REMEMBERED)],
        )
        return len(made)

    def _is_new(
        self, rows: sqlite3.Connection, finding: Finding, found_by: str
    ) -> bool:
        """Whether it is told: not yet known, worse than told, or back again."""
        severity = SEVERITIES.index(finding.severity)
        known = rows.execute(
            "select severity, is_open, found_by, seen_at from findings where key = ?",
            [finding.key],
        ).fetchone()
        is_back = known is not None and not known[1]
        is_new = known is None or is_back or severity > known[0]
        if (
            not is_new
            and known[2] == found_by
            and known[3] > _text(self._now - NOTED_AGAIN)
        ):
            return False  # a quiet round writes nothing
        kept = severity if known is None or is_back else max(severity, known[0])
        rows.execute(
            "insert into findings values (?, ?, ?, ?, ?, ?, ?, ?, 1, 1, ?) "
            "on conflict (key) do update set severity = excluded.severity, "
            "found_by = excluded.found_by, title = excluded.title, "
            "subject = excluded.subject, is_open = 1, "
            "seen_at = excluded.seen_at, times = times + ?",
            [
                finding.key,
                kept,
                found_by,
                finding.title,
                finding.subject,
                finding.owner,
                finding.lasts,
                finding.is_over_told,
                _text(self._now),
                is_new,
            ],
        )
        return is_new

    def _close(
        self, rows: sqlite3.Connection, gone: set[str]
    ) -> list[tuple[str, str, str, str]]:
        """Ends what is over; returns key, title, subject and owner of what is told."""
        told = []
        for key in sorted(gone):
            rows.execute(
                "update findings set is_open = 0, seen_at = ? where key = ?",
                [_text(self._now), key],
            )
            told += rows.execute(
                "select key, title, subject, owner from findings "
                "where key = ? and is_over_told",
                [key],
            )
        return told

    def _message(self, rows: sqlite3.Connection, state: str, group: list[Any]) -> str:
        """Writes a message down, under an id made of what it tells and how often."""
        keys = [it.key if isinstance(it, Finding) else it[0] for it in group]
        times = [
            rows.execute(
                "select times, severity from findings where key = ?", [key]
            ).fetchone()
            for key in keys
        ]
        identity = json.dumps([state, sorted(zip(keys, times, strict=True))])
        message_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
        body = _body(state, group, message_id)
        rows.execute(
            "insert into messages values (?, ?, 'waiting', 0, ?, ?, null, null) "
            "on conflict (message_id) do nothing",
            [message_id, json.dumps(body), _text(self._now), _text(self._now)],
        )
        return message_id

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; on the disk when it ends."""
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.isolation_level = None
            connection.execute("pragma synchronous = full")
            connection.execute("begin immediate")
            try:
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """One sender at a time: an attempt that is not settled is of a dead one."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _by_cause(findings: list[Finding]) -> Iterator[list[Finding]]:
    ordered = sorted(findings, key=lambda it: it.cause)
    for _, group in groupby(ordered, key=lambda it: it.cause):
        yield list(group)


def _body(state: str, group: list[Any], message_id: str) -> dict[str, Any]:
    if state == "over":
        ((key, title, subject, owner),) = group
        return {
            "id": message_id,
            "state": state,
            "severity": "notice",
            "title": f"Over: {title}",
            "owner": owner,
            "what_to_do": "Nothing",
            "count": 1,
            "findings": [{"key": key, "subject": subject}],
        }
    first = group[0]
    worst = max(group, key=lambda it: SEVERITIES.index(it.severity))
    shown = ("key", "subject", "severity", "value", "limit", "n", "said", "cases")
    return {
        "id": message_id,
        "state": state,
        "severity": worst.severity,
        "title": first.title,
        "owner": first.owner,
        "what_to_do": first.what_to_do,
        "count": len(group),
        "findings": [
            {name: value for name, value in asdict(it).items() if name in shown}
            for it in group[:SHOWN]
        ],
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
