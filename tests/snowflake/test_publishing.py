"""Publishing on Snowflake: all marts of one build, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import yaml
from snowflake.connector.cursor import SnowflakeCursor

from orchestration import project
from orchestration.publish import Publication, PublicationError
from orchestration.snowflake import grants, masking, publishing
from orchestration.snowflake.connection import connect
from orchestration.snowflake.grants import Databases, GrantsError
from orchestration.snowflake.publishing import Rules
from tests.snowflake.account import set_up
from tests.snowflake.support import Server

AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
IT = Databases("PUBLISHING", "PUBLISHING_PUBLISHED")
PRIVATE = [masking.PrivateColumn("MARTS", "CASES", "CUSTOMER_KEY", "pseudonym")]


@dataclass(frozen=True)
class Account:
    """A session of the role that publishes, one of an administrator, and the rules."""

    publisher: SnowflakeCursor
    admin: SnowflakeCursor
    rules: Rules

    def publish(self, **changes: object) -> Publication:
        given = {"as_of": AS_OF, "git_revision": "abc+", "is_sample": False, **changes}
        rules = given.pop("rules", self.rules)
        return publishing.publish(self.publisher.connection, IT, rules, **given)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.admin.execute(query).fetchall()

    def published(self) -> dict[str, int]:
        """What readers see: tables with their rows."""
        tables = self.rows(
            f"select table_name from {IT.published}.information_schema.tables "
            "where table_schema = 'MARTS' order by 1"
        )
        return {
            name: self.rows(f'select count(*) from {IT.published}.MARTS."{name}"')[0][0]
            for (name,) in tables
        }

    def schemas(self) -> set[str]:
        found = self.rows(f"show terse schemas in database {IT.published}")
        return {row[1] for row in found if row[1].startswith("MARTS")}

    def reporters(self, schema: str) -> set[tuple[object, ...]]:
        """What readers may do in a schema of the published database."""
        rows = self.rows("show grants to role REPORTER")
        place = f"{IT.published}.{schema}"
        return {
            (row[1], row[3])
            for row in rows
            if row[3] == place or row[3].startswith(f"{place}.")
        }


@pytest.fixture(scope="module")
def sessions(
    snowflake_server: Server, setup_script: str
) -> Iterator[tuple[SnowflakeCursor, SnowflakeCursor]]:
    """A session of the publishing role and one of an administrator."""
    set_up(snowflake_server, setup_script, IT.warehouse)
    publisher = connect("TRANSFORMER", snowflake_server.environment(IT.warehouse))
    with publisher, snowflake_server.connect() as admin:
        yield publisher.cursor(), admin.cursor()


@pytest.fixture
def account(sessions: tuple[SnowflakeCursor, SnowflakeCursor]) -> Account:
    """An account with two marts that dbt has built, and nothing published yet."""
    publisher, admin = sessions
    marts = f"{IT.warehouse}.MARTS"
    for statement in (
        f"drop schema if exists {marts}",
        f"create transient schema {marts}",
        f"create table {marts}.CASES as "
        "select 1 as id, 'k1' as customer_key union all select 2, 'k2'",
        f"alter table {marts}.CASES modify column customer_key "
        f"set tag {IT.warehouse}.GOVERNANCE.PRIVACY = 'pseudonym'",
        f"create table {marts}.RATES as select 1.5 as value",
        f"grant select on all tables in schema {marts} to role REPORTER",
        f"drop schema if exists {IT.published}.MARTS",
        f"create transient schema {IT.published}.MARTS",
        f"grant usage on schema {IT.published}.MARTS to role REPORTER",
        f"drop schema if exists {IT.published}.MARTS_NEXT",
        f"drop schema if exists {IT.published}.MARTS_PREVIOUS",
        "use role LOADER",
        f"create or replace table {IT.warehouse}.RAW.LOAD_HISTORY "
        "(last_timestamp timestamp_ntz)",
        f"insert into {IT.warehouse}.RAW.LOAD_HISTORY values ('2026-01-30 08:00:00')",
        "use role TRANSFORMER",
    ):
        publisher.execute(statement)
    settings = yaml.safe_load((project.ROOT / "dbt_project.yml").read_text())
    rights = grants.declared(settings["vars"]["snowflake_privileges"], IT)
    return Account(publisher, admin, Rules(rights, PRIVATE))


def add_case(account: Account) -> None:
    account.publisher.execute(
        f"insert into {IT.warehouse}.MARTS.CASES values (3, 'k3')"
    )


def test_readers_find_every_mart_and_nothing_else(account: Account) -> None:
    done = account.publish()

    assert str(done.path) == "PUBLISHING_PUBLISHED.MARTS"
    assert account.published() == {"CASES": 2, "PUBLICATIONS": 1, "RATES": 1}
    assert account.reporters("MARTS") == {
        ("USAGE", f"{IT.published}.MARTS"),
        ("SELECT", f"{IT.published}.MARTS.CASES"),
        ("SELECT", f"{IT.published}.MARTS.PUBLICATIONS"),
        ("SELECT", f"{IT.published}.MARTS.RATES"),
    }


def test_a_publication_says_what_it_is(account: Account) -> None:
    first = account.publish(is_sample=True)
    add_case(account)
    second = account.publish(git_revision=None)

    found = account.rows(
        f"""
        select
            publication_id, is_made_up_sample, row_counts, git_revision, as_of,
            newest_event_at, published_at is not null
        from {IT.published}.MARTS.PUBLICATIONS
        order by published_at
        """
    )
    as_of, newest = datetime(2026, 1, 31, 12), datetime(2026, 1, 30, 8)
    assert [(row[0], row[1], json.loads(row[2]), *row[3:]) for row in found] == [
        (first.publication_id, True, first.row_counts, "abc+", as_of, newest, True),
        (second.publication_id, False, second.row_counts, None, as_of, newest, True),
    ]
    assert first.row_counts == {"cases": 2, "rates": 1}
    assert second.row_counts == {"cases": 3, "rates": 1}


def test_the_warehouse_learns_which_builds_were_published(account: Account) -> None:
    publishing.remember(account.publisher, IT)
    account.publish(build_id="one")
    account.publish()
    publishing.remember(account.publisher, IT)
    found = f"select build_id from {IT.warehouse}.HISTORY.PUBLICATIONS order by 1"
    assert [row[0] for row in account.rows(found)] == ["one", None]


def test_a_ledger_from_before_builds_were_named_is_carried_on(account: Account) -> None:
    account.publish()
    ledger = f"{IT.published}.MARTS.PUBLICATIONS"
    account.publisher.execute(f"alter table {ledger} drop column build_id")
    publishing.remember(account.publisher, IT)
    account.publish(build_id="two")
    found = account.rows(f"select build_id from {ledger} order by published_at")
    assert [row[0] for row in found] == [None, "two"]


def test_the_publication_before_is_kept_and_nobody_reads_it(account: Account) -> None:
    account.publish()
    add_case(account)
    account.publish()
    add_case(account)
    account.publish()

    assert account.schemas() == {"MARTS", "MARTS_PREVIOUS"}
    assert account.published()["CASES"] == 4
    before = f"select count(*) from {IT.published}.MARTS_PREVIOUS.CASES"
    assert account.rows(before) == [(3,)]
    assert account.reporters("MARTS_PREVIOUS") == set()


def test_a_copy_is_masked_as_the_mart_is(account: Account) -> None:
    account.publish()
    address = f"{IT.published}.MARTS.CASES.CUSTOMER_KEY"
    tag = f"{IT.warehouse}.GOVERNANCE.PRIVACY"
    asked = f"select system$get_tag('{tag}', '{address}', 'column')"
    assert account.rows(asked) == [("pseudonym",)]


def refused(
    account: Account, kind: type[Exception], match: str, **changes: object
) -> str:
    """Publishes in vain and proves that readers see what they saw."""
    before = account.published(), account.reporters("MARTS")
    with pytest.raises(kind, match=f"(?s){match}") as caught:
        account.publish(**changes)
    assert (account.published(), account.reporters("MARTS")) == before
    assert account.schemas() <= {"MARTS", "MARTS_PREVIOUS"}
    return str(caught.value)


def test_an_untagged_column_is_not_published(account: Account) -> None:
    account.publish()
    add_case(account)
    lacking = [replace(PRIVATE[0], privacy="free_text")]
    said = refused(
        account,
        PublicationError,
        "nothing was published.*readers would see them",
        rules=replace(account.rules, private=lacking),
    )
    assert "modify column CUSTOMER_KEY set tag" in said


def test_without_masking_no_tag_is_asked_for(account: Account) -> None:
    account.publisher.execute(
        f"create or replace table {IT.warehouse}.MARTS.CASES as select 1 as id"
    )
    account.publisher.execute(
        f"grant select on table {IT.warehouse}.MARTS.CASES to role REPORTER"
    )
    account.publish(rules=replace(account.rules, private=None))
    assert account.published()["CASES"] == 1


def test_what_is_too_much_before_the_swap_publishes_nothing(account: Account) -> None:
    account.publish()
    add_case(account)
    grant = f"schema {IT.warehouse}.RAW"
    account.publisher.execute(f"grant usage on {grant} to role REPORTER")
    try:
        refused(account, GrantsError, "nothing was published.*REPORTER has USAGE on")
    finally:
        account.publisher.execute(f"revoke usage on {grant} from role REPORTER")


def test_a_mart_that_dbt_granted_to_nobody_is_not_published(account: Account) -> None:
    account.publish()
    account.publisher.execute(
        f"revoke select on table {IT.warehouse}.MARTS.CASES from role REPORTER"
    )
    refused(account, GrantsError, "REPORTER lacks SELECT on table .*MARTS_NEXT.CASES")


def test_a_publication_with_wrong_grants_is_taken_back(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody grants between the check and the swap."""
    account.publish()
    add_case(account)
    swap = publishing._Publishing.swap

    def swap_late(publication: publishing._Publishing) -> None:
        account.admin.execute(
            f"grant insert on table {IT.published}.MARTS_NEXT.CASES to role REPORTER"
        )
        swap(publication)

    monkeypatch.setattr(publishing._Publishing, "swap", swap_late)
    refused(account, GrantsError, "taken back.*REPORTER has INSERT")


