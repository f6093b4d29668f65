"""The dbt project as assets; its tests are their checks, blocking by severity."""

import json
import os
from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, Config
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)
from pydantic import Field

from orchestration import engines, project, verdict
from orchestration.defs.resources import WAREHOUSE

NIGHTLY = "nightly"
SEED = "seed"

# with the tests that look at seeds alone; those that compare them with models remain
_NO_SEEDS = ["--indirect-selection", "cautious", "--exclude", f"tag:{SEED}"]


class Build(Config):
    """What a build works on, and what it leaves out."""

    rebuild_from: str = Field(
        default="",
        description="First day of a window that is rebuilt; pending loads then wait.",
    )
    rebuild_to: str = Field(default="", description="Last day of that window.")
    test_all: bool = Field(
        default=False,
        description="Whether tests look at the whole history, not at the batch alone.",
    )
    leave_out: list[str] = Field(
        default=["--exclude", f"tag:{NIGHTLY}", "--exclude-resource-type", "unit_test"],
        description=(
            "Arguments of `dbt build`. Unit tests hold made-up rows, so a new batch of "
            "real ones cannot change their outcome: `nightly` and `make test` run "
            "them. Where it is not empty, seeds that the last build had are left out "
            "too."
        ),
    )

    def arguments(self) -> list[str]:
        """What `dbt build` is given; no `--vars` in a refresh, which reuses a parse."""
        stated = {
            "rebuild_from": self.rebuild_from,
            "rebuild_to": self.rebuild_to,
            "test_all": self.test_all,
        }
        given = {name: value for name, value in stated.items() if value}
        variables = ["--vars", json.dumps(given)] if given else []
        return [*self.leave_out, *variables]


@dbt_assets(
    manifest=project.manifest(),
    name="dbt_project",
    pool=WAREHOUSE,
    dagster_dbt_translator=DagsterDbtTranslator(
        settings=DagsterDbtTranslatorSettings(
            enable_asset_checks=True, enable_source_tests_as_checks=True
        )
    ),
)
def dbt_project(
    context: AssetExecutionContext, config: Build, dbt: DbtCliResource
) -> Iterator[Any]:
    """Builds and tests every model; only a build without a failure may be published."""
    moment = project.as_of()
    os.environ.update(project.dbt_environment(moment))
    verdict.withdraw()
    engines.remember_publications()
    building = dbt.cli(
        [
            *("build", *_leaner(), *config.arguments()),
            *(_NO_SEEDS if config.leave_out and engines.has_seeds() else ()),
        ],
        context=context,
        # apart from the manifest that definitions are loaded from
        target_path=project.dbt_target_path() / "run",
    )
    build_id = ""
    for event in building.stream():
        build_id = event.metadata["invocation_id"].value
        yield event
    verdict.record(context.run_id, moment, build_id)


def _leaner() -> list[str]:
    """Flags that keep dbt from writing what nobody reads after a good build.

    Some seconds of every refresh went to its artifacts and its log of all it thinks;
    `DBT_WRITE_JSON` and `DBT_LOG_LEVEL_FILE`, dbt's own variables, ask for them.
    """
    flags = {
        "DBT_WRITE_JSON": ["--no-write-json"],
        "DBT_LOG_LEVEL_FILE": ["--log-level-file", "none"],
    }
    return [
        it for name, flag in flags.items() if not os.environ.get(name) for it in flag
    ]
