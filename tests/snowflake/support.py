"""A server that speaks Snowflake's protocol, and dbt pointed at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import SnowflakeConnection

from orchestration import project

AS_OF = "2026-01-31T12:00:00+00:00"
DBT_SECONDS = 240  # dbt hangs rather than fails where the server does


@dataclass(frozen=True)
class Server:
    """Where the test server listens, and the key to log in with."""

    port: int
    key: Path

    def environment(self, database: str = "ACSR", **more: str) -> dict[str, str]:
        """What a process needs to use a database of this server."""
        return {
            "DBT_TARGET": "snowflake",
            "SNOWFLAKE_ACCOUNT": "test",
            "SNOWFLAKE_USER": "TESTER",
            "SNOWFLAKE_DATABASE": database,
            "SNOWFLAKE_WAREHOUSE": "TESTING",
            "SNOWFLAKE_PRIVATE_KEY_PATH": str(self.key),
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
            **more,
        }

    @contextmanager
    def connect(self, **named: object) -> Iterator[SnowflakeConnection]:
        """A connection of the driver itself, by default with the role ACCOUNTADMIN."""
        connection = snowflake.connector.connect(
            **{
                "account": "test",
                "user": "TESTER",
                "role": "ACCOUNTADMIN",
                "private_key_file": str(self.key),
                "host": "127.0.0.1",
                "port": self.port,
                "protocol": "http",
                "session_parameters": {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
                **named,
            }
        )
        try:
            yield connection
        finally:
            connection.close()

    def run(self, *statements: str, **named: object) -> list[tuple[object, ...]]:
        """Runs statements in one session and returns the rows of the last."""
        with self.connect(**named) as connection, connection.cursor() as cursor:
            rows: list[tuple[object, ...]] = []
            for statement in statements:
                rows = cursor.execute(statement).fetchall()
            return rows


def write_key(path: Path) -> Path:
    """Writes a throw-away private key; the server takes any."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def running_server(key: Path, log: Path) -> Iterator[Server]:
    """The server, listening: it binds its port before it says which one."""
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
        server = Server(int(said[2]), key)
        assert server.run("select 1") == [(1,)], log.read_text()
        yield server
        process.stdin.close()
        process.wait(timeout=30)


def snowflake_dbt(
    server: Server,
    home: Path,
    *arguments: str,
    database: str = "ACSR",
    as_of: str = AS_OF,
    environment: Mapping[str, str] | None = None,
    seconds: float = DBT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Runs dbt on the Snowflake target; `home` takes all that it leaves.

    The caller judges the outcome. Raises subprocess.TimeoutExpired where dbt hangs.
    """
    home.mkdir(parents=True, exist_ok=True)
    # the profile as published, whatever whoever runs the tests has made of theirs
    shutil.copy(project.ROOT / "profiles.example.yml", home / "profiles.yml")
    return subprocess.run(
        [str(project.DBT), *arguments],
        cwd=project.ROOT,
        env={
            **os.environ,
            **project.dbt_environment(datetime.fromisoformat(as_of)),
            **server.environment(database),
            "ACSR_HOME": str(home),
            "DBT_PROFILES_DIR": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
