"""What starts a run: the clock, new files, the night."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunConfig,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    schedule,
    sensor,
)

from orchestration import dead_runs, project
from orchestration.defs.load import key
from orchestration.defs.transform import Build
from orchestration.loading import FEEDS, open_landing

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]

refresh = define_asset_job(
    "refresh",
    selection=AssetSelection.all(),
    description="Load what is new, build, test, publish, tell of what needs somebody.",
)
nightly = define_asset_job(
    "nightly",
    selection=AssetSelection.all(),
    config=RunConfig(ops={"dbt_project": Build(leave_out=[], test_all=True)}),
    description=(
        "As `refresh`, with the slow tests, the unit tests, and the record of what was "
        "said."
    ),
)
backfill = define_asset_job(
    "backfill",
    selection=AssetSelection.all() - AssetSelection.assets(*map(key, FEEDS)),
    config=RunConfig(
        ops={"dbt_project": Build(rebuild_from="2026-01-01", rebuild_to="2026-01-31")}
    ),
    description=(
        "Rebuild a window of days from the raw tables, test, publish; loads nothing. "
        "State the days in the run's configuration."
    ),
)
jobs = [refresh, nightly, backfill]


@schedule(
    job=refresh,
    cron_schedule="*/15 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
)
def every_quarter_of_an_hour(
    context: ScheduleEvaluationContext,
) -> RunRequest | SkipReason:
    """A refresh every 15 minutes, unless one is still on its way."""
    dead_runs.release(context.instance)
    if _is_unfinished(context.instance):
        return SkipReason("the refresh before is not finished")
    return RunRequest()


every_night = ScheduleDefinition(
    name="every_night",
    job=nightly,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
)
schedules = [every_quarter_of_an_hour, every_night]


@sensor(
    job=refresh,
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
)
def new_files(context: SensorEvaluationContext) -> RunRequest | SkipReason:
    """A refresh when the list of finished files is another than at the last one."""
    dead_runs.release(context.instance)
    listing = _listing()
    if listing is None:
        return SkipReason("nothing has landed")
    if listing == context.cursor:
        return SkipReason("no new files")
    if _is_unfinished(context.instance):
        return SkipReason("new files; the refresh before is not finished")
    context.update_cursor(listing)
    return RunRequest(run_key=listing)


def _listing() -> str | None:
    """A hash of names, sizes and times: it opens no file, so it is cheap."""
    digest, is_empty = hashlib.sha256(), True
    for name, size, changed in _files():
        digest.update(b"%b\0%d\0%d\0" % (name, size, changed))
        is_empty = False
    return None if is_empty else digest.hexdigest()


def _files() -> Iterator[tuple[bytes, int, int]]:
    landing = open_landing(project.landing())
    for feed in FEEDS:
        for listed in landing.walk(feed):
            if listed.modified is not None:  # a bucket's listing says it all
                written = int(listed.modified.timestamp() * 1_000_000)
                yield os.fsencode(listed.place), listed.bytes or 0, written
                continue
            try:
                found = Path(listed.place).stat()
            except OSError:  # gone since it was listed
                continue
            yield os.fsencode(listed.place), found.st_size, found.st_mtime_ns


def _is_unfinished(instance: DagsterInstance) -> bool:
    unfinished = RunsFilter(job_name=refresh.name, statuses=UNFINISHED)
    return bool(instance.get_run_ids(unfinished, limit=1))
