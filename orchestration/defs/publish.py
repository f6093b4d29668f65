"""The publication as an asset: it waits for every model and every check."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    Config,
    MaterializeResult,
    asset,
)
from pydantic import Field

from orchestration import engines, project, verdict
from orchestration.defs.metadata import EVERY_REFRESH, OWNER, headline
from orchestration.defs.resources import WAREHOUSE
from orchestration.defs.transform import NIGHTLY, SEED, dbt_project
from orchestration.publish import HeldError, Publication
from orchestration.snowflake.grants import GrantsError

KEY = "publication"
GRANTS = "grants_are_as_declared"
IS_SHOWN = "the_newest_build_is_shown"

_CHECKS = [
    AssetCheckSpec(
        IS_SHOWN,
        asset=KEY,
        description="No rollback keeps readers on an older publication.",
    )
]
# DuckDB has no grants: whoever may read the file may read all of it.
if project.engine() == "snowflake":
    _CHECKS.append(
        AssetCheckSpec(
            GRANTS,
            asset=KEY,
            blocking=True,
            description=(
                "Every role has what `snowflake_privileges` declares, and no more."
            ),
        )
    )


class Publish(Config):
    """Whether a rollback still holds."""

    after_rollback: bool = Field(
        default=False,
        description="Publish though a rollback holds, which then ends (`make resume`).",
    )


@asset(
    # what a refresh leaves out must not hold it up; all of dbt is one step anyway
    deps=[it.key for it in dbt_project.specs if not {NIGHTLY, SEED} & it.tags.keys()],
    group_name=KEY,
    kinds={project.engine()},
    owners=[OWNER],
    freshness_policy=EVERY_REFRESH,
    pool=WAREHOUSE,
    check_specs=_CHECKS,
    description=(
        "What readers open: all marts of one build that passed every test, or of the "
        "one before; never a mix."
    ),
)
def publication(
    context: AssetExecutionContext, config: Publish
) -> Iterator[AssetCheckResult | MaterializeResult]:
    """What readers open: all marts of one tested build, or of the one before."""
    try:
        built = verdict.tested(context.run_id)
        done = engines.publish_marts(
            built.as_of,
            project.git_revision(),
            built.build_id,
            after_rollback=config.after_rollback,
        )
    except GrantsError as problem:
        yield AssetCheckResult(
            passed=False, check_name=GRANTS, description=str(problem)
        )
        raise
    except HeldError as problem:
        yield MaterializeResult(metadata=_batch(), check_results=_judged(str(problem)))
        return
    yield MaterializeResult(metadata=_told(done), check_results=_judged())


def _judged(held: str | None = None) -> list[AssetCheckResult]:
    return [
        AssetCheckResult(
            check_name=spec.name,
            passed=spec.name != IS_SHOWN or held is None,
            severity=(
                AssetCheckSeverity.WARN
                if spec.name == IS_SHOWN
                else AssetCheckSeverity.ERROR
            ),
            description=held if spec.name == IS_SHOWN else None,
        )
        for spec in _CHECKS
    ]


def _told(done: Publication) -> dict[str, object]:
    """What Dagster shows of a publication; its numbers as curves over all of them."""
    return {
        **_batch(),
        **headline(done.row_counts),
        "publication_id": done.publication_id,
        "path": str(done.path),
        "dagster/row_count": sum(done.row_counts.values()),
        "tables": len(done.row_counts),
    }


def _batch() -> dict[str, object]:
    return {f"batch_{name}": value for name, value in engines.last_build().items()}
