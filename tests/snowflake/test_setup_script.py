"""The script that sets an account up, run on the test server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestration import project
from orchestration.snowflake import grants
from tests.snowflake.account import TO_NAME, render, statements
from tests.snowflake.support import Server

DATABASE = "SETTINGUP"
DATABASES = grants.Databases(DATABASE, f"{DATABASE}_PUBLISHED")


@pytest.fixture(scope="module")
def script(setup_script: str) -> list[str]:
    """The statements of the script as it is declared."""
    return statements(setup_script.replace(TO_NAME, DATABASE))


@pytest.fixture(scope="module")
def rights() -> list[grants.Right]:
    """The matrix of this project."""
    settings = yaml.safe_load((project.ROOT / "dbt_project.yml").read_text())
    return grants.declared(settings["vars"]["snowflake_privileges"], DATABASES)


def held(server: Server, rights: list[grants.Right]) -> set[grants.Grant]:
    with server.connect() as connection, connection.cursor() as cursor:
        return grants.read(cursor, rights, DATABASES, grants.MARTS, [])


def test_an_empty_account_is_set_up_and_again(
    snowflake_server: Server, script: list[str], rights: list[grants.Right]
) -> None:
    snowflake_server.run(*script)
    once = held(snowflake_server, rights)
    snowflake_server.run(*script)

    assert held(snowflake_server, rights) == once
    assert grants.faults(rights, once, DATABASES, grants.MARTS, []) == []


def test_what_was_taken_away_is_given_again(
    snowflake_server: Server, script: list[str], rights: list[grants.Right]
) -> None:
    snowflake_server.run(*script)
    schema = f"{DATABASES.published}.MARTS"
    snowflake_server.run(f"revoke usage on schema {schema} from role REPORTER")
    found = held(snowflake_server, rights)
    lacking = [f"REPORTER lacks USAGE on schema {schema}"]
    assert grants.faults(rights, found, DATABASES, grants.MARTS, []) == lacking

    snowflake_server.run(*script)
    found = held(snowflake_server, rights)
    assert grants.faults(rights, found, DATABASES, grants.MARTS, []) == []


def test_no_right_of_the_matrix_is_left_out(
    script: list[str], rights: list[grants.Right]
) -> None:
    """Except those on tables, which come with the tables, and on what a role made."""
    given = {
        re.sub(r"\s+", " ", it.removesuffix(" copy current grants")).lower()
        for it in script
        if it.startswith("grant ")
    }
    wanted = set()
    for right in rights:
        privilege, to = right.privilege, f"to role {right.role}"
        if right.kind == "role":
            wanted.add(f"grant role {right.name} {to}")
        elif right.kind == grants.FUTURE_TABLES:
            where = f"tables in schema {right.name} {to}"
            wanted |= {f"grant {privilege} on {it} {where}" for it in ("all", "future")}
        elif right.kind not in (grants.TABLES, grants.OBJECTS):
            wanted.add(f"grant {privilege} on {right.kind} {right.name} {to}")
    assert given == {it.lower() for it in wanted}


def test_nothing_that_is_there_is_replaced_or_resized(script: list[str]) -> None:
    text = "\n".join(script).lower()
    assert "or replace" not in text
    assert "alter warehouse" not in text
    dropped = [it for it in script if it.startswith("drop")]
    assert dropped == [
        f"drop schema if exists {DATABASE}.PUBLIC",
        f"drop schema if exists {DATABASES.published}.PUBLIC",
    ]


def test_nobody_but_the_roles_of_the_matrix_is_given_anything(
    script: list[str],
) -> None:
    roles = {it.rpartition(" to role ")[2].split()[0] for it in script if "grant" in it}
    assert roles - {"SYSADMIN", "LOADER", "TRANSFORMER", "REPORTER"} == set()
    assert not [it for it in script if re.search(r"(?i)\ball privileges\b", it)]


def test_warehouses_sleep_when_idle_and_statements_end(script: list[str]) -> None:
    made = [it for it in script if it.startswith("create warehouse")]
    assert len(made) == 2
    for statement in made:
        assert "warehouse_size = XSMALL" in statement
        assert "auto_suspend = 60" in statement
        assert "statement_timeout_in_seconds" in statement


def test_raw_and_what_was_said_are_kept_for_fail_safe(script: list[str]) -> None:
    """What can be had again is transient and has no time travel."""
    for statement in script:
        if re.match(r"create .*(schema|database) if not exists", statement):
            last = statement.split()[-1]
            is_kept = last in (DATABASE, f"{DATABASE}.HISTORY", "access")
            assert is_kept != statement.startswith("create transient"), statement


def test_only_those_who_load_and_build_read_what_is_masked(
    snowflake_server: Server, script: list[str]
) -> None:
    snowflake_server.run(*script)
    bodies = dict(snowflake_server.run("show masking policies"))
    ours = {name: body for name, body in bodies.items() if name.startswith(DATABASE)}
    assert len(ours) == 2
    for name, body in ours.items():
        asked = body.replace("to_variant", "")
        seen = {
            role: snowflake_server.run(
                f"select {asked} from (select 'secret' as value)", role=role
            )
            for role in ("LOADER", "TRANSFORMER", "REPORTER", "SYSADMIN")
        }
        assert seen == {
            "LOADER": [("secret",)],
            "TRANSFORMER": [("secret",)],
            "REPORTER": [("***",)],
            "SYSADMIN": [("***",)],
        }, name


def test_names_follow_the_environment_and_masks_the_edition(
    rendering_home: Path,
) -> None:
    """Standard Edition has neither tags nor masks, and the rest holds."""
    plain = statements(
        render(
            "snowflake_setup",
            rendering_home,
            "Elsewhere",
            variables="{snowflake_masking: false}",
            environment={"SNOWFLAKE_PUBLISHED_DATABASE": "for_all"},
        )
    )
    assert "create database if not exists ELSEWHERE" in plain
    assert "grant usage on database FOR_ALL to role REPORTER" in plain
    text = "\n".join(plain)
    assert "ACSR" not in text
    assert not re.search(r"(?i)masking policy|\btag\b", text)
