"""An account set up by the script that dbt renders, on the test server."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from snowflake.connector.util_text import split_statements

from orchestration import project
from tests.snowflake.support import Server

TO_NAME = "DATABASE_TO_NAME"


def render(
    analysis: str,
    home: Path,
    database: str = "ACSR",
    variables: str = "{}",
    environment: Mapping[str, str] | None = None,
) -> str:
    """The text of an analysis, rendered by dbt for a database."""
    done = project.run_dbt(
        *("compile", "--quiet", "--target", "lint", "--vars", variables),
        *("--select", analysis),
        environment={
            "ACSR_HOME": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "SNOWFLAKE_DATABASE": database,
            **(environment or {}),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def statements(script: str) -> list[str]:
    """The statements of a script, without its comments."""
    split = split_statements(StringIO(script), remove_comments=True)
    return [
        text.strip().rstrip(";") for text, _ in split if text and text.strip(" \n;")
    ]


def set_up(server: Server, script: str, database: str) -> None:
    """Runs the set-up script, as rendered for `TO_NAME`, for a database of its own."""
    server.run(*statements(script.replace(TO_NAME, database)))
