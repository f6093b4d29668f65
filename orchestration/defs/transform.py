"""The dbt project as assets; its tests are their checks, blocking by severity."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import AssetExecutionContext, AssetSpec, Config, Failure
from dagster_dbt import (
    DagsterDbtCliRuntimeError,
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from pydantic import Field

from orchestration import engines, project, verdict
from orchestration.dbt_process import PARENT
from orchestration.defs.metadata import EVERY_NIGHT, OWNER, with_row_counts
from orchestration.defs.resources import WAREHOUSE
from orchestration.kill_points import passing

NIGHTLY = "nightly"
FAILED = ("error", "fail", "runtime error")
SAID_CHARACTERS = 500
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


class Translator(DagsterDbtTranslator):
    """dbt's models as Dagster shows them: somebody's, and fresh by when they are due.

    What a refresh builds needs no policy of its own: the publication's speaks for all.
    """

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Those that dbt states, else the team that operates this project."""
        return super().get_owners(dbt_resource_props) or [OWNER]

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> AssetSpec:
        """What is built by night has to be there in the morning."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if NIGHTLY in spec.tags:
            return spec.replace_attributes(freshness_policy=EVERY_NIGHT)
        return spec


@dbt_assets(
    manifest=project.manifest(),
    name="dbt_project",
    pool=WAREHOUSE,
    dagster_dbt_translator=Translator(
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
    os.environ[PARENT] = str(os.getpid())
    verdict.withdraw()
    passing("verdict withdrawn")
    engines.remember_publications()
    passing("publications remembered")
    building = dbt.cli(
        [
            *("build", *_leaner(), *config.arguments()),
            *(_NO_SEEDS if config.leave_out and engines.has_seeds() else ()),
        ],
        context=context,
        # apart from the manifest that definitions are loaded from
        target_path=project.dbt_target_path() / "run",
    )
    try:
        for told in with_row_counts(building.stream(), building.manifest["nodes"]):
            passing("model built")
            yield told
    except DagsterDbtCliRuntimeError as problem:
        raise _failure(building, problem) from None
    passing("build done")
    metadata = building.get_artifact("run_results.json")["metadata"]
    verdict.record(context.run_id, moment, metadata["invocation_id"])
    passing("verdict recorded")


def _failure(building: DbtCliInvocation, problem: Exception) -> Exception:
    """What failed, by name: `causes` are kept with the run, for whoever is told."""
    try:
        results = building.get_artifact("run_results.json")["results"]
    except OSError:  # dbt did not come so far: its message says why
        return problem
    failed = [it for it in results if it["status"] in FAILED]
    if not failed:
        return problem
    causes = [_cause(it, building.manifest) for it in failed]
    lines = [f"{it['kind']} {it['name']}: {it['said']}" for it in causes]
    return Failure("\n".join(lines), metadata={"causes": causes})


def _cause(result: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    unique_id = result["unique_id"]
    kind, _, name = unique_id.partition(".")
    node = manifest["nodes"].get(unique_id) or {}
    if kind == "test":
        kind = "generic test" if node.get("test_metadata") else "singular test"
    said = " ".join((result["message"] or "no reason given").split())
    if kind == "model" and "contract" in said:
        kind = "contract"
    return {
        "name": node.get("name") or name.rpartition(".")[2],
        "kind": kind.replace("_", " "),
        "said": said[:SAID_CHARACTERS],
        "failures": result.get("failures"),
    }


def _leaner() -> list[str]:
    """No file of all that dbt does, unless its own `DBT_LOG_LEVEL_FILE` asks for it.

    In a profile, writing it took 9 % of dbt's work on its nodes.
    """
    stated = os.environ.get("DBT_LOG_LEVEL_FILE")
    return [] if stated else ["--log-level-file", "none"]
