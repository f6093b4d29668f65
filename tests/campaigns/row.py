"""What a campaign came to: a row of the closing table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Progress = Callable[[str], None]


@dataclass
class Row:
    """What a campaign tried, and what came of it; `problems` say what went wrong.

    `lost`, `doubled` and `leaked` count records, figures or secrets.
    """

    tried: int = 0
    survived: int = 0
    lost: int = 0
    doubled: int = 0
    leaked: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether all that was tried was survived, without loss, double or leak."""
        broken = self.lost or self.doubled or self.leaked or self.problems
        return not broken and self.survived == self.tried

    def add(self, other: Row) -> None:
        """Takes in what a part of the campaign came to."""
        for name in ("tried", "survived", "lost", "doubled", "leaked"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems


HEADER = ("campaign", "tried", "survived", "lost", "doubled", "leaked", "seconds")


def table(rows: Sequence[tuple[str, Row, float]]) -> str:
    """The closing table in Markdown: for each campaign its name, row and seconds."""
    cells = [
        (
            name,
            *(f"{getattr(row, column):,}" for column in HEADER[1:-1]),
            f"{seconds:,.1f}",
        )
        for name, row, seconds in rows
    ]
    widths = [max(map(len, column)) for column in zip(HEADER, *cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        " | ".join(
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (HEADER, rule, *cells)
    ]
    return "\n".join(f"| {line} |" for line in aligned)
