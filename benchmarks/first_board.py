"""`make first-board`: from a fresh clone to the first board, in seconds of the clock.

Clones the commit into a folder of its own, does there what README says, asks for the
first board until it answers. Nothing of this checkout is used but its history; packages
come from wherever pip is set up to get them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from orchestration import project

PORT = "8609"
PATIENCE = 60  # seconds until a started server answers
OWN = ("ACSR_", "DBT_", "DAGSTER_", "VIRTUAL_ENV", "PYTHONPATH")


def main() -> int:
    """Prints how long each step took."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    environment["ACSR_DASHBOARD_PORT"] = PORT
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clone = Path(folder) / "clone"
        steps = {
            "git clone": ["git", "clone", "--quiet", str(project.ROOT), str(clone)],
            "make setup": ["make", "setup"],
            "make run": ["make", "run"],
        }
        total = 0.0
        for name, command in steps.items():
            began = time.monotonic()
            subprocess.run(
                command,
                cwd=clone if clone.exists() else folder,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            total += _say(name, began)
        began = time.monotonic()
        server = subprocess.Popen(
            [".venv/bin/python", "-m", "dashboards", "serve"],
            cwd=clone,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(f"http://127.0.0.1:{PORT}/overview")
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE)
        total += _say("make dashboard, first board", began)
        print(f"{'in all':<28} {total:7.1f} s")
    return 0


def _say(name: str, began: float) -> float:
    seconds = time.monotonic() - began
    print(f"{name:<28} {seconds:7.1f} s", flush=True)
    return seconds


def _wait_for(address: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE).read()
            return
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
