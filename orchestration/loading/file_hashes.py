"""Hashes of files that were read before, so that a load reads what is new and no more.

A content is known by its hash, and to hash all that ever landed at each load would take
longer with every day. What the system itself says of a file tells whether it is still
the one that was hashed: device, inode, size, and when its content and its inode last
changed. The last of these no program can set back; a file that is written, replaced or
moved to another place in the list is another by one of them.

What is remembered is a help and no more: whatever is wrong with it, files are hashed.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from time import time_ns
from types import TracebackType

# Two changes within the grain of a file system's clock look like one.
SETTLED_NANOSECONDS = 2_000_000_000

_TABLE = """
    create table if not exists hashes (
        device integer, inode integer, bytes integer, modified integer,
        changed integer, sha256 text not null, primary key (device, inode)
    ) without rowid
"""

Stamp = tuple[int, int, int, int, int]


class FileHashes:
    """Hashes by file, in a small database of its own; for use by one thread.

    Times are in nanoseconds since 1970, as the system gives them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> FileHashes:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._opened()
        except (OSError, sqlite3.Error) as problem:
            self._go_without(problem)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def find(self, found: os.stat_result) -> str | None:
        """The hash of a file, if it is the one that was hashed."""
        return self._look_up(_stamp(found))

    def remember(self, handle: int, before: os.stat_result, sha256: str) -> None:
        """Keeps what a file hashed to, unless it changed meanwhile or just now."""
        found = os.fstat(handle)
        is_settled = time_ns() - found.st_ctime_ns >= SETTLED_NANOSECONDS
        if is_settled and _stamp(found) == _stamp(before):
            self._write(_stamp(found), sha256)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(_TABLE)
        return connection

    def _look_up(self, stamp: Stamp) -> str | None:
        if self._connection is None:
            return None
        try:
            found = self._connection.execute(
                "select sha256 from hashes where device = ? and inode = ? "
                "and bytes = ? and modified = ? and changed = ?",
                stamp,
            ).fetchone()
        except (OverflowError, sqlite3.Error) as problem:
            self._go_without(problem)
            return None
        return found[0] if found else None

    def _write(self, stamp: Stamp, sha256: str) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute(
                "insert or replace into hashes values (?, ?, ?, ?, ?, ?)",
                (*stamp, sha256),
            )
        except (OverflowError, sqlite3.Error) as problem:
            self._go_without(problem)

    def _go_without(self, problem: Exception) -> None:
        """Hashes every file from now on; what is no sound database begins anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # a lock or a full disk is an operational error, and passes
        is_broken = isinstance(problem, sqlite3.DatabaseError)
        if is_broken and not isinstance(problem, sqlite3.OperationalError):
            for path in self._path.parent.glob(f"{self._path.name}*"):
                path.unlink(missing_ok=True)


def _stamp(found: os.stat_result) -> Stamp:
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )
