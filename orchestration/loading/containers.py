"""Bytes of a file as its name says they are packed: plain, gzip or zstd.

A file whose bytes disagree with its name is not guessed at: it is unreadable, and
the message says what to do. Sizes are capped, so that a small file cannot fill the
machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import PurePath

import zstandard

from orchestration.loading.faults import UnreadableFileError

BLOCK_BYTES = 1 << 20
MAX_FILE_BYTES = 8 << 30  # of one file's content, unpacked
MAX_RATIO = 500  # unpacked to packed; JSON logs reach about 30
RATIO_FREE_BYTES = 64 << 20  # below this a high ratio does no harm
MAX_ZSTD_WINDOW = 128 << 20  # what `zstd --ultra` needs at most without `--long`

_HEAD_BYTES = 4096
_ZSTD_BITE = 2048
_FOREIGN = (
    (b"\x1f\x8b", "gzip; name it .gz"),
    (b"\x28\xb5\x2f\xfd", "zstd; name it .zst"),
    (b"PAR1", "Parquet; name it .parquet"),
    (b"PK\x03\x04", "a ZIP archive (or a spreadsheet); unpack it"),
    (b"BZh", "bzip2; unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\x00", "xz; unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"\xff\xfe", "UTF-16 or UTF-32; write UTF-8"),
    (b"\xfe\xff", "UTF-16; write UTF-8"),
    (b"\x00\x00\xfe\xff", "UTF-32; write UTF-8"),
)


def container(name: str) -> str:
    """`gzip`, `zstd`, `parquet` or `plain`, by the last suffix of a name."""
    suffix = PurePath(name).suffix.lower()
    return {".gz": "gzip", ".zst": "zstd", ".parquet": "parquet"}.get(suffix, "plain")


def unpacked(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of a file in blocks, proven to be text of the promised kind."""
    kind = container(name)
    if kind == "gzip":
        content = _gunzip(blocks)
    elif kind == "zstd":
        content = _unzstd(blocks)
    else:
        content = blocks
    return _checked_text(content, packed=kind != "plain")


def _checked_text(content: Iterator[bytes], *, packed: bool) -> Iterator[bytes]:
    """The same blocks, after a look at the first bytes."""
    head, total = b"", 0
    waiting = True
    for block in content:
        total += len(block)
        if total > MAX_FILE_BYTES:
            raise UnreadableFileError(
                f"more than {MAX_FILE_BYTES:,} bytes unpacked; split the file"
            )
        if not waiting:
            yield block
            continue
        head += block
        if len(head) >= _HEAD_BYTES:
            _refuse_foreign(head, packed)
            waiting = False
            yield head
    if waiting and head:
        _refuse_foreign(head, packed)
        yield head


def _refuse_foreign(head: bytes, packed: bool) -> None:
    inside = "its content is " if packed else "this is "
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFileError(inside + what)
    sample = head[:_HEAD_BYTES]
    if sample.count(0) * 10 > len(sample):
        raise UnreadableFileError(inside + "full of NUL bytes (UTF-16?); write UTF-8")


def _gunzip(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip file; padding with NUL after the last is allowed."""
    gauge = _Gauge("gzip")
    member = zlib.decompressobj(wbits=31)
    members = 0
    for block in blocks:
        gauge.packed += len(block)
        while block:
            if member.eof:
                block = block.lstrip(b"\x00")
                if not block:
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                yield gauge.count(member.decompress(block, BLOCK_BYTES))
                while member.unconsumed_tail:
                    tail = member.unconsumed_tail
                    yield gauge.count(member.decompress(tail, BLOCK_BYTES))
            except zlib.error as error:
                raise UnreadableFileError(_gzip_problem(members, error)) from error
            members += member.eof
            block = member.unused_data if member.eof else b""
    if gauge.packed and not member.eof:
        raise UnreadableFileError(
            "the gzip data ends too early; land the whole file again"
        )


def _gzip_problem(members: int, error: Exception) -> str:
    if members:
        return f"there is something else after the gzip data ({error}); remove it"
    return f"named .gz but no sound gzip ({error}); name it for what it is, or re-pack"


def _unzstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """All frames of a zstd file, fed in bites so that no bite can expand to much."""
    gauge = _Gauge("zstd")
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    frame = decompressor.decompressobj()
    frames, is_open = 0, False
    for block in blocks:
        for start in range(0, len(block), _ZSTD_BITE):
            bite = block[start : start + _ZSTD_BITE]
            gauge.packed += len(bite)
            while bite:
                is_open = True
                try:
                    content = frame.decompress(bite)
                except zstandard.ZstdError as error:
                    raise UnreadableFileError(_zstd_problem(frames, error)) from error
                yield gauge.count(content)
                bite = b""
                if frame.eof:
                    bite = frame.unused_data
                    frame = decompressor.decompressobj()
                    frames, is_open = frames + 1, False
    if is_open:
        raise UnreadableFileError(
            "the zstd data ends too early; land the whole file again"
        )


def _zstd_problem(frames: int, error: Exception) -> str:
    if frames:
        return f"there is something else after the zstd data ({error}); remove it"
    return f"named .zst but no sound zstd ({error}); name it for what it is, or re-pack"


class _Gauge:
    """Counts both sides of a decompression and stops a bomb."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.packed = 0
        self.unpacked = 0

    def count(self, content: bytes) -> bytes:
        self.unpacked += len(content)
        allowed = max(RATIO_FREE_BYTES, self.packed * MAX_RATIO)
        if self.unpacked > allowed:
            raise UnreadableFileError(
                f"{self.kind} data that unpacks to more than {MAX_RATIO} times its "
                "size; land what is inside, in smaller files"
            )
        return content
