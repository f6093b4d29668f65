"""Files of a feed: which there are, and which of them are new by their content.

Nothing outside the landing root is opened, whatever its files are turned into while
they are listed and read: links are resolved first, and none is followed afterwards.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestration.loading.file_hashes import FileHashes

BLOCK_BYTES = 1 << 20
STILL_WRITTEN = (".tmp", ".part")

_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class LandedFile:
    """A file as it landed: where it is, what it holds, how large it is.

    `path` is an open descriptor where the file was handed over as one.
    """

    path: Path | int
    name: str  # relative to the landing root, for people and tables
    sha256: str
    bytes: int
    root: Path  # what is not below it is not read


class ChangedFileError(Exception):
    """A file whose bytes changed between two looks at it."""


def walk_feed(landing: Path, feed: str) -> list[Path]:
    """All finished regular files of a feed, sorted by their path below the root.

    Left alone: names that begin with `.` or `_` (files and folders below the feed's
    own), `.tmp` and `.part`, what is not a regular file, and links that lead out of
    the landing root. A folder that cannot be listed is in the list itself, so that
    reading it tells why.
    """
    root = landing.resolve()
    top = landing / feed
    if not top.is_dir() or not _is_within(top, root):
        return []
    found = list(_walk(top, root))
    return sorted(found, key=os.fsencode)


def _walk(top: Path, root: Path) -> Iterator[Path]:
    waiting = [(top, frozenset((top.resolve(),)))]
    while waiting:
        folder, seen = waiting.pop()
        try:
            folders, files = _listed(folder, root)
        except FileNotFoundError:
            continue
        except OSError:
            yield folder
            continue
        yield from files
        for inner in folders:
            real = inner.resolve()
            if real not in seen:  # a link back up would never end
                waiting.append((inner, seen | {real}))


def _listed(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """Folders and finished files of a folder, by the paths that lead to them."""
    folders, files = [], []
    descriptor = _open_below(folder, root, _FOLDER)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.startswith((".", "_")) or not _is_within(path, root):
                    continue
                if entry.is_dir():
                    folders.append(path)
                elif _is_finished_file(entry):
                    files.append(path)
    finally:
        os.close(descriptor)
    return folders, files


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


def examine(
    path: Path, landing: Path, name: str, hashes: FileHashes | None = None
) -> LandedFile:
    """Hash and size of a file; `name` is what people see of it.

    It is read in blocks, but for one that `hashes` knows from before.
    """
    digest, size = hashlib.sha256(), 0
    with open_landed(path, landing) as handle:
        before = os.fstat(handle.fileno())
        if hashes is not None and (known := hashes.find(before)):
            return LandedFile(path, name, known, before.st_size, landing)
        for block in read_blocks(handle):
            digest.update(block)
            size += len(block)
        if hashes is not None:
            hashes.remember(handle.fileno(), before, digest.hexdigest())
    return LandedFile(path, name, digest.hexdigest(), size, landing)


def shown_name(name: bytes) -> str:
    r"""A name as people and tables see it: no two names look the same.

    Letters that do not print, such as a line feed, are escaped as in `\x0a`, so that
    none can forge a line of a log; so are bytes that are no UTF-8. Where that happens,
    or could be taken to have happened, backslashes are doubled.
    """
    text = name.decode("utf-8", "surrogateescape")
    if text.isprintable() and not any(it in text for it in ("\\x", "\\u", "\\U")):
        return text
    return "".join(map(_shown_letter, text))


def _shown_letter(letter: str) -> str:
    code = ord(letter)
    if letter == "\\":
        return "\\\\"
    if letter.isprintable():
        return letter
    if 0xDC80 <= code <= 0xDCFF:  # as Python holds a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def open_landed(path: Path | int, root: Path) -> BinaryIO:
    """A regular file below a root, to be read; a pipe in its place blocks nothing.

    Raises OSError where it is none, or no more, or lies outside by way of a link. One
    that was handed over open is read from its start.
    """
    if isinstance(path, int):
        os.lseek(path, 0, os.SEEK_SET)
        return os.fdopen(os.dup(path), "rb")
    descriptor = _open_below(path, root, _FILE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a regular file any more")
    return os.fdopen(descriptor, "rb")


def _open_below(path: Path, root: Path, flags: int) -> int:
    """Opens what a path leads to, if that is below the root, step by step.

    Where the path leads is asked once. From then on each folder is opened within the
    one before and no link is followed: one that is put in the way is an error.
    """
    top = os.path.realpath(root, strict=True)
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_relative_to(top):
        raise OSError(f"{path} leads out of the landing root {root}")
    *folders, last = real.relative_to(top).parts or (".",)
    descriptor = os.open(top, _FOLDER)
    try:
        for name in folders:
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        return os.open(last, flags, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def read_blocks(handle: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, from where it stands."""
    while block := handle.read(BLOCK_BYTES):
        yield block


def unchanged_blocks(file: LandedFile) -> Iterator[bytes]:
    """The bytes that were hashed; another content raises `ChangedFileError` at the end.

    Since nothing is inserted before a file is read to its end, rows of other bytes
    than those of the history row never reach a table.
    """
    with open_landed(file.path, file.root) as handle:
        yield from unchanged(handle, file)


def unchanged(handle: BinaryIO, file: LandedFile) -> Iterator[bytes]:
    """The same of a file that is open already."""
    digest = hashlib.sha256()
    for block in read_blocks(handle):
        digest.update(block)
        yield block
    if digest.hexdigest() != file.sha256:
        raise ChangedFileError(f"{file.name} changed while it was read")
