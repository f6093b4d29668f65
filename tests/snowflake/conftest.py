"""A server that speaks Snowflake's protocol.

One server for the whole run. Tests keep apart by taking databases of their own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orchestration import project
from tests.snowflake.support import Server, snowflake_dbt

__all__ = ["Server", "snowflake_dbt"]


@pytest.fixture(scope="session")
def snowflake_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away private key; the server takes any."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("key") / "key.p8"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(scope="session")
def snowflake_server(
    snowflake_key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server, listening: it binds its port before it says which one."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.snowflake.server"],
            cwd=project.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        said = process.stdout.readline().split()
        assert said[:2] == ["listening", "on"], log.read_text()
        server = Server(int(said[2]), snowflake_key)
        assert server.run("select 1") == [(1,)], log.read_text()
        yield server
        process.stdin.close()
        process.wait(timeout=30)
