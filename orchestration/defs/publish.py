"""The publication as an asset: it waits for every model and every check."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    MaterializeResult,
    asset,
)

from orchestration import engines, project, verdict
from orchestration.defs.resources import WAREHOUSE
from orchestration.defs.transform import NIGHTLY, SEED, dbt_project
from orchestration.snowflake.grants import GrantsError

KEY = "publication"
GRANTS = "grants_are_as_declared"

# DuckDB has no grants: whoever may read the file may read all of it.
_CHECKS = [
    AssetCheckSpec(
        GRANTS,
        asset=KEY,
        blocking=True,
        description="Every role has what `snowflake_privileges` declares, and no more.",
    )
    for engine in (project.engine(),)
    if engine == "snowflake"
]


@asset(
    # what a refresh leaves out must not hold it up; all of dbt is one step anyway
    deps=[it.key for it in dbt_project.specs if not {NIGHTLY, SEED} & it.tags.keys()],
    group_name=KEY,
    kinds={project.engine()},
    pool=WAREHOUSE,
    check_specs=_CHECKS,
)
def publication(
    context: AssetExecutionContext,
) -> Iterator[AssetCheckResult | MaterializeResult]:
    """What readers open: all marts of one tested build, or of the one before."""
    try:
        built = verdict.tested(context.run_id)
        done = engines.publish_marts(
            built.as_of, project.git_revision(), built.build_id
        )
    except GrantsError as problem:
        yield AssetCheckResult(
            passed=False, check_name=GRANTS, description=str(problem)
        )
        raise
    yield MaterializeResult(
        metadata={
            **{f"batch_{name}": value for name, value in engines.last_build().items()},
            "publication_id": done.publication_id,
            "path": str(done.path),
            "dagster/row_count": sum(done.row_counts.values()),
            "tables": len(done.row_counts),
        },
        check_results=[
            AssetCheckResult(passed=True, check_name=spec.name) for spec in _CHECKS
        ],
    )
