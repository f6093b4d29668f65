"""The made-up sample: traffic to look at before one's own logs land.

It says that it is made up wherever it shows: beside the landed files, in the
warehouse's home, in every publication and in the report.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration import project
from orchestration.loading import FEEDS
from orchestration.loading.files import walk_feed

NOTE = """\
Made-up support traffic, written by `python -m simulator`: no real customer, agent or
company is in it. Land your own files in another folder and name it in ACSR_LANDING.
"""


def has_landed() -> bool:
    """Whether any feed has a finished file."""
    return any(walk_feed(project.landing(), feed) for feed in FEEDS)


def is_landed() -> bool:
    """Whether the landing root holds the sample."""
    return _landing_note().exists()


def is_loaded() -> bool:
    """Whether the sample has ever been loaded into the warehouse of this home."""
    return _home_note().exists()


def refuse_a_mixture() -> None:
    """Raises where made-up and real records would meet in one warehouse."""
    if is_landed() and not is_loaded():
        if _holds_records():
            raise _mixture("has records of its own and", "holds the made-up sample")
        project.home().mkdir(parents=True, exist_ok=True)
        _home_note().write_text(NOTE, encoding="utf-8")
    elif is_loaded() and not is_landed():
        raise _mixture("holds the made-up sample and", "does not")


def _mixture(warehouse_state: str, landing_state: str) -> project.ProjectError:
    return project.ProjectError(
        f"{project.warehouse()} {warehouse_state} {project.landing()} {landing_state}: "
        "the two would mix. Set ACSR_HOME to another folder, or remove "
        f"{project.home()} and what was computed with it"
    )


def _holds_records() -> bool:
    if not project.warehouse().exists():
        return False
    with duckdb.connect(str(project.warehouse()), read_only=True) as connection:
        history = connection.table("raw.load_history")
        return history.count("*").fetchone()[0] > 0


def make(days: int, cases_per_day: int, seed: int, until: datetime) -> None:
    """Writes the sample into the landing root, and the truth behind it apart."""
    draft = project.landing() / ".sample.tmp"
    truth = project.sample_truth()
    for folder in (draft, truth):
        shutil.rmtree(folder, ignore_errors=True)
    draft.mkdir(parents=True)
    numbers = {"--days": days, "--cases-per-day": cases_per_day, "--seed": seed}
    subprocess.run(
        [
            *(sys.executable, "-m", "simulator"),
            *(str(it) for pair in numbers.items() for it in pair),
            *("--out", str(draft), "--truth", str(truth)),
            *("--until", until.date().isoformat()),
        ],
        cwd=project.ROOT,
        check=True,
    )
    _landing_note().write_text(NOTE, encoding="utf-8")
    for folder in sorted(draft.iterdir()):
        _move(folder, project.landing() / folder.name)
    shutil.rmtree(draft)


def _move(folder: Path, target: Path) -> None:
    if target.is_dir():
        target.rmdir()  # no feed has a file, so only an empty one can be in the way
    folder.replace(target)


def _landing_note() -> Path:
    return project.landing() / "_made_up_sample.txt"


def _home_note() -> Path:
    return project.home() / "made_up_sample.txt"