def test_grants_that_cannot_be_read_after_the_swap_take_it_back(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.publish()
    add_case(account)
    check = grants.check

    def fail_after(*arguments: object) -> None:
        if arguments[3] == grants.MARTS:
            raise ConnectionResetError("gone")
        check(*arguments)

    monkeypatch.setattr(grants, "check", fail_after)
    refused(account, GrantsError, "taken back: gone")


def test_a_failed_check_leaves_everything_as_it_was(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.publish()
    add_case(account)

    def refuse(*_: object) -> None:
        raise PublicationError("refused")

    monkeypatch.setattr(publishing, "check", refuse)
    refused(account, PublicationError, "refused")


def test_what_an_interrupted_publication_left_is_replaced(account: Account) -> None:
    for statement in (
        f"create transient schema {IT.published}.MARTS_NEXT",
        f"create table {IT.published}.MARTS_NEXT.HALF as select 1 as id",
    ):
        account.publisher.execute(statement)
    account.publish()
    assert account.published() == {"CASES": 2, "PUBLICATIONS": 1, "RATES": 1}


def test_what_fails_after_the_publication_does_not_undo_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.publish()
    add_case(account)
    monkeypatch.setattr(publishing, "_revocation", lambda *_: "no statement")
    account.publish()
    assert account.published()["CASES"] == 3

    monkeypatch.undo()
    account.publish()
    assert account.schemas() == {"MARTS", "MARTS_PREVIOUS"}


def test_the_first_publication_needs_no_schema(account: Account) -> None:
    account.publisher.execute(f"drop schema {IT.published}.MARTS")
    account.publish()
    assert account.published()["CASES"] == 2


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("drop schema {0}", "has no table: did the build run"),
        ("create view {0}.SEEN as select 1 as id", "SEEN .* materialize it as a table"),
        (
            "create table {0}.PUBLICATIONS as select 1 as id",
            "give the model another name",
        ),
    ],
)
def test_what_cannot_be_published_is_named(
    account: Account, statement: str, told: str
) -> None:
    account.publisher.execute(statement.format(f"{IT.warehouse}.MARTS"))
    refused(account, PublicationError, told)


