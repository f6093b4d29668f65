"""What assets share: the warehouse's one slot, and dbt."""

import sys
from collections.abc import Sequence
from functools import cached_property
from importlib import metadata

from dagster import in_process_executor
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration import dbt_process, project

# DuckDB takes one writing process: whatever opens the warehouse holds this slot.
WAREHOUSE = "warehouse"

# Every step waits for that slot, so processes of their own would gain nothing.
executor = in_process_executor


class Dbt(DbtCliResource):
    """The dbt of this environment, without what would make every refresh wait."""

    @cached_property
    def _cli_version(self) -> Version:
        """What the package states: `dbt --version` asks a package index for news."""
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        """None: Dagster's own look into the tables is not used here."""


project.prepare()
resources = {
    "dbt": Dbt(
        project_dir=str(project.ROOT),
        profiles_dir=str(project.ROOT),
        # dbt by way of a module of this project, which ends it with this process
        dbt_executable=sys.executable,
        global_config_flags=["-m", dbt_process.__name__],
    )
}
