"""The real data beside the checkout, put where a landing folder has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

AS_OF = "2026-07-01T00:00:00+00:00"


def land(root: Path, feed: str, files: Iterable[Path]) -> None:
    """Copies files below `root/landing/<feed>`."""
    folder = root / "landing" / feed
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def land_all(root: Path, shared_data: Path) -> Path:
    """Lands the 17 tau2 files and the incidents; returns the landing folder."""
    land(root, "tau2_runs", (shared_data / "tau2").glob("*.json.gz"))
    incidents = (shared_data / "tickets").glob("servicenow_incident*.csv.gz")
    land(root, "servicenow_incidents", incidents)
    return root / "landing"
