"""Where files land: a folder, or a bucket that is read by its address.

A bucket's files are listed and fetched one by one into a file without a name, which is
hashed and validated like any other. Credentials are those that the cloud's own tools
find in the environment.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from orchestration import project
from orchestration.loading.file_hashes import FileHashes
from orchestration.loading.files import (
    BLOCK_BYTES,
    STILL_WRITTEN,
    LandedFile,
    examine,
    shown_name,
    walk_feed,
)
from orchestration.loading.secrets import doubtful, mask_name


class LandingError(project.ProjectError):
    """A landing root that cannot be read; the message says which and why."""


@dataclass(frozen=True)
class Listed:
    """A finished file as a listing shows it.

    A bucket says of each object how large it is and when it was last written (with
    zone), so that what was read before need not be fetched again.
    """

    name: str  # relative to the landing root, for people and tables
    place: Path | str
    bytes: int | None = None
    modified: datetime | None = None


class Landing(Protocol):
    """A landing root: what there is of a feed, and each file's bytes."""

    def walk(self, feed: str) -> list[Listed]:
        """All finished files of a feed, by name."""

    def fetched(self, listed: Listed) -> AbstractContextManager[LandedFile]:
        """A file on this machine, hashed; raises OSError where it cannot be read."""


@dataclass(frozen=True)
class Folder:
    """A landing root on this machine; files that `hashes` knows are not read again."""

    root: Path
    hashes: FileHashes | None = None

    def walk(self, feed: str) -> list[Listed]:
        """All finished files of a feed, by name."""
        paths = walk_feed(self.root, feed)
        names = shown_names(
            [shown_name(os.fsencode(path.relative_to(self.root))) for path in paths]
        )
        return [Listed(name, path) for name, path in zip(names, paths, strict=True)]

    @contextmanager
    def fetched(self, listed: Listed) -> Iterator[LandedFile]:
        """A file where it lies, hashed."""
        yield examine(Path(listed.place), self.root, listed.name, self.hashes)


@dataclass(frozen=True)
class Bucket:
    """A landing root at an address such as `s3://bucket/prefix`."""

    address: str
    files: fs.FileSystem
    root: str

    def walk(self, feed: str) -> list[Listed]:
        """All finished files of a feed, by name.

        Left alone: what begins with `.` or `_`, `.tmp` and `.part`, as in a folder.
        """
        top = f"{self.root}/{feed}"
        try:
            found = self.files.get_file_info(
                fs.FileSelector(top, allow_not_found=True, recursive=True)
            )
        except (OSError, pa.ArrowException) as problem:
            raise LandingError(
                f"{self.address} cannot be listed ({problem}): check ACSR_LANDING and "
                "the credentials of the cloud's own tools"
            ) from problem
        listed = [
            Listed(
                shown_name(info.path[len(self.root) + 1 :].encode()),
                *(info.path, info.size, info.mtime),
            )
            for info in found
            if info.type == fs.FileType.File
            and _is_finished(info.path[len(top) + 1 :].split("/"))
        ]
        listed = sorted(listed, key=lambda entry: entry.name.encode())
        names = shown_names([entry.name for entry in listed])
        return [
            replace(entry, name=name) for entry, name in zip(listed, names, strict=True)
        ]

    @contextmanager
    def fetched(self, listed: Listed) -> Iterator[LandedFile]:
        """A copy of an object without a name, hashed as it came in; open meanwhile."""
        digest, size = hashlib.sha256(), 0
        with (
            tempfile.TemporaryFile() as copy,
            self.files.open_input_stream(str(listed.place), compression=None) as source,
        ):
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                size += copy.write(block)
            copy.flush()
            number = copy.fileno()
            yield LandedFile(number, listed.name, digest.hexdigest(), size, Path())


def shown_names(names: Sequence[str]) -> list[str]:
    """Names as they are stored and told: without credentials, and each once."""
    if not names:
        return []
    doubts = doubtful([name.encode() for name in names]).to_pylist()
    shown = [
        mask_name(name) if is_doubtful else name
        for name, is_doubtful in zip(names, doubts, strict=True)
    ]
    taken: set[str] = set()
    for place, name in enumerate(shown):
        number = 1
        while shown[place] in taken:
            number += 1
            folder, _, last = name.rpartition("/")
            shown[place] = f"{folder}/{number}-{last}"
        taken.add(shown[place])
    return shown


def _is_finished(parts: list[str]) -> bool:
    if any(part.startswith((".", "_")) for part in parts):
        return False
    return not parts[-1].lower().endswith(STILL_WRITTEN)


def open_landing(landing: Landing | Path | str) -> Landing:
    """The landing root that a path or an address names.

    A folder's address is a folder: a bucket's reader would follow links out of it.
    """
    if isinstance(landing, str) and landing.startswith("file://"):
        return Folder(Path(unquote(urlsplit(landing).path)))
    if isinstance(landing, str) and "://" in landing:
        return _open_bucket(landing)
    if isinstance(landing, Path | str):
        return Folder(Path(landing))
    return landing


@contextmanager
def remembering(landing: Landing | Path | str, hashes: Path) -> Iterator[Landing]:
    """The same, with the hashes of its files kept from one load to the next.

    `hashes` is the file that keeps them. A bucket says itself what was not written
    since.
    """
    opened = open_landing(landing)
    if not isinstance(opened, Folder):
        yield opened
        return
    with FileHashes(hashes) as kept:
        yield replace(opened, hashes=kept)


def _open_bucket(address: str) -> Bucket:
    shown = _without_secrets(address)
    try:
        files, root = fs.FileSystem.from_uri(address)
    except (OSError, ValueError, pa.ArrowException) as problem:
        text = str(problem).replace(address, shown)
        raise LandingError(
            f"{shown} cannot be opened ({text}): a landing root is a folder or an "
            "address such as s3://bucket/prefix, gs://bucket/prefix or "
            "abfss://container@account.dfs.core.windows.net/prefix"
        ) from None  # what it came from may show the whole address
    return Bucket(shown, files, root.rstrip("/"))


def _without_secrets(address: str) -> str:
    """An address as it may be shown: options after `?` and credentials stay out."""
    parts = urlsplit(address)
    host = parts.netloc
    if parts.password is not None:
        host = host.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")
