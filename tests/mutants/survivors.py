"""Why some mutants may survive, in `survivors.toml`, which is checked.

An entry names mutants by file, by the line of SQL and by the change, with `*` for
anything; one that explains no survivor is out of date: the SQL has changed, or a test
has come that kills what it spoke of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.mutants.campaign import Mutant, Verdict

PAGE = Path(__file__).with_name("survivors.toml")
ALIVE = ("survived", "unseen")


@dataclass(frozen=True)
class Explanation:
    """Mutants that no unit test has to kill, and why."""

    file: str
    because: str
    line: str = "*"
    change: str = "*"

    def fits(self, mutant: Mutant) -> bool:
        """Whether it speaks of a mutant."""
        return all(
            _fits(pattern, text)
            for pattern, text in (
                (self.file, mutant.file),
                (self.line, mutant.change.text),
                (self.change, mutant.change.shown),
            )
        )

    def __str__(self) -> str:
        return f"{self.file}, line {self.line!r}, change {self.change!r}"


def _fits(pattern: str, text: str) -> bool:
    """As a shell would match, but brackets are brackets: SQL has many."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def explanations(page: Path = PAGE) -> list[Explanation]:
    """The entries of the file; raises TypeError for one with other fields."""
    entries = tomllib.loads(page.read_text(encoding="utf-8"))["survivor"]
    return [Explanation(**entry) for entry in entries]


def explained(verdict: Verdict, known: Iterable[Explanation]) -> bool:
    """Whether an entry says why a mutant survives."""
    return any(one.fits(verdict.mutant) for one in known)


def stale(
    known: Iterable[Explanation], verdicts: Sequence[Verdict], only: str = "*"
) -> list[Explanation]:
    """Entries that explain no survivor, among those about files that were tried."""
    alive = [one.mutant for one in verdicts if one.status in ALIVE]
    tried = {one.mutant.file for one in verdicts}
    return [
        one
        for one in known
        if not any(one.fits(mutant) for mutant in alive)
        and (only == "*" or any(_fits(one.file, file) for file in tried))
    ]
