"""The publication as an asset: it waits for every model and every check."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from orchestration import project, sample, verdict
from orchestration.defs.resources import WAREHOUSE
from orchestration.defs.transform import NIGHTLY, dbt_project
from orchestration.publish import publish


@asset(
    # what a refresh leaves out must not hold it up; all of dbt is one step anyway
    deps=[spec.key for spec in dbt_project.specs if NIGHTLY not in spec.tags],
    group_name="publication",
    kinds={"duckdb"},
    pool=WAREHOUSE,
)
def publication(context: AssetExecutionContext) -> MaterializeResult:
    """The file that readers open: all marts of one tested build, or the one before."""
    project.require_duckdb()
    done = publish(
        project.warehouse(),
        project.published(),
        as_of=verdict.as_of(context.run_id),
        git_revision=project.git_revision(),
        is_sample=sample.is_loaded(),
    )
    return MaterializeResult(
        metadata={
            "publication_id": done.publication_id,
            "path": str(done.path),
            "dagster/row_count": sum(done.row_counts.values()),
            "tables": len(done.row_counts),
        }
    )
