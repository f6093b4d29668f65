"""What several test folders need: a warehouse built from a landing folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from orchestration import project
from orchestration.loading import load_all, read_settings

SHARED_DATA = project.ROOT.parent / "shared" / "data"
BUILD = ("build", "--exclude-resource-type", "unit_test")


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


def dbt(home: Path, as_of: str, *arguments: str) -> str:
    """Runs dbt on the warehouse of `home`; fails with what dbt said."""
    done = project.run_dbt(
        *arguments, moment=datetime.fromisoformat(as_of), environment=dbt_state(home)
    )
    assert done.returncode == 0, (
        f"dbt {' '.join(arguments)} failed for {home}:\n{done.stdout[-8000:]}"
        f"{done.stderr[-2000:]}"
    )
    return done.stdout


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
