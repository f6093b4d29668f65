"""Which runs a tick ends: those whose process is gone, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from orchestration import dead_runs


@pytest.fixture
def instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    monkeypatch.delenv("ACSR_ALERT_WEBHOOK", raising=False)
    with DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that is over."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def started(
    instance: DagsterInstance,
    pid: int | None,
    status: DagsterRunStatus = DagsterRunStatus.STARTED,
) -> DagsterRun:
    """A run as `make refresh` begins it."""
    tags = {dead_runs.PROCESS: str(pid)} if pid else {}
    return create_run_for_test(instance, job_name="refresh", status=status, tags=tags)


def by_the_daemon(instance: DagsterInstance, pid: int) -> DagsterRun:
    """A run as Dagster begins it: its process is in an event."""
    run = started(instance, None)
    instance.report_engine_event("began", run, EngineEventData.in_process(pid))
    return run


def test_runs_of_dead_processes_end(instance: DagsterInstance, dead: int) -> None:
    runs = [
        started(instance, dead),
        started(instance, dead, DagsterRunStatus.NOT_STARTED),
        by_the_daemon(instance, dead),
    ]
    assert set(dead_runs.release(instance)) == {run.run_id for run in runs}
    for run in runs:
        assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.FAILURE
    assert dead_runs.release(instance) == []


def test_a_run_at_work_goes_on(instance: DagsterInstance) -> None:
    started(instance, os.getpid())
    by_the_daemon(instance, os.getpid())
    started(instance, None)  # nobody knows its process: run monitoring has a time limit
    assert dead_runs.release(instance) == []


def test_another_process_under_its_number_is_not_it(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(instance, os.getpid())
    created = instance.get_run_record_by_id(run.run_id).create_timestamp.timestamp()
    monkeypatch.setattr(dead_runs, "_born", lambda _: created + 3_600)
    assert dead_runs.release(instance) == [run.run_id]


def test_the_birth_of_a_process_is_known(instance: DagsterInstance) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here: a number alone has to do")
    run = started(instance, os.getpid())
    created = instance.get_run_record_by_id(run.run_id).create_timestamp.timestamp()
    born = dead_runs._born(os.getpid())
    assert born is not None
    assert created - 3_600 < born < created + dead_runs.SLACK_SECONDS


def test_a_run_that_is_over_is_left_alone(instance: DagsterInstance, dead: int) -> None:
    started(instance, dead, DagsterRunStatus.SUCCESS)
    assert dead_runs.release(instance) == []