class TestCheck:
    """The check itself, on drafts that are wrong in one way each."""

    @pytest.fixture
    def draft(self, account: Account) -> Account:
        account.publish()
        account.publisher.execute(f"create transient schema {IT.published}.MARTS_NEXT")
        account.publisher.execute(
            f"alter schema {IT.published}.MARTS swap with {IT.published}.MARTS_NEXT"
        )
        return account

    def test_a_whole_draft_passes(self, draft: Account) -> None:
        publishing.check(draft.publisher, IT)

    @pytest.mark.parametrize(
        ("statement", "complaint"),
        [
            ("drop table {0}.CASES", "differs from"),
            ("delete from {0}.CASES where id = 1", "differs from"),
            ("create table {0}.EXTRA as select 1 as id", "differs from"),
            ("create view {0}.V as select 1 as id", "differs from"),
            ("delete from {0}.PUBLICATIONS", "has no row in PUBLICATIONS"),
            ("drop table {0}.PUBLICATIONS", "has no row in PUBLICATIONS"),
        ],
    )
    def test_a_spoilt_draft_does_not(
        self, draft: Account, statement: str, complaint: str
    ) -> None:
        draft.publisher.execute(statement.format(f"{IT.published}.MARTS_NEXT"))
        with pytest.raises(PublicationError, match=complaint):
            publishing.check(draft.publisher, IT)


