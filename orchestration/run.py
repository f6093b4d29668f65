"""Runs a job here and now, and says in a few lines what came of it."""

from __future__ import annotations

import fcntl
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterInstance,
    ExecuteInProcessResult,
    JobDefinition,
)

from orchestration import alerting, dead_runs, engines, project
from orchestration.dead_runs import PROCESS

MILESTONE = re.compile(r"Found \d|Broken rule|Finished running|Done\. ")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Milestones:
    """A stand-in for the terminal: all goes to a log, milestones to the terminal."""

    def __init__(self, log: TextIO, terminal: TextIO) -> None:
        self._log = log
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Takes what dbt says, line by line."""
        if MILESTONE.match(text):
            self._terminal.write(f"  {text}")
            self._terminal.flush()
        return self._log.write(text)

    def flush(self) -> None:
        """Makes the log readable while the run goes on."""
        self._log.flush()


class Outcome(Enum):
    """What came of a run; `HELD`: a sound build that a rollback keeps from readers."""

    PUBLISHED = "published"
    HELD = "held"
    FAILED = "failed"


def run_job(name: str, config: Mapping[str, Any] | None = None) -> Outcome:
    """Runs a job in this process, and tells of it.

    `config` is Dagster's run configuration, in the place of the job's own. Raises
    BusyError where another run is at work on this home folder.
    """
    with _alone(name):
        return _run(name, config)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Holds this home folder for one run.

    The lock is the system's: it goes with its process, however that ends.
    """
    path = project.home() / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise _busy(lock.read().strip()) from None
        lock.truncate(0)
        lock.write(f"{name}, process {os.getpid()}, since {datetime.now(UTC):%F %T}Z\n")
        lock.flush()
        yield


def _busy(other: str) -> project.BusyError:
    return project.BusyError(
        f"another run is at work on {engines.warehouse_name()} ({other}), so this one "
        "was not begun: try again once that has ended"
    )


def _run(name: str, config: Mapping[str, Any] | None) -> Outcome:
    os.environ["DAGSTER_HOME"] = str(project.dagster_home())
    try:
        from orchestration.definitions import defs  # parses the dbt project
    except Exception as problem:
        with suppress(Exception):
            alerting.tell_of_no_run(name, str(problem))
        raise

    log = project.home() / "logs" / f"{name}.log"
    landing = project.shown_landing()
    print(f"{name}: {landing} -> {engines.warehouse_name()} (log: {log})")
    with DagsterInstance.get() as instance:
        dead_runs.release(instance)
        if run := dead_runs.lives(instance):
            raise _busy(f"{run.job_name}, run {run.run_id} of Dagster's")
        result = _execute(defs.resolve_job_def(name), instance, log, config)
        told = None if is_whole(result) else _tell(instance, result)
    for line in (*loaded(result), *findings(result)):
        print(line)
    if told:
        print(f"warning: alerts: {told}")
    if not is_whole(result):
        return Outcome.FAILED
    return Outcome.HELD if is_held(result) else Outcome.PUBLISHED


def _tell(instance: DagsterInstance, result: ExecuteInProcessResult) -> str | None:
    """Tells of a run that failed; returns what keeps that from arriving.

    One that came through has told of itself, in its last step.
    """
    try:
        run = instance.get_run_by_id(result.run_id) or result.dagster_run
        return alerting.tell_of_failure(instance, run).problem
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"


def _execute(
    job: JobDefinition,
    instance: DagsterInstance,
    log: Path,
    config: Mapping[str, Any] | None,
) -> ExecuteInProcessResult:
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as lines,
        redirect_stdout(Milestones(lines, sys.stdout)),
    ):
        return job.execute_in_process(
            instance=instance,
            run_config={**(config or job.run_config or {}), **QUIET},
            raise_on_error=False,
            tags={PROCESS: str(os.getpid())},
        )


def is_held(result: ExecuteInProcessResult) -> bool:
    """Whether a rollback kept a sound build from being published."""
    return any(
        check.check_name == "the_newest_build_is_shown" and not check.passed
        for check in result.get_asset_check_evaluations()
    )


def is_whole(result: ExecuteInProcessResult) -> bool:
    """Whether every step ran, the publication too, and no blocking check failed.

    A step that is skipped and a check that fails do not make a Dagster run fail.
    """
    return (
        result.success
        and not any(_is_failure(it) for it in result.get_asset_check_evaluations())
        and bool(result.asset_materializations_for_node("publication"))
    )


def loaded(result: ExecuteInProcessResult) -> Iterator[str]:
    """What came in, feed by feed."""
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if "duplicates" in made.metadata and made.metadata["files"].value:
            counts = {
                name: f"{made.metadata[name].value:,}"
                for name in ("files", "records", "loaded", "duplicates", "rejected")
            }
            yield f"  {made.asset_key.path[-1]:<22}" + "  ".join(
                f"{count:>9} {name}" for name, count in counts.items()
            )


def findings(result: ExecuteInProcessResult) -> Iterator[str]:
    """What needs somebody's eye: warnings, failed checks, failed steps."""
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            yield _check_line(check)
    for message, steps in _failed_steps(result).items():
        yield f"FAILED: {', '.join(steps)}: {message}"


def _failed_steps(result: ExecuteInProcessResult) -> dict[str, list[str]]:
    """Steps by what made them fail: one cause may stop every feed."""
    steps: dict[str, list[str]] = {}
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data
        error = failure.error
        while error and error.cause:
            error = error.cause
        message = error.message.strip() if error else "no reason given"
        if failure.user_failure_data and failure.user_failure_data.description:
            message = failure.user_failure_data.description
        steps.setdefault(message, []).append(event.step_key)
    return steps


def _check_line(check: AssetCheckEvaluation) -> str:
    word = "FAILED" if _is_failure(check) else "warning"
    rows = check.metadata.get("dagster_dbt/failed_row_count")
    said = check.description or (f"{rows.value:,} rows" if rows else "did not pass")
    subject = f"{'/'.join(check.asset_key.path)} {check.check_name}"
    return f"{word}: {subject}: {said}".replace("\n", "\n    ")


def _is_failure(check: AssetCheckEvaluation) -> bool:
    return not check.passed and check.severity == AssetCheckSeverity.ERROR
