"""Processes that are killed at a seeded moment, and what the next ordinary run makes.

A fifth are whole refreshes of a small project, the others publications beside readers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.campaigns.row import Progress, Row
from tests.orchestration import kills, readers
from tests.orchestration.tiny import make_tiny

FULL = 500


def run(number: int, seed: int, progress: Progress) -> Row:
    """Kills so many processes."""
    row = Row()
    refreshes = max(1, number // 5)
    with tempfile.TemporaryDirectory() as folder:
        row.add(_refreshes(Path(folder), refreshes, seed, progress))
        if number > refreshes:
            row.add(_publications(Path(folder), number - refreshes, seed, progress))
    return row


def _refreshes(folder: Path, number: int, seed: int, progress: Progress) -> Row:
    progress(f"{number} refreshes")
    tiny = make_tiny(folder / "tiny")
    found = kills.campaign(tiny, number, seed)
    row = Row(tried=found.kills, lost=found.begun - found.sessions)
    if found.is_published:
        row.survived = found.kills
    else:
        row.problems.append(found.output)
    return row


def _publications(folder: Path, number: int, seed: int, progress: Progress) -> Row:
    progress(f"{number} publications beside readers")
    found = readers.campaign(folder, number + number // 2 + 1, number, seed, readers=2)
    return Row(found.kills, found.kills, leaked=0, problems=found.problems)
