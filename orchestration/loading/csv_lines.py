"""Rows of CSV files in bounded memory, each with the line on which it begins."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator

from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.lines import MAX_LINE_BYTES
from orchestration.loading.secrets import is_doubtful


class CsvLines:
    """Lines of a file for the CSV reader, which asks for more inside quotes.

    Bytes that are no UTF-8 come through as surrogates, so that only their row fails.
    """

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content
        self._rest = b""
        self._pending: list[bytes] = []
        self._begun = 1
        self.is_doubtful = False  # whether a credential might have come by
        self._source = self._split()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._source)
        self._pending.append(line)
        return line.decode("utf-8", "surrogateescape")

    def taken(self) -> tuple[int, bytes]:
        """Number of the first line since the last call, and the trimmed bytes."""
        number, raw = self._begun, b"".join(self._pending)
        self._begun += len(self._pending)
        self._pending = []
        return number, raw.strip()

    def _split(self) -> Iterator[bytes]:
        rest, is_first = b"", True
        for block in self._content:
            if is_first:
                block, is_first = block.removeprefix(codecs.BOM_UTF8), False
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            self.is_doubtful = self.is_doubtful or is_doubtful(b"\n".join(lines))
            yield from (line + b"\n" for line in lines)
            if len(rest) > 64 * MAX_LINE_BYTES:
                raise UnreadableFileError("a line without end; this is no CSV")
        self.is_doubtful = self.is_doubtful or is_doubtful(rest)
        if rest:
            yield rest


def header_of(rows: Iterator[list[str]]) -> list[str] | None:
    """The first row of the CSV reader; None where there is no row at all."""
    for cells in cells_of(rows):
        if cells is None:
            raise UnreadableFileError("its first line is no header of a CSV file")
        return cells
    return None


def cells_of(rows: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """Rows of the CSV reader; None for one with a cell that is too long."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield None


def is_sound(cell: str) -> bool:
    """Whether a cell is UTF-8 without NUL."""
    if cell.isascii():
        return "\x00" not in cell
    return not any("\ud800" <= character <= "\udfff" for character in cell)
