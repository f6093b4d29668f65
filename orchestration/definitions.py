"""What Dagster loads: assets, checks, jobs, the schedule and the sensor."""

from dagster import Definitions

from orchestration.defs import (
    alerts,
    load,
    publish,
    resources,
    schedules,
    transform,
)

defs = Definitions(
    assets=[*load.feeds, transform.dbt_project, publish.publication, alerts.alerts],
    jobs=schedules.jobs,
    schedules=schedules.schedules,
    sensors=[schedules.new_files, alerts.failed_runs],
    resources=resources.resources,
    executor=resources.executor,
)
