"""The one place that logs in to Snowflake: by key pair, never by password."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from orchestration import project

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

LOGIN_SECONDS = 60
NETWORK_SECONDS = 300  # of retries; a long statement is asked after again and again
SESSION = {
    "TIMEZONE": "UTC",
    "WEEK_START": 1,
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "QUERY_TAG": "acsr",
    "LOCK_TIMEOUT": 600,  # seconds; by default a session waits for half a day
    "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
}
SECRETS = ("password", "token", "authenticator")


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, and with which key."""

    account: str
    user: str
    role: str
    database: str
    warehouse: str | None
    key: Path
    passphrase: str | None
    host: str | None  # by default what the driver makes of the account
    port: int
    protocol: str


def connect(role: str, environ: Mapping[str, str] | None = None) -> SnowflakeConnection:
    """A session in UTC, its weeks beginning on Monday, with bound parameters as `?`.

    `role` is what the job at hand needs; SNOWFLAKE_ROLE goes before it. Raises
    `ProjectError` where the environment lacks something or Snowflake says no.
    """
    login = read_login(role, os.environ if environ is None else environ)
    with warnings.catch_warnings():  # the driver judges versions of what it ships
        warnings.simplefilter("ignore")
        import snowflake.connector as driver
    try:
        connection = driver.connect(
            account=login.account,
            user=login.user,
            role=login.role,
            database=login.database,
            warehouse=login.warehouse,
            port=login.port,
            protocol=login.protocol,
            authenticator="SNOWFLAKE_JWT",
            private_key_file=str(login.key),
            private_key_file_pwd=login.passphrase,
            session_parameters=dict(SESSION),  # the driver writes into it
            login_timeout=LOGIN_SECONDS,
            network_timeout=NETWORK_SECONDS,
            paramstyle="qmark",
            application="acsr",
            **({} if login.host is None else {"host": login.host}),
        )
    except (driver.Error, ValueError, TypeError) as problem:
        raise project.ProjectError(_refusal(login, problem)) from problem
    if not connection.database:
        connection.close()
        raise project.ProjectError(
            f"Snowflake's database {login.database} is absent, or the role "
            f"{login.role} may not use it: run the set-up script, or set "
            "SNOWFLAKE_DATABASE"
        )
    return connection


def _refusal(login: Login, problem: Exception) -> str:
    if isinstance(problem, ValueError | TypeError):
        return (
            f"SNOWFLAKE_PRIVATE_KEY_PATH names {login.key}, which cannot be read as a "
            f"private key ({problem}): it must be PEM (PKCS #8), and "
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE its passphrase if it has one"
        )
    return (
        f"Snowflake did not let user {login.user} of account {login.account} in with "
        f"the role {login.role}: {problem}; check that the user has the public key of "
        f"{login.key} and holds that role"
    )


def read_login(role: str, environ: Mapping[str, str]) -> Login:
    """The login that an environment describes; names the variable that is amiss."""
    refuse_passwords(environ)
    account = _required(environ, "SNOWFLAKE_ACCOUNT", "the account's identifier")
    user = _required(environ, "SNOWFLAKE_USER", "the service user that owns the key")
    key = _required(
        environ, "SNOWFLAKE_PRIVATE_KEY_PATH", "the file of that user's private key"
    )
    path = Path(key).expanduser()
    if not path.is_file():
        raise project.ProjectError(
            f"SNOWFLAKE_PRIVATE_KEY_PATH names {path}, which is no file: name the "
            "private key of the service user"
        )
    return Login(
        account=account,
        user=user,
        role=environ.get("SNOWFLAKE_ROLE") or role,
        database=environ.get("SNOWFLAKE_DATABASE") or "ACSR",
        warehouse=environ.get("SNOWFLAKE_WAREHOUSE") or None,
        key=path,
        passphrase=environ.get("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") or None,
        host=environ.get("SNOWFLAKE_HOST") or None,
        port=_port(environ.get("SNOWFLAKE_PORT") or "443"),
        protocol=environ.get("SNOWFLAKE_PROTOCOL") or "https",
    )


def refuse_passwords(
    environ: Mapping[str, str], profiles: Path = project.ROOT / "profiles.yml"
) -> None:
    """Raises where a password is offered, by the environment or the dbt profile."""
    if environ.get("SNOWFLAKE_PASSWORD"):
        raise project.ProjectError(
            "SNOWFLAKE_PASSWORD is set, but passwords are refused: unset it, give the "
            "service user a key pair and name it in SNOWFLAKE_PRIVATE_KEY_PATH"
        )
    if not profiles.is_file():
        return
    outputs = (yaml.safe_load(profiles.read_text("utf-8")) or {}).get("acsr") or {}
    output = (outputs.get("outputs") or {}).get("snowflake") or {}
    for name in SECRETS:
        if output.get(name):
            raise project.ProjectError(
                f"the snowflake output of {profiles} states a {name}, but only key "
                "pairs are taken: remove it and set SNOWFLAKE_PRIVATE_KEY_PATH"
            )


def _required(environ: Mapping[str, str], name: str, what: str) -> str:
    value = (environ.get(name) or "").strip()
    if not value:
        raise project.ProjectError(f"{name} is not set: it is {what}")
    return value


def _port(stated: str) -> int:
    if not stated.isdecimal() or not 0 < int(stated) < 1 << 16:
        raise project.ProjectError(
            f"SNOWFLAKE_PORT is {stated!r}, which is no port; unset it for 443"
        )
    return int(stated)
