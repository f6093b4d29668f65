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

from orchestration import project
from orchestration.engines import Warehouse, warehouse_name
from orchestration.loading import FEEDS, open_landing

LANDING_NOTE = "_made_up_sample.txt"
DRAFT = ".sample.tmp"
NOTE = """\
Made-up support traffic, written by `python -m simulator`: no real customer, agent or
company is in it. Land your own files in another folder and name it in ACSR_LANDING.
"""


def has_landed() -> bool:
    """Whether any feed has a finished file; half a sample is first made a whole one."""
    root = project.landing()
    if is_landed() and (root / DRAFT).is_dir():  # what made it was killed amid moving
        _land(root)
    landing = open_landing(root)
    return any(landing.walk(feed) for feed in FEEDS)


def is_landed() -> bool:
    """Whether the landing root holds the sample, which is never put into a bucket."""
    landing = project.landing()
    return isinstance(landing, Path) and (landing / LANDING_NOTE).exists()


def refuse_a_mixture(warehouse: Warehouse) -> None:
    """Raises where made-up and real records would meet in one warehouse."""
    if is_landed() and not warehouse.is_sample():
        if warehouse.has_records():
            raise _mixture("has records of its own and", "holds the made-up sample")
        warehouse.mark_as_sample(NOTE)
    elif warehouse.is_sample() and not is_landed():
        raise _mixture("holds the made-up sample and", "does not")


def _mixture(warehouse_state: str, landing_state: str) -> project.ProjectError:
    remedy = (
        "Set SNOWFLAKE_DATABASE to another database"
        if project.engine() == "snowflake"
        else f"Set ACSR_HOME to another folder, or remove {project.home()} and what "
        "was computed with it"
    )
    return project.ProjectError(
        f"{warehouse_name()} {warehouse_state} {project.shown_landing()} "
        f"{landing_state}: the two would mix. {remedy}"
    )


def make(days: int, cases_per_day: int, seed: int, until: datetime) -> None:
    """Writes the sample into the landing root, and the truth behind it apart."""
    landing = project.landing()
    if not isinstance(landing, Path):
        raise project.ProjectError(
            f"nothing has landed in {project.shown_landing()}, and the made-up sample "
            "is not put into a bucket: set ACSR_LANDING to a folder to see it"
        )
    draft = landing / DRAFT
    truth = project.sample_truth()
    (landing / LANDING_NOTE).unlink(missing_ok=True)
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
    (landing / LANDING_NOTE).write_text(NOTE, encoding="utf-8")  # the draft is whole
    _land(landing)


def _land(landing: Path) -> None:
    """Moves what is still in the draft, which goes then."""
    for folder in sorted((landing / DRAFT).iterdir()):
        _move(folder, landing / folder.name)
    shutil.rmtree(landing / DRAFT)


def _move(folder: Path, target: Path) -> None:
    if target.is_dir():
        target.rmdir()  # no feed has a file, so only an empty one can be in the way
    folder.replace(target)
