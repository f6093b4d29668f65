"""Logging in to Snowflake: by key pair, with a clear word where something is amiss."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orchestration import project
from orchestration.snowflake import connection
from orchestration.snowflake.connection import connect, read_login, refuse_passwords
from tests.snowflake.support import Server


@pytest.fixture(scope="module")
def database(snowflake_server: Server) -> str:
    """A database to log in to."""
    snowflake_server.run("create database if not exists CONNECTION")
    return "CONNECTION"


@pytest.fixture
def environment(snowflake_server: Server, database: str) -> dict[str, str]:
    """An environment that logs in."""
    return snowflake_server.environment(database)


def test_a_session_counts_in_utc_from_mondays_with_bound_parameters(
    environment: dict[str, str],
) -> None:
    with connect("LOADER", environment) as session, session.cursor() as cursor:
        hostile = "'; drop database connection; --"
        assert cursor.execute("select ?", (hostile,)).fetchall() == [(hostile,)]
        assert cursor.execute("select current_role()").fetchall() == [("LOADER",)]
        assert session.database == "CONNECTION"
    assert connection.SESSION["TIMEZONE"] == "UTC"
    assert connection.SESSION["WEEK_START"] == 1
    assert connection.SESSION["TIMESTAMP_TYPE_MAPPING"] == "TIMESTAMP_NTZ"
    assert connection.SESSION["QUERY_TAG"] == "acsr"


def test_the_role_of_the_environment_goes_first(environment: dict[str, str]) -> None:
    with connect("LOADER", {**environment, "SNOWFLAKE_ROLE": "MINE"}) as session:
        (role,) = session.cursor().execute("select current_role()").fetchone()
    assert role == "MINE"


def test_what_is_sent_at_login(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import snowflake.connector as driver

    sent: dict[str, object] = {}

    def refuse(**named: object) -> None:
        sent.update(named)
        raise driver.OperationalError("no network")

    monkeypatch.setattr(driver, "connect", refuse)
    with pytest.raises(project.ProjectError, match="no network; check that the user"):
        connect("LOADER", environment)
    assert sent["authenticator"] == "SNOWFLAKE_JWT"
    assert "password" not in sent
    assert sent["session_parameters"] == connection.SESSION
    assert sent["login_timeout"] == connection.LOGIN_SECONDS
    assert sent["network_timeout"] == connection.NETWORK_SECONDS


@pytest.mark.parametrize(
    "name",
    ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "SNOWFLAKE_PRIVATE_KEY_PATH"],
)
@pytest.mark.parametrize("value", [None, "", " "])
def test_what_is_unset_is_named(
    environment: dict[str, str], name: str, value: str | None
) -> None:
    del environment[name]
    if value is not None:
        environment[name] = value
    with pytest.raises(project.ProjectError, match=f"{name} is not set: it is the"):
        connect("LOADER", environment)


def test_defaults_are_those_of_the_profile(snowflake_key: Path) -> None:
    login = read_login(
        "LOADER",
        {
            "SNOWFLAKE_ACCOUNT": "org-account",
            "SNOWFLAKE_USER": "pipeline",
            "SNOWFLAKE_PRIVATE_KEY_PATH": str(snowflake_key),
        },
    )
    assert (login.role, login.database, login.warehouse) == ("LOADER", "ACSR", None)
    assert (login.port, login.protocol, login.passphrase) == (443, "https", None)
    assert login.host is None


def test_the_driver_makes_the_host_of_the_account(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import snowflake.connector as driver

    hosts: list[str] = []

    def stop(self: driver.SnowflakeConnection, *_: object) -> None:
        hosts.append(self.host)
        raise driver.OperationalError("stop")

    monkeypatch.setattr(driver.SnowflakeConnection, "_authenticate", stop)
    del environment["SNOWFLAKE_HOST"]
    environment["SNOWFLAKE_ACCOUNT"] = "org-account"
    with pytest.raises(project.ProjectError, match="stop"):
        connect("LOADER", environment)
    assert hosts == ["org-account.snowflakecomputing.com"]


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "44 3"])
def test_a_port_is_a_port(environment: dict[str, str], port: str) -> None:
    with pytest.raises(project.ProjectError, match="SNOWFLAKE_PORT is '"):
        connect("LOADER", {**environment, "SNOWFLAKE_PORT": port})


def test_a_password_is_refused_and_not_shown(environment: dict[str, str]) -> None:
    with pytest.raises(project.ProjectError, match="SNOWFLAKE_PASSWORD is") as refused:
        connect("LOADER", {**environment, "SNOWFLAKE_PASSWORD": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["password", "token", "authenticator"])
def test_a_password_in_the_profile_is_refused_and_not_shown(
    tmp_path: Path, name: str
) -> None:
    profiles = tmp_path / "profiles.yml"
    profiles.write_text(
        f"acsr: {{outputs: {{snowflake: {{type: snowflake, {name}: hunter2}}}}}}"
    )
    with pytest.raises(project.ProjectError, match=f"states a {name}") as refused:
        refuse_passwords({}, profiles)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", [None, "", "acsr:\n", "acsr:\n  outputs:\n"])
def test_a_profile_without_passwords_is_taken(tmp_path: Path, text: str | None) -> None:
    profiles = tmp_path / "profiles.yml"
    if text is not None:
        profiles.write_text(text)
    refuse_passwords({}, profiles)
    refuse_passwords({}, project.ROOT / "profiles.example.yml")


def test_a_key_that_is_no_file_is_named(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment["SNOWFLAKE_PRIVATE_KEY_PATH"] = str(tmp_path / "absent.p8")
    with pytest.raises(project.ProjectError, match=r"absent\.p8, which is no file"):
        connect("LOADER", environment)


def test_a_key_that_is_none_is_named(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key.p8").write_text("no key")
    environment["SNOWFLAKE_PRIVATE_KEY_PATH"] = str(tmp_path / "key.p8")
    with pytest.raises(project.ProjectError, match="cannot be read as a private key"):
        connect("LOADER", environment)


def test_a_key_with_a_passphrase_wants_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "key.p8"
    path.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    environment["SNOWFLAKE_PRIVATE_KEY_PATH"] = str(path)
    for passphrase in ("", "wrong"):
        environment["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"] = passphrase
        with pytest.raises(project.ProjectError, match="KEY_PASSPHRASE its passphrase"):
            connect("LOADER", environment)
    environment["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"] = "open sesame"
    connect("LOADER", environment).close()


def test_a_database_that_is_not_there_is_named(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import snowflake.connector as driver

    monkeypatch.setattr(driver.SnowflakeConnection, "database", None)
    with pytest.raises(project.ProjectError, match="database CONNECTION is absent"):
        connect("LOADER", environment)


def test_without_an_environment_it_is_the_process_s(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(project.ProjectError, match="SNOWFLAKE_ACCOUNT is not set"):
        connect("LOADER")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connect("LOADER").close()