def marts_of(account: Account) -> list[tuple[object, ...]]:
    """What the ledger of readers says, newest first: rollback or not."""
    return account.rows(
        "select publication_id, rolled_back_to, build_id "
        f"from {IT.published}.MARTS.PUBLICATIONS order by published_at desc"
    )


def test_a_rollback_shows_the_publication_before_until_it_is_lifted(
    account: Account,
) -> None:
    first = account.publish(build_id="one")
    add_case(account)
    second = account.publish(build_id="two")
    reporters = account.reporters("MARTS")

    done = publishing.roll_back(account.publisher.connection, IT, account.rules)

    assert (done.marts_of, done.instead_of) == (
        first.publication_id,
        second.publication_id,
    )
    assert account.published()["CASES"] == 2
    assert account.reporters("MARTS") == reporters
    assert account.reporters("MARTS_PREVIOUS") == set()
    assert marts_of(account)[0] == (done.publication_id, first.publication_id, "one")

    with pytest.raises(PublicationError, match=r"no publication before .* is kept"):
        publishing.roll_back(account.publisher.connection, IT, account.rules)
    refused(account, PublicationError, "a rollback holds")

    forth = publishing.roll_back(
        account.publisher.connection, IT, account.rules, second.publication_id
    )
    assert forth.marts_of == second.publication_id
    assert account.published()["CASES"] == 3
    third = account.publish(after_rollback=True, build_id="three")
    assert [row[0] for row in marts_of(account)] == [
        third.publication_id,
        forth.publication_id,
        done.publication_id,
        second.publication_id,
        first.publication_id,
    ]


def test_a_rollback_whose_grants_are_wrong_is_none(account: Account) -> None:
    account.publish()
    add_case(account)
    account.publish()
    grant = f"schema {IT.warehouse}.RAW"
    account.publisher.execute(f"grant usage on {grant} to role REPORTER")
    try:
        with pytest.raises(GrantsError, match="REPORTER has USAGE on"):
            publishing.roll_back(account.publisher.connection, IT, account.rules)
    finally:
        account.publisher.execute(f"revoke usage on {grant} from role REPORTER")
    assert account.published()["CASES"] == 3
