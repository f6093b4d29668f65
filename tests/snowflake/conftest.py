"""A server that speaks Snowflake's protocol.

One server for the whole run. Tests keep apart by taking databases of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.snowflake.account import TO_NAME, render
from tests.snowflake.support import Server, running_server, snowflake_dbt, write_key

__all__ = ["Server", "snowflake_dbt"]


@pytest.fixture(scope="session")
def snowflake_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away private key; the server takes any."""
    return write_key(tmp_path_factory.mktemp("key") / "key.p8")


@pytest.fixture(scope="session")
def snowflake_server(
    snowflake_key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server, listening."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with running_server(snowflake_key, log) as server:
        yield server


@pytest.fixture(scope="session")
def rendering_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt leaves what it makes while it renders scripts."""
    return tmp_path_factory.mktemp("rendering")


@pytest.fixture(scope="session")
def setup_script(rendering_home: Path) -> str:
    """The set-up script for a database that is yet to be named."""
    return render("snowflake_setup", rendering_home, TO_NAME)
