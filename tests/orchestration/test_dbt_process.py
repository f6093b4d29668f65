"""dbt ends with the process that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from orchestration import project
from orchestration.dbt_process import PARENT

SECONDS = 60  # after which a process counts as one that never ends

WAITING = """
import os, sys
from orchestration.dbt_process import PARENT, end_with
end_with(int(os.environ[PARENT]))
print("here", flush=True)
sys.stdin.read()
"""
BEGINNING = f"""
import os, subprocess, sys
os.environ[{PARENT!r}] = str(os.getpid())
subprocess.run([sys.executable, "-c", {WAITING!r}])
"""


def begun(script: str, **environ: str) -> subprocess.Popen[bytes]:
    """A process that goes on for as long as its standard input is open."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=project.ROOT,
        env={**os.environ, **environ},
    )


def test_what_a_killed_process_began_ends_too() -> None:
    with begun(BEGINNING) as process:
        assert process.stdout.readline() == b"here\n"
        process.kill()
        kept, process.stdin = process.stdin, None
        process.communicate(timeout=SECONDS)  # both have let go of their output
        kept.close()


def test_what_comes_too_late_to_see_its_parent_ends_too() -> None:
    with begun(WAITING, **{PARENT: "1"}) as process:
        assert process.wait(timeout=SECONDS) == -signal.SIGKILL
