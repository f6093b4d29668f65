"""What assets share: the warehouse's one slot, and dbt."""

from functools import cached_property
from importlib import metadata

from dagster import in_process_executor
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration import project

# DuckDB takes one writing process: whatever opens the warehouse holds this slot.
WAREHOUSE = "warehouse"

# Every step waits for that slot, so processes of their own would gain nothing.
executor = in_process_executor


class Dbt(DbtCliResource):
    """The dbt of this environment, whose version its package states.

    Dagster would run `dbt --version`, which takes seconds and asks a package index
    for news at every refresh.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))


project.prepare()
resources = {
    "dbt": Dbt(
        project_dir=str(project.ROOT),
        profiles_dir=str(project.ROOT),
        dbt_executable=str(project.DBT),
    )
}
