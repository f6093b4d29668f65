"""The last build's verdict: which run built the marts and found them sound.

Runs take turns on the warehouse step by step, so another run may rebuild the marts,
and find them wrong, between this run's tests and its publication. A publication asks
here whether the marts are still those that its own run tested.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from orchestration import project


def _path() -> Path:
    return project.home() / "verdict.json"


def withdraw() -> None:
    """Says that the marts are about to change: nothing vouches for them."""
    _path().unlink(missing_ok=True)


def record(run_id: str, as_of: datetime) -> None:
    """Says that this run built the marts as of then and that every test passed."""
    _path().parent.mkdir(parents=True, exist_ok=True)
    draft = _path().with_suffix(".tmp")
    draft.write_text(json.dumps({"run_id": run_id, "as_of": as_of.isoformat()}))
    draft.replace(_path())


def as_of(run_id: str) -> datetime:
    """The moment as of which the marts stand, if this run was the last to test them."""
    try:
        found = json.loads(_path().read_text())
    except FileNotFoundError:
        found = {}
    if found.get("run_id") != run_id:
        raise project.ProjectError(
            "the marts are not those that this run tested: another run has rebuilt "
            "them, or a test failed; publish with `make refresh`"
        )
    return datetime.fromisoformat(found["as_of"])
