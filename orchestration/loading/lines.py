"""Lines of a file in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE_BYTES = 1 << 20  # without its newline; a longer line is `oversize`
KEPT_OF_OVERSIZE = 4 * 4096  # more than is shown, so that what is masked is seen whole

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"


class Oversize(bytes):
    """The beginning of a line that was too long to be kept."""


def split_lines(content: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number and trimmed bytes of each line that is not blank.

    Lines end at a line feed alone. A byte order mark before a line is dropped, wherever
    files that had one were put together.
    """
    number = 0
    rest = b""
    skipping = False
    for block in content:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            if skipping:  # what ends here was reported when it grew too long
                skipping = False
                continue
            if trimmed := trim(line):
                yield number, trimmed
        if skipping:
            rest = b""
        elif len(rest) > MAX_LINE_BYTES + 1:
            yield number + 1, Oversize(rest[:KEPT_OF_OVERSIZE])
            rest, skipping = b"", True
    if not skipping and (trimmed := trim(rest)):
        yield number + 1, trimmed


class Block(NamedTuple):
    """Whole lines of a file, without the line feed after the last one."""

    first: int  # number of the first line
    content: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and trimmed bytes of each line that is not blank."""
        for number, line in enumerate(self.content.split(b"\n"), start=self.first):
            if trimmed := trim(line):
                yield number, trimmed


def split_blocks(content: Iterator[bytes], size: int) -> Iterator[Block]:
    """The same lines in blocks of about `size` bytes, in order.

    A line that is too long to be kept is a block of its own, cut to one byte more
    than a line may have.
    """
    first, rest, skipping = 1, b"", False
    for piece in _gathered(content, size):
        if skipping:
            _, end, piece = piece.partition(b"\n")
            if not end:
                continue
            first, skipping = first + 1, False
        whole, end, rest = (rest + piece).rpartition(b"\n")
        if end:
            yield Block(first, whole)
            first += whole.count(b"\n") + 1
        if len(rest) > MAX_LINE_BYTES + 1:
            yield Block(first, rest[: MAX_LINE_BYTES + 2])
            rest, skipping = b"", True
    if rest:
        yield Block(first, rest)


def _gathered(content: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Pieces of at least `size` bytes, but for the last."""
    pieces: list[bytes] = []
    held = 0
    for piece in content:
        pieces.append(piece)
        held += len(piece)
        if held >= size:
            yield b"".join(pieces)
            pieces, held = [], 0
    if pieces:
        yield b"".join(pieces)


def trim(line: bytes) -> bytes:
    """A line as it is hashed and read; an `Oversize` one if it is too long."""
    if len(line) > MAX_LINE_BYTES:
        body = line[:-1] if line.endswith(b"\r") else line
        if len(body) > MAX_LINE_BYTES:
            return Oversize(body[:KEPT_OF_OVERSIZE])
    return line.strip(_SPACE).removeprefix(_BOM).lstrip(_SPACE)
