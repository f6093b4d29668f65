"""Lines of a file in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE_BYTES = 1 << 20  # without its newline; a longer line is `oversize`
KEPT_OF_OVERSIZE = 4096

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


def trim(line: bytes) -> bytes:
    """A line as it is hashed and read; an `Oversize` one if it is too long."""
    if len(line) > MAX_LINE_BYTES:
        body = line[:-1] if line.endswith(b"\r") else line
        if len(body) > MAX_LINE_BYTES:
            return Oversize(body[:KEPT_OF_OVERSIZE])
    return line.strip(_SPACE).removeprefix(_BOM).lstrip(_SPACE)
