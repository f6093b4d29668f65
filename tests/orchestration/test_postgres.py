"""Dagster's state in a real PostgreSQL, which this module starts and stops itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orchestration import project
from tests.orchestration.tiny import environment, run_python

DEBIAN = Path("/usr/lib/postgresql")

# A job that holds a slot, a run whose process is gone while it held one, and the look
# that every tick takes. Prints what is stored, and how.
USE = """
import json, os, subprocess, sys
from orchestration import dead_runs, project
os.environ["DAGSTER_HOME"] = str(project.dagster_home())
from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster._core.test_utils import create_run_for_test

@op(pool="warehouse")
def step(): return 1

@job
def small(): step()

child = subprocess.Popen([sys.executable, "-c", ""])
child.wait()
with DagsterInstance.get() as instance:
    done = small.execute_in_process(instance=instance)
    events = instance.event_log_storage
    events.set_concurrency_slots("warehouse", 1)
    dead = create_run_for_test(
        instance, job_name="refresh", status=DagsterRunStatus.STARTED,
        tags={dead_runs.PROCESS: str(child.pid)},
    )
    held = events.claim_concurrency_slot("warehouse", dead.run_id, "step").is_claimed
    released = dead_runs.release(instance) == [dead.run_id]
    again = events.claim_concurrency_slot("warehouse", "another", "step").is_claimed
    print("@@" + json.dumps({
        "success": done.success,
        "runs": instance.get_runs_count(),
        "storage": type(events).__name__,
        "events": len(instance.all_logs(done.run_id)) > 5,
        "held, released, free": [held, released, again],
        "failed": instance.get_run_by_id(dead.run_id).status.value,
    }))
"""


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda it: int(it.parts[-3]))
    return versions[-1].parent if versions else None


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A database on a socket of its own; PostgreSQL refuses to be run by root."""
    programs = binaries()
    if programs is None:
        pytest.skip("no pg_ctl: install PostgreSQL (Debian: apt install postgresql)")
    who = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path has 107 characters
    if who:
        shutil.chown(folder, **who)
    data = folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            [str(programs / command[0]), *command[1:]],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
            **who,
        )
        assert done.returncode == 0, done.stderr

    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    run("initdb", "-D", str(data), "-U", "acsr", "-A", "trust", "--no-sync")
    run(
        *("pg_ctl", "-D", str(data), "-o", settings, "-l", str(folder / "log")),
        *("-w", "start"),
    )
    try:
        yield f"postgresql://acsr@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def use(home: Path, **environ: str) -> dict[str, object]:
    given = {**environment(home / "empty"), "ACSR_HOME": str(home), **environ}
    done = run_python(project.ROOT, given, "-c", USE)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout.rpartition("@@")[2])


EXPECTED = {
    "success": True,
    "runs": 2,
    "events": True,
    "held, released, free": [True, True, True],
    "failed": "FAILURE",
}


def test_one_variable_keeps_runs_in_postgresql(address: str, tmp_path: Path) -> None:
    found = use(tmp_path, ACSR_DAGSTER_POSTGRES=address)

    assert found == {**EXPECTED, "storage": "PostgresEventLogStorage"}
    # the address, which may hold a password, is in no file
    settings = (tmp_path / "dagster" / "dagster.yaml").read_text()
    assert "env: ACSR_DAGSTER_POSTGRES" in settings
    assert address not in settings
    assert not list((tmp_path / "dagster").rglob("*.db"))


def test_without_it_they_are_in_files(tmp_path: Path) -> None:
    found = use(tmp_path)
    assert str(found.pop("storage")).endswith("EventLogStorage")
    assert found == EXPECTED
    assert list((tmp_path / "dagster").rglob("*.db"))
