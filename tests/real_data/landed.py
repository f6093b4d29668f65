"""The real data beside the checkout, put where a landing folder has it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

from orchestration.loading import audits

AS_OF = "2026-07-01T00:00:00+00:00"
JUDGED = "azure-gpt-4o__airline__judged.json.gz"  # the runs that the judges judge
JUDGED_AT = "2026-06-01T00:00:00Z"


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


def land_audits(root: Path, shared_data: Path) -> None:
    """Lands what judges and people said of runs, as the converter writes it."""
    folder = root / "landing" / "compliance_audits"
    folder.mkdir(parents=True)
    judges = (shared_data / "tau2_judges").glob("*.json.gz")
    people = shared_data / "human_audits" / "agentrx_tau_ground_truth.json.gz"
    for path, system in [*((path, "tau2") for path in judges), (people, "agentrx")]:
        written = io.StringIO()
        with redirect_stdout(written):
            command = ["--audited-at", JUDGED_AT, "--source-system", system]
            assert audits.main([str(path), *command]) == 0
        (folder / f"{path.name}.jsonl").write_text(written.getvalue(), "utf-8")
