"""What Dagster's catalogue says of assets: whose they are, how fresh, how many rows."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from dagster import FreshnessPolicy, Output

from orchestration import engines, report

OWNER = "team:analytics_engineering"
LOGGING = "team:logging"

# A refresh comes every 15 minutes: two missed are worth a look, an hour is an outage.
EVERY_REFRESH = FreshnessPolicy.time_window(
    fail_window=timedelta(hours=1), warn_window=timedelta(minutes=45)
)
EVERY_NIGHT = FreshnessPolicy.cron(
    deadline_cron="0 6 * * *", lower_bound_delta=timedelta(hours=24)
)


def headline(tables: Mapping[str, int]) -> dict[str, float]:
    """The KPIs of the report as numbers, which Dagster draws as curves."""
    if "kpi_trends" not in tables:
        return {}
    return {f"kpi/{name}": value for name, value in report.headline().items()}


def with_row_counts(events: Iterator[Any], nodes: Mapping[str, Any]) -> Iterator[Any]:
    """The events of a build, each table's with its number of rows.

    `nodes` are the manifest's. Nobody else may open a DuckDB file while dbt runs, so
    the events wait here for its end; what dbt prints reaches the log as it prints it.
    """
    waiting: list[Any] = []
    try:
        waiting.extend(events)
    finally:
        counts = _row_counts(waiting, nodes)
        yield from (_counted(it, counts) for it in waiting)


def _row_counts(events: list[Any], nodes: Mapping[str, Any]) -> dict[str, int]:
    made = {_unique_id(it) for it in events if isinstance(it, Output)}
    tables = {
        name: nodes[name]["relation_name"]
        for name in made
        if name in nodes and nodes[name]["config"]["materialized"] != "view"
    }
    return engines.row_counts(tables)


def _counted(event: Any, counts: Mapping[str, int]) -> Any:  # noqa: ANN401
    if isinstance(event, Output) and _unique_id(event) in counts:
        rows = {"dagster/row_count": counts[_unique_id(event)]}
        return event.with_metadata({**event.metadata, **rows})
    return event


def _unique_id(event: Output) -> str:
    stated = event.metadata.get("unique_id")
    return str(getattr(stated, "value", stated))
