"""Runs whose process was killed: they would keep the queue and the warehouse's slot.

Dagster's run monitoring notices a run that never starts or takes too long. Whether the
process of a started run still lives, Dagster asks its launcher, and the one for runs on
this machine cannot say after it was killed itself. So every tick looks here first.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster import RunsFilter as Filter

from orchestration import alerting

PROCESS = "acsr/process"
AT_WORK = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 300  # `start_timeout_seconds` in dagster.yaml
SLACK_SECONDS = 2  # a process's birth is known to the tick, the boot's to the second


def release(instance: DagsterInstance) -> list[str]:
    """Ends the runs of dead processes, tells of them, and returns their ids.

    Only processes of this machine can be looked at: one machine runs the refreshes.
    """
    released = []
    for record in instance.get_run_records(Filter(statuses=AT_WORK)):
        run = record.dagster_run
        pid = _process(instance, run)
        if pid is None or _lives(pid, record.create_timestamp, run):
            continue
        instance.report_run_failed(run, "its process was killed")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        released.append(run.run_id)
        with suppress(Exception):  # what is not told now is told by the next tick
            alerting.tell_of_failure(instance, run)
    return released


def lives(instance: DagsterInstance) -> DagsterRun | None:
    """A run whose process is at work; one that nobody can look at is none."""
    for record in instance.get_run_records(Filter(statuses=AT_WORK)):
        pid = _process(instance, record.dagster_run)
        if pid is not None and _lives(pid, record.create_timestamp, record.dagster_run):
            return record.dagster_run
    return None


def _process(instance: DagsterInstance, run: DagsterRun) -> int | None:
    """The process of a run: as `make refresh` states it, else as Dagster notes it."""
    if PROCESS in run.tags:
        return int(run.tags[PROCESS])
    kinds = {DagsterEventType.ENGINE_EVENT}
    for entry in reversed(instance.all_logs(run.run_id, of_type=kinds)):
        pid = entry.get_dagster_event().event_specific_data.metadata.get("pid")
        if pid is not None:
            return int(str(pid.value))
    return None


def _lives(pid: int, created: datetime, run: DagsterRun) -> bool:
    """Whether the run's process is there, and not a later one under its number.

    A process that `make refresh` began is older than its run. One that Dagster began
    for the run is younger, by less than the time a start may take.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    born = _born(pid)
    if born is None:
        return True
    limit = SLACK_SECONDS if PROCESS in run.tags else SLACK_SECONDS + START_SECONDS
    return born <= created.timestamp() + limit


def _born(pid: int) -> float | None:
    """When a process began, in seconds since 1970; None where there is no /proc."""
    with suppress(OSError, IndexError, ValueError, StopIteration):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        lines = Path("/proc/stat").read_text().splitlines()
        boot = next(line for line in lines if line.startswith("btime"))
        return int(boot.split()[1]) + int(stat[19]) / CLOCK_TICKS
    return None
