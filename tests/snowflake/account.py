"""An account set up by the script that dbt renders, on the test server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dbt.cli.main import dbtRunner
from snowflake.connector.util_text import split_statements

from tests.snowflake.support import Server
from tests.support import PARSED_AT, QUIET, dbt_environment, parsed

TO_NAME = "DATABASE_TO_NAME"


def render(
    analysis: str,
    home: Path,
    database: str = "ACSR",
    variables: str = "{}",
    environment: Mapping[str, str] | None = None,
) -> str:
    """The text of an analysis, rendered by dbt for a database."""
    with dbt_environment(home, PARSED_AT):
        os.environ.update({"SNOWFLAKE_DATABASE": database, **(environment or {})})
        compiled = dbtRunner(manifest=parsed()).invoke(
            [
                *("compile", *QUIET, "--target", "lint", "--vars", variables),
                *("--select", analysis),
            ]
        )
    assert compiled.success, compiled.exception
    [found] = compiled.result.results
    return found.node.compiled_code


def statements(script: str) -> list[str]:
    """The statements of a script, without its comments."""
    split = split_statements(StringIO(script), remove_comments=True)
    return [
        text.strip().rstrip(";") for text, _ in split if text and text.strip(" \n;")
    ]


def set_up(server: Server, script: str, database: str) -> None:
    """Runs the set-up script, as rendered for `TO_NAME`, for a database of its own."""
    server.run(*statements(script.replace(TO_NAME, database)))
