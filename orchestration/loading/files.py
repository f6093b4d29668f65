"""Files of a feed: which there are, and which of them are new by their content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 1 << 20
STILL_WRITTEN = (".tmp", ".part")


@dataclass(frozen=True)
class LandedFile:
    """A file as it landed: where it is, what it holds, how large it is."""

    path: Path
    name: str  # relative to the landing root, for people and tables
    sha256: str
    bytes: int


class ChangedFileError(Exception):
    """A file whose bytes changed between two looks at it."""


def walk_feed(landing: Path, feed: str) -> list[Path]:
    """All finished regular files of a feed, sorted by their path below the root.

    Left alone: names that begin with `.` or `_` (files and folders below the feed's
    own), `.tmp` and `.part`, what is not a regular file, and links that lead out of
    the landing root.
    """
    root = landing.resolve()
    folder = landing / feed
    if not folder.is_dir() or not _is_within(folder, root):
        return []
    found = list(_walk(folder, root, frozenset((folder.resolve(),))))
    return sorted(found, key=os.fsencode)


def _walk(folder: Path, root: Path, seen: frozenset[Path]) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith((".", "_")) or not _is_within(path, root):
            continue
        if entry.is_dir():
            real = path.resolve()
            if real not in seen:  # a link back up would never end
                yield from _walk(path, root, seen | {real})
        elif _is_finished_file(entry):
            yield path


def _is_finished_file(entry: os.DirEntry[str]) -> bool:
    if entry.name.lower().endswith(STILL_WRITTEN):
        return False
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False


def _is_within(path: Path, root: Path) -> bool:
    if not path.is_symlink():
        return True
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def examine(path: Path, name: str) -> LandedFile:
    """Hash and size of a file, read in blocks; `name` is what it is called."""
    digest, size = hashlib.sha256(), 0
    for block in read_blocks(path):
        digest.update(block)
        size += len(block)
    return LandedFile(path, name, digest.hexdigest(), size)


def shown_name(path: Path, landing: Path) -> str:
    """Path below the landing root; bytes that are no UTF-8 are shown escaped."""
    return os.fsencode(path.relative_to(landing)).decode("utf-8", "backslashreplace")


def read_blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a regular file; a pipe in its place must not block the load."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file any more")
        while block := handle.read(BLOCK_BYTES):
            yield block


def unchanged_blocks(file: LandedFile) -> Iterator[bytes]:
    """The bytes that were hashed; another content raises `ChangedFileError` at the end.

    Since nothing is inserted before a file is read to its end, rows of other bytes
    than those of the history row never reach a table.
    """
    digest = hashlib.sha256()
    for block in read_blocks(file.path):
        digest.update(block)
        yield block
    if digest.hexdigest() != file.sha256:
        raise ChangedFileError(f"{file.name} changed while it was read")
