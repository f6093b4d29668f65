"""The alerts as an asset: the last step of a refresh; and the runs that do not end."""

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    DefaultSensorStatus,
    MaterializeResult,
    RunFailureSensorContext,
    asset,
    run_failure_sensor,
)

from orchestration import alerting
from orchestration.alerting.findings import DELIVERED
from orchestration.defs.metadata import EVERY_REFRESH, OWNER
from orchestration.defs.publish import publication

KEY = "alerts"


@asset(
    deps=[publication],
    group_name=KEY,
    kinds={"slack"},
    owners=[OWNER],
    freshness_policy=EVERY_REFRESH,
    check_specs=[
        AssetCheckSpec(
            DELIVERED,
            asset=KEY,
            description="No message waits for an address that does not take it.",
        )
    ],
    description=(
        "Messages about alerts of the marts, failed checks and runs, each sent once, "
        "by a ledger. Then the heartbeat. It fails no refresh."
    ),
)
def alerts(context: AssetExecutionContext) -> MaterializeResult:
    """Tells whom it concerns of what this refresh found."""
    try:
        done = alerting.tell_of_refresh(context.instance, context.run)
        problem = done.problem
        counts = {"made": done.made, "sent": done.sent, "waiting": done.waiting}
    except Exception as trouble:
        problem, counts = f"{type(trouble).__name__}: {trouble}", {}
    return MaterializeResult(
        metadata=counts,
        check_results=[
            AssetCheckResult(
                check_name=DELIVERED,
                passed=problem is None,
                severity=AssetCheckSeverity.WARN,
                description=problem and f"{problem}; tried again at the next refresh",
            )
        ],
    )


@run_failure_sensor(
    name="failed_runs",
    description="Tells of runs that failed or were killed, and so told nothing.",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
)
def failed_runs(context: RunFailureSensorContext) -> None:
    """Tells of a failed run."""
    alerting.tell_of_failure(context.instance, context.dagster_run)
