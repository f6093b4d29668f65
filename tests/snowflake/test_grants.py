"""The check of the grants in force: it must see every way of having too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from snowflake.connector.cursor import SnowflakeCursor

from orchestration import project
from orchestration.snowflake import grants
from orchestration.snowflake.grants import Databases, GrantsError, Right
from tests.snowflake.account import set_up
from tests.snowflake.support import Server

IT = Databases("CHECKED", "CHECKED_PUBLISHED")
TABLES = ["CASES", "PUBLICATIONS"]


@pytest.fixture(scope="module")
def rights() -> list[Right]:
    """The matrix of this project."""
    settings = yaml.safe_load((project.ROOT / "dbt_project.yml").read_text())
    return grants.declared(settings["vars"]["snowflake_privileges"], IT)


@dataclass(frozen=True)
class Account:
    """Two sessions of one account: of who may do all, and of who publishes."""

    admin: SnowflakeCursor
    publisher: SnowflakeCursor

    def run(self, statement: str) -> None:
        self.admin.execute(statement)


@pytest.fixture(scope="module")
def account(snowflake_server: Server, setup_script: str) -> Iterator[Account]:
    """An account set up, with a raw table, a mart, and both published."""
    set_up(snowflake_server, setup_script, IT.warehouse)
    snowflake_server.run(
        "use role LOADER",
        f"create or replace table {IT.warehouse}.RAW.EVENTS (id varchar)",
        "use role TRANSFORMER",
        f"create or replace transient schema {IT.warehouse}.MARTS",
        f"create table {IT.warehouse}.MARTS.CASES (id varchar)",
        f"grant select on table {IT.warehouse}.MARTS.CASES to role REPORTER",
        f"create or replace transient schema {IT.published}.MARTS",
        f"grant usage on schema {IT.published}.MARTS to role REPORTER",
        *(f"create table {IT.published}.MARTS.{name} (id varchar)" for name in TABLES),
        f"grant select on all tables in schema {IT.published}.MARTS to role REPORTER",
        "use role SECURITYADMIN",
        "create role if not exists INTERN",
    )
    with snowflake_server.connect() as admin, snowflake_server.connect() as publisher:
        account = Account(admin.cursor(), publisher.cursor())
        account.publisher.execute("use role TRANSFORMER")
        yield account


def judge(account: Account, rights: list[Right]) -> None:
    grants.check(account.publisher, rights, IT, grants.MARTS, TABLES)


def named(statement: str) -> str:
    return statement.format(database=IT.warehouse, published=IT.published)


def undone(statement: str) -> str:
    """What takes a change back; ownership goes to whom it belongs."""
    if "ownership" in statement:
        return statement.replace("INTERN", "TRANSFORMER")
    verb, rest = statement.split(" ", 1)
    if verb == "grant":
        return "revoke " + " from role ".join(rest.rsplit(" to role ", 1))
    return "grant " + " to role ".join(rest.rsplit(" from role ", 1))


def test_what_is_declared_passes(account: Account, rights: list[Right]) -> None:
    judge(account, rights)


TOO_MUCH = {
    "grant usage on schema {database}.RAW to role REPORTER": (
        "ROLE REPORTER has USAGE on SCHEMA CHECKED.RAW"
    ),
    "grant usage on database {database} to role REPORTER": (
        "ROLE REPORTER has USAGE on DATABASE CHECKED"
    ),
    "grant select on table {database}.RAW.EVENTS to role REPORTER": (
        "ROLE REPORTER has SELECT on TABLE CHECKED.RAW.EVENTS"
    ),
    "grant usage on schema {database}.STAGING to role REPORTER": (
        "ROLE REPORTER has USAGE on SCHEMA CHECKED.STAGING"
    ),
    "grant usage on schema {database}.INTERMEDIATE to role REPORTER": (
        "ROLE REPORTER has USAGE on SCHEMA CHECKED.INTERMEDIATE"
    ),
    "grant usage on schema {database}.MARTS to role REPORTER": (
        "ROLE REPORTER has USAGE on SCHEMA CHECKED.MARTS"
    ),
    "grant insert on table {published}.MARTS.CASES to role REPORTER": (
        "ROLE REPORTER has INSERT on TABLE CHECKED_PUBLISHED.MARTS.CASES"
    ),
    "grant create table on schema {published}.MARTS to role REPORTER": (
        "ROLE REPORTER has CREATE TABLE on SCHEMA CHECKED_PUBLISHED.MARTS"
    ),
    "grant usage on database {published} to role PUBLIC": (
        "ROLE PUBLIC has USAGE on DATABASE CHECKED_PUBLISHED"
    ),
    "grant usage on warehouse TRANSFORMING to role PUBLIC": (
        "ROLE PUBLIC has USAGE on WAREHOUSE TRANSFORMING"
    ),
    "grant select on table {published}.MARTS.CASES to role INTERN": (
        "ROLE INTERN has SELECT on TABLE CHECKED_PUBLISHED.MARTS.CASES"
    ),
    "grant usage on schema {database}.RAW to role INTERN": (
        "ROLE INTERN has USAGE on SCHEMA CHECKED.RAW"
    ),
    "grant select on future tables in schema {published}.MARTS to role INTERN": (
        "ROLE INTERN has SELECT on future TABLEs of CHECKED_PUBLISHED.MARTS"
    ),
    "grant select on future tables in database {published} to role REPORTER": (
        "ROLE REPORTER has SELECT on future TABLEs of CHECKED_PUBLISHED"
    ),
    "grant select on future tables in schema {database}.MARTS to role REPORTER": (
        "ROLE REPORTER has SELECT on future TABLEs of CHECKED.MARTS"
    ),
    "grant ownership on schema {database}.STAGING to role INTERN": (
        "ROLE INTERN has OWNERSHIP on SCHEMA CHECKED.STAGING"
    ),
    "grant create schema on database {database} to role TRANSFORMER": (
        "ROLE TRANSFORMER has CREATE SCHEMA on DATABASE CHECKED"
    ),
    "grant insert on table {database}.RAW.EVENTS to role TRANSFORMER": (
        "ROLE TRANSFORMER has INSERT on TABLE CHECKED.RAW.EVENTS"
    ),
    "grant role TRANSFORMER to role REPORTER": (
        "ROLE REPORTER has USAGE on ROLE TRANSFORMER"
    ),
    "grant role TRANSFORMER to role PUBLIC": (
        "ROLE PUBLIC has USAGE on ROLE TRANSFORMER"
    ),
    "grant role REPORTER to role INTERN": "ROLE INTERN has USAGE on ROLE REPORTER",
    "grant role ACCOUNTADMIN to role LOADER": (
        "ROLE LOADER has USAGE on ROLE ACCOUNTADMIN"
    ),
    "grant manage grants on account to role LOADER": (
        "ROLE LOADER has MANAGE GRANTS on ACCOUNT ACCOUNT"
    ),
}
MISSING = {
    "revoke select on table {published}.MARTS.CASES from role REPORTER": (
        "REPORTER lacks SELECT on table CHECKED_PUBLISHED.MARTS.CASES"
    ),
    "revoke usage on schema {published}.MARTS from role REPORTER": (
        "REPORTER lacks USAGE on schema CHECKED_PUBLISHED.MARTS"
    ),
    "revoke create table on schema {database}.RAW from role LOADER": (
        "LOADER lacks CREATE TABLE on schema CHECKED.RAW"
    ),
}


def test_whatever_is_too_much_or_missing_is_found(
    account: Account, rights: list[Right]
) -> None:
    """All at once, so that one fault cannot hide another."""
    changes = [named(it) for it in (*TOO_MUCH, *MISSING)]
    for statement in changes:
        account.run(statement)
    try:
        found = grants.read(account.publisher, rights, IT, grants.MARTS, TABLES)
        with pytest.raises(GrantsError, match="revoke what is too much") as caught:
            judge(account, rights)
    finally:
        for statement in reversed(changes):
            account.run(undone(statement))

    told = grants.faults(rights, found, IT, grants.MARTS, TABLES)
    assert sorted(told) == sorted(
        [
            *(f"{it}: not declared" for it in TOO_MUCH.values()),
            *MISSING.values(),
            # it went to somebody else
            "TRANSFORMER lacks OWNERSHIP on schema CHECKED.STAGING",
        ]
    )
    assert told[0] in str(caught.value)
    judge(account, rights)


def test_who_holds_a_role_is_not_for_the_matrix_to_say(
    account: Account, rights: list[Right]
) -> None:
    account.run("grant role REPORTER to user ANN")
    try:
        judge(account, rights)
    finally:
        account.run("revoke role REPORTER from user ANN")


class Answers:
    """A cursor that knows the answers to some questions, and fails at others."""

    def __init__(self, rows: list[tuple[str, ...]] | None) -> None:
        self.description = [("privilege",), ("granted_on",)]
        self.rows = rows

    def execute(self, command: str) -> None:
        if self.rows is None:
            raise PermissionError("Insufficient privileges to operate on role")

    def fetchall(self) -> list[tuple[str, ...]]:
        return self.rows or []


def test_grants_that_cannot_be_read_are_not_taken_for_granted(
    rights: list[Right],
) -> None:
    with pytest.raises(GrantsError, match=r"cannot be read: show grants to role.*Insu"):
        grants.check(Answers(None), rights, IT, grants.MARTS, TABLES)
    with pytest.raises(GrantsError, match="cannot be read"):
        grants.check(Answers([("SELECT", "TABLE")]), rights, IT, grants.MARTS, TABLES)


def test_no_answer_at_all_is_no_proof(rights: list[Right]) -> None:
    with pytest.raises(GrantsError, match="REPORTER lacks SELECT on table"):
        grants.check(Answers([]), rights, IT, grants.MARTS, TABLES)


@pytest.mark.parametrize("grantee_kind", ["USER", "SHARE", "DATABASE_ROLE", "ROLE"])
def test_only_a_role_has_what_is_declared_and_may_not_pass_it_on(
    rights: list[Right], grantee_kind: str
) -> None:
    select = grants.Grant(
        grantee="REPORTER",
        privilege="SELECT",
        kind="TABLE",
        name=f"{IT.published}.MARTS.CASES",
        grantee_kind=grantee_kind,
        can_be_passed_on=grantee_kind == "ROLE",
    )
    said = grants.faults(rights, [select], IT, grants.MARTS, ["CASES"])
    assert str(select) in said
    assert any("REPORTER lacks SELECT on table" in it for it in said)


def test_a_matrix_that_declares_nothing_is_refused() -> None:
    with pytest.raises(GrantsError, match="declares nothing"):
        grants.declared({}, IT)
