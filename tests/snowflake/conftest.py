"""A server that speaks Snowflake's protocol.

One server for the whole run. Tests keep apart by taking databases of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
