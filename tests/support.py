"""What several test folders need: a warehouse built from a landing folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from orchestration import project
from orchestration.loading import load_all, read_settings

SHARED_DATA = project.ROOT.parent / "shared" / "data"
BUILD = ("build", "--exclude-resource-type", "unit_test")
QUIET = ("--quiet", "--log-level-file", "none")
PARSED_AT = datetime(2027, 1, 1, tzinfo=UTC)  # nothing that is parsed depends on it


def load_landing(landing: Path, as_of: str, home: Path) -> Path:
    """Loads a landing folder into the warehouse of `home`, whose path it returns."""
    home.mkdir(parents=True, exist_ok=True)
    warehouse = home / "warehouse.duckdb"
    load_all(
        landing=landing,
        warehouse=warehouse,
        settings=read_settings(project.ROOT / "dbt_project.yml", home, environ={}),
        load_id="load-test",
        now=datetime.fromisoformat(as_of),
    )
    return warehouse


def dbt(home: Path, as_of: str, *arguments: str) -> None:
    """Runs dbt on the warehouse of `home`; fails with what dbt said.

    It runs inside this process, on a manifest that is parsed once for all tests: the
    start of dbt and its look at the project would be most of what a small build takes.
    """
    with dbt_environment(home, datetime.fromisoformat(as_of)):
        result = dbtRunner(manifest=parsed()).invoke([*arguments, *QUIET])
        DuckDBConnectionManager.close_all_connections()
    assert result.success, (
        f"dbt {' '.join(arguments)} failed for {home}:\n{failures(result)}"
    )


def dbt_state(home: Path) -> dict[str, str]:
    """The environment by which dbt leaves everything of a run in `home`."""
    return {
        "ACSR_HOME": str(home),
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
    }


def build_warehouse(
    landing: Path, as_of: str, home: Path, command: Sequence[str] = BUILD
) -> Path:
    """Loads a landing folder and builds and tests every model on it.

    `as_of` is ISO 8601 with a zone; `home` takes the warehouse and all that dbt
    leaves. Returns the path of the DuckDB file. A failing dbt test fails the caller.
    """
    warehouse = load_landing(landing, as_of, home)
    dbt(home, as_of, *command)
    return warehouse


@cache
def parsed(root: Path = project.ROOT) -> Manifest:
    """The manifest of a project; parsing needs no warehouse."""
    project.prepare()
    state = Path(os.environ.get("DBT_TARGET_PATH") or project.ROOT / "target")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with dbt_environment(state / "tests" / worker / root.name, PARSED_AT, root):
        result = dbtRunner().invoke(["parse", *QUIET, "--no-write-json"])
        DuckDBConnectionManager.close_all_connections()
    assert result.success, result.exception
    return result.result


@contextmanager
def dbt_environment(
    home: Path, as_of: datetime, root: Path = project.ROOT
) -> Iterator[None]:
    """What dbt must find in the environment for as long as it runs in this process."""
    before = dict(os.environ)
    os.environ |= project.dbt_environment(as_of) | dbt_state(home)
    os.environ["DBT_PROJECT_DIR"] = str(root)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def failures(result: dbtRunnerResult) -> str:
    """What dbt could not do, and why."""
    if result.result is None:
        return f"dbt failed: {result.exception}"
    return "\n".join(
        f"{one.node.unique_id}: {one.status}: {one.message}"
        for one in result.result
        if one.status not in ("success", "pass", "skipped", "warn")
    )
