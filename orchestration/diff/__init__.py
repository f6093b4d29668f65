"""`make diff BASE=…`: what a change does to the marts, as Markdown for a pull request.

Two revisions load and build the same landed files, as of the same moment, with the
packages of now; then their marts are compared.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

from orchestration import project
from orchestration.diff.builds import build_both, resolve
from orchestration.diff.page import render
from orchestration.diff.tables import compare, stated_grains

__all__ = ["compare", "render", "run"]

UNTIL = date(2026, 6, 1)
SAMPLE = {"--days": 30, "--cases-per-day": 100, "--seed": 1}


def run(base: str, landing: Path | None, page: Path) -> str:
    """Builds the revision `base` and the working tree, and writes how they differ.

    Both are built from `landing`, as of `ACSR_AS_OF` or now; without one from the
    made-up sample at its end. What was built stays beside the page until the next time.
    Returns the page; raises ProjectError where there is nothing to compare.
    """
    resolve(base)
    folder = page.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if landing is None:
        moment = datetime.combine(UNTIL, time(), UTC)
        landing, shown = _sample(folder), "the made-up sample"
    elif landing.is_dir():
        moment, shown = project.as_of(), str(landing)
    else:
        raise project.ProjectError(f"there is no landing folder {landing}")
    before, after = build_both(base, landing.absolute(), moment, folder)
    found = compare(before.warehouse, after.warehouse, stated_grains(after.manifest))
    text = render(before, after, found, f"{shown}, as of {moment:%Y-%m-%d %H:%M} UTC")
    page.write_text(text, encoding="utf-8")
    return text


def _sample(folder: Path) -> Path:
    landing = folder / "landing"
    numbers = [str(it) for pair in SAMPLE.items() for it in pair]
    subprocess.run(
        [
            *(sys.executable, "-m", "simulator", *numbers),
            *("--until", UNTIL.isoformat(), "--out", str(landing)),
        ],
        cwd=project.ROOT,
        check=True,
    )
    return landing
