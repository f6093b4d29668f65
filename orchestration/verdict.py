"""The last build's verdict: which run built the marts and found them sound.

Runs take turns on the warehouse step by step, so another run may rebuild the marts,
and find them wrong, between this run's tests and its publication. A publication asks
here whether the marts are still those that its own run tested.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestration import project


@dataclass(frozen=True)
class Tested:
    """A build that passed every test: its "now", and dbt's id of it."""

    as_of: datetime
    build_id: str


def _path() -> Path:
    return project.home() / "verdict.json"


def withdraw() -> None:
    """Says that the marts are about to change: nothing vouches for them."""
    _path().unlink(missing_ok=True)


def record(run_id: str, as_of: datetime, build_id: str) -> None:
    """Says that this run built the marts as of then and that every test passed."""
    _path().parent.mkdir(parents=True, exist_ok=True)
    draft = _path().with_suffix(".tmp")
    told = {"run_id": run_id, "as_of": as_of.isoformat(), "build_id": build_id}
    draft.write_text(json.dumps(told))
    draft.replace(_path())


def tested(run_id: str) -> Tested:
    """The build that the marts are of, if this run was the last to test them."""
    try:
        found = json.loads(_path().read_text())
    except FileNotFoundError:
        found = {}
    if found.get("run_id") != run_id:
        raise project.ProjectError(
            "the marts are not those that this run tested: another run has rebuilt "
            "them, or a test failed; publish with `make refresh`"
        )
    return Tested(datetime.fromisoformat(found["as_of"]), found["build_id"])
