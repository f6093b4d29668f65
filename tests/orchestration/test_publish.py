from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest

from orchestration import publish as publishing
from orchestration.publish import Publication, PublicationError, publish
from tests.campaigns.kills import OF_PUBLICATIONS
from tests.orchestration.readers import campaign

AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    folder = tmp_path / "it's [a] folder"
    folder.mkdir()
    path = folder / "ware'house.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.load_history (last_timestamp timestamp)")
        connection.execute(
            "insert into raw.load_history values ('2026-01-30 08:00:00')"
        )
        connection.execute("create table raw.secrets as select 'ann' as customer_id")
        connection.execute("create schema staging")
        connection.execute("create view staging.hidden as from raw.secrets")
        connection.execute("create schema marts")
        connection.execute("create table marts.cases as select unnest([1, 2]) as id")
        connection.execute('create view marts."odd ""name" as select 1.5 as value')
    return path


@pytest.fixture
def folder(warehouse: Path) -> Path:
    return warehouse.parent / "published"


def publish_it(warehouse: Path, folder: Path, **changes: object) -> Publication:
    given = {"as_of": AS_OF, "git_revision": "abc+", "is_sample": False, **changes}
    return publish(warehouse, folder, **given)


def add_case(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("insert into marts.cases values (3)")


def rows(path: Path, query: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as it")
        connection.execute("use it")
        return connection.execute(query).fetchall()


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }


def test_readers_find_every_mart_and_nothing_else(
    warehouse: Path, folder: Path
) -> None:
    done = publish_it(warehouse, folder)

    assert done.path == folder / "current.duckdb"
    assert rows(done.path, "from marts.cases order by id") == [(1,), (2,)]
    assert rows(done.path, 'from marts."odd ""name"')[0][0] == pytest.approx(1.5)
    tables = "select table_schema, table_name from information_schema.tables order by 2"
    assert rows(done.path, tables) == [
        ("marts", "cases"),
        ("marts", 'odd "name'),
        ("marts", "publications"),
    ]


def test_a_publication_says_what_it_is(warehouse: Path, folder: Path) -> None:
    first = publish_it(warehouse, folder, is_sample=True)
    add_case(warehouse)
    second = publish_it(warehouse, folder, git_revision=None)

    found = rows(
        second.path,
        """
        select
            publication_id, is_made_up_sample, row_counts, git_revision, as_of,
            newest_event_at, published_at is not null
        from marts.publications
        order by published_at
        """,
    )
    as_of, newest = datetime(2026, 1, 31, 12), datetime(2026, 1, 30, 8)
    assert [(row[0], row[1], json.loads(row[2]), *row[3:]) for row in found] == [
        (first.publication_id, True, first.row_counts, "abc+", as_of, newest, True),
        (second.publication_id, False, second.row_counts, None, as_of, newest, True),
    ]
    assert first.row_counts == {"cases": 2, 'odd "name': 1}
    assert second.row_counts == {"cases": 3, 'odd "name': 1}


REMEMBERED = (
    "select publication_id, build_id, as_of from history.publications order by 1"
)


def test_the_warehouse_learns_which_builds_were_published(
    warehouse: Path, folder: Path
) -> None:
    publishing.remember(warehouse, folder / "current.duckdb")
    first = publish_it(warehouse, folder, build_id="one")
    second = publish_it(warehouse, folder, build_id="two")
    for _ in range(2):
        publishing.remember(warehouse, first.path)
        as_of = datetime(2026, 1, 31, 12)
        assert rows(warehouse, REMEMBERED) == [
            (first.publication_id, "one", as_of),
            (second.publication_id, "two", as_of),
        ]


def test_a_publication_from_before_builds_were_named_is_of_none(
    warehouse: Path, folder: Path
) -> None:
    first = publish_it(warehouse, folder)
    with duckdb.connect(str(first.path)) as connection:
        connection.execute("alter table marts.publications drop column build_id")
    publishing.remember(warehouse, first.path)
    assert [row[1] for row in rows(warehouse, REMEMBERED)] == [None]
    publish_it(warehouse, folder, build_id="two")
    publishing.remember(warehouse, first.path)
    assert [row[1] for row in rows(warehouse, REMEMBERED)] == [None, "two"]


def test_the_last_three_versions_stay_for_rollback(
    warehouse: Path, folder: Path
) -> None:
    done = [publish_it(warehouse, folder) for _ in range(5)]

    kept = {f"marts-{it.publication_id}.duckdb" for it in done[-3:]}
    assert {path.name for path in folder.iterdir()} == {*kept, "current.duckdb"}
    newest = folder / f"marts-{done[-1].publication_id}.duckdb"
    assert done[-1].path.read_bytes() == newest.read_bytes()


def test_a_failed_check_leaves_everything_as_it_was(
    warehouse: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_it(warehouse, folder)
    before = fingerprints(folder)
    add_case(warehouse)

    def refuse(draft: Path, warehouse: Path) -> None:
        assert draft.exists()
        raise PublicationError("refused")

    monkeypatch.setattr(publishing, "check", refuse)
    with pytest.raises(PublicationError, match="refused"):
        publish_it(warehouse, folder)
    assert fingerprints(folder) == before


def test_what_is_still_in_the_log_of_a_draft_is_published_too(
    warehouse: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the engine closes a file on a full disk: without a word."""

    def leave_a_log(draft: Path, _: object) -> None:
        with duckdb.connect(str(draft)) as connection:
            connection.execute("pragma disable_checkpoint_on_shutdown")
            connection.execute("comment on table marts.cases is 'in the log'")
        assert draft.with_name(f"{draft.name}.wal").exists()

    monkeypatch.setattr(publishing, "_write_comments", leave_a_log)
    done = publish_it(warehouse, folder)
    comment = "select comment from duckdb_tables() where table_name = 'cases'"
    with duckdb.connect(str(done.path), read_only=True) as connection:
        assert connection.execute(comment).fetchall() == [("in the log",)]


def test_a_failure_in_the_middle_leaves_everything_as_it_was(
    warehouse: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_it(warehouse, folder)
    before = fingerprints(folder)
    add_case(warehouse)

    def fill_the_disk(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "_sync", fill_the_disk)
    with pytest.raises(PublicationError, match="No space left"):
        publish_it(warehouse, folder)
    assert fingerprints(folder) == before


def test_what_a_killed_publication_left_is_removed(
    warehouse: Path, folder: Path
) -> None:
    folder.mkdir()
    (folder / ".marts-20260101.duckdb.tmp").write_bytes(b"half a file")
    (folder / ".marts-20260101.duckdb.tmp.wal").write_bytes(b"half a log")

    publish_it(warehouse, folder)

    assert not list(folder.glob(".*"))


def test_whoever_reads_goes_on_reading_the_old_publication(
    warehouse: Path, folder: Path
) -> None:
    old = publish_it(warehouse, folder)
    with duckdb.connect(str(old.path), read_only=True) as reader:
        add_case(warehouse)
        publish_it(warehouse, folder)
        assert reader.execute("select count(*) from marts.cases").fetchone() == (2,)
    assert rows(old.path, "select count(*) from marts.cases") == [(3,)]


def test_without_a_warehouse_or_a_mart_there_is_no_publication(
    tmp_path: Path, folder: Path
) -> None:
    with pytest.raises(PublicationError, match="there is no warehouse at"):
        publish_it(tmp_path / "none.duckdb", folder)

    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    with pytest.raises(PublicationError, match="has no table in the schema marts"):
        publish_it(empty, folder)
    assert not list(folder.glob("*"))


def test_the_ledger_s_name_is_taken(warehouse: Path, folder: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table marts.publications as select 1 as id")
    with pytest.raises(PublicationError, match="give the model another name"):
        publish_it(warehouse, folder)


class TestBatch:
    """A build of a batch after a published one: only what it touched is copied."""

    KEYS: ClassVar = {"facts": "id", "gone": "id"}

    @pytest.fixture
    def warehouse(self, warehouse: Path) -> Path:
        self.change(
            warehouse,
            """
            create schema intermediate;
            create table intermediate.builds
            as select 1 as build_number, 'one' as build_id, true as is_full;
            create table intermediate.int_nodes_touched as select '' as node_key;
            create table marts.facts as
            select i::varchar as id, 0 as value from range(1000) as rows (i);
            create table marts.gone as select 'a' as id;
            """,
        )
        return warehouse

    @pytest.fixture
    def published(self, warehouse: Path, folder: Path) -> Path:
        """Published once; then a batch, which left two traces of a hand.

        It removed 1, changed 2, and made another 3 and a new one. Not touched, and yet
        not as before, are 4 and 5.
        """
        done = publish_it(warehouse, folder, build_id="one", keys=self.KEYS)
        self.change(
            warehouse,
            """
            insert into intermediate.builds values (2, 'two', false);
            create or replace table intermediate.int_nodes_touched
            as select unnest(['1', '2', '3', 'new', 'of another mart']) as node_key;
            delete from marts.facts where id in ('1', '2', '3');
            insert into marts.facts values ('2', 9), ('3', 0), ('3', 1), ('new', 1);
            update marts.facts set value = 7 where id = '4';
            delete from marts.facts where id = '5';
            insert into marts.facts values ('55', 0);
            insert into marts.cases values (3);
            drop table marts.gone;
            """,
        )
        return done.path

    def change(self, path: Path, statements: str) -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute(statements)

    def facts(self, path: Path) -> set[tuple]:
        return set(rows(path, "from marts.facts"))

    def test_its_rows_take_the_place_of_theirs(
        self, warehouse: Path, folder: Path, published: Path
    ) -> None:
        before = self.facts(published)
        done = publish_it(warehouse, folder, build_id="two", keys=self.KEYS)

        gone = {("1", 0), ("2", 0), ("3", 0)}
        new = {("2", 9), ("3", 0), ("3", 1), ("new", 1)}
        assert self.facts(done.path) == before - gone | new
        assert done.row_counts == {"cases": 3, "facts": 1001, 'odd "name': 1}
        assert rows(done.path, "from marts.cases") == [(1,), (2,), (3,)]
        ledger = "select build_id from marts.publications order by published_at"
        assert rows(done.path, ledger) == [("one",), ("two",)]

    @pytest.mark.parametrize(
        ("statement", "changes"),
        [
            ("update intermediate.builds set is_full = true", {}),
            ("insert into intermediate.builds values (3, 'x', false)", {}),
            (
                "update intermediate.builds set build_id = 'x' where build_number = 1",
                {},
            ),
            ("delete from intermediate.builds", {}),
            ("drop table intermediate.builds", {}),
            ("drop table intermediate.int_nodes_touched", {}),
            ("alter table marts.facts add column more integer", {}),
            ("alter table marts.facts alter column value type bigint", {}),
            ("select 1", {"keys": {}}),
            ("select 1", {"build_id": "three"}),
            ("select 1", {"build_id": None}),
            ("select 1", {"as_of": AS_OF + timedelta(days=1)}),
        ],
    )
    def test_whatever_else_happened_copies_all(
        self,
        warehouse: Path,
        folder: Path,
        published: Path,
        statement: str,
        changes: dict[str, object],
    ) -> None:
        self.change(warehouse, statement)
        given = {"build_id": "two", "keys": self.KEYS, **changes}
        done = publish_it(warehouse, folder, **given)
        assert self.facts(done.path) == self.facts(warehouse)

    def test_a_count_that_differs_is_not_published(
        self, warehouse: Path, folder: Path, published: Path
    ) -> None:
        self.change(warehouse, "delete from marts.facts where id = '55' and value = 0")
        with pytest.raises(PublicationError, match="differs from the warehouse"):
            publish_it(warehouse, folder, build_id="two", keys=self.KEYS)
        assert len(self.facts(published)) == 1000


class TestCheck:
    """The check itself, on drafts that are wrong in one way each."""

    @pytest.fixture
    def draft(self, warehouse: Path, folder: Path) -> Path:
        return publish_it(warehouse, folder).path

    def spoil(self, draft: Path, statement: str) -> None:
        with duckdb.connect() as connection:
            name = str(draft).replace("'", "''")
            connection.execute(f"attach '{name}' as it")
            connection.execute("use it")
            connection.execute(statement)

    def test_a_whole_draft_passes(self, draft: Path, warehouse: Path) -> None:
        publishing.check(draft, warehouse)

    @pytest.mark.parametrize(
        ("statement", "complaint"),
        [
            ("drop table marts.cases", "differs from the warehouse"),
            ("delete from marts.cases where id = 1", "differs from the warehouse"),
            (
                "create table marts.extra as select 1 as id",
                "differs from the warehouse",
            ),
            ("create schema raw; create table raw.t as select 1", "holds the schemas"),
            ("create view main.v as select 1", "holds the schemas"),
            ("delete from marts.publications", "has no row in marts.publications"),
            ("drop table marts.publications", "has no row in marts.publications"),
        ],
    )
    def test_a_spoilt_draft_does_not(
        self, draft: Path, warehouse: Path, statement: str, complaint: str
    ) -> None:
        self.spoil(draft, statement)
        with pytest.raises(PublicationError, match=complaint):
            publishing.check(draft, warehouse)


class TestRollback:
    """Showing an older publication again."""

    def marts_of(self, path: Path) -> list[tuple]:
        return rows(
            path,
            "select publication_id, rolled_back_to, build_id, as_of "
            "from marts.publications order by published_at desc",
        )

    def cases(self, path: Path) -> int:
        return rows(path, "select count(*) from marts.cases")[0][0]

    def test_it_goes_back_one_by_one_and_is_in_the_ledger(
        self, warehouse: Path, folder: Path
    ) -> None:
        done = []
        for build in ("one", "two", "three"):
            done.append(publish_it(warehouse, folder, build_id=build))
            add_case(warehouse)
        current = done[0].path
        assert self.cases(current) == 4

        back = publishing.roll_back(folder)
        assert (back.marts_of, back.instead_of) == (
            done[1].publication_id,
            done[2].publication_id,
        )
        assert self.cases(current) == 3
        newest, *older = self.marts_of(current)
        as_of = datetime(2026, 1, 31, 12)
        assert newest == (back.publication_id, done[1].publication_id, "two", as_of)
        assert [row[0] for row in older] == [it.publication_id for it in done[::-1]]

        assert publishing.roll_back(folder).marts_of == done[0].publication_id
        assert self.cases(current) == 2
        before = fingerprints(folder)
        with pytest.raises(PublicationError, match=r"no publication before .* is kept"):
            publishing.roll_back(folder)
        assert fingerprints(folder) == before

    def test_it_holds_until_a_publication_says_so(
        self, warehouse: Path, folder: Path
    ) -> None:
        publish_it(warehouse, folder)
        publish_it(warehouse, folder)
        publishing.roll_back(folder)
        before = fingerprints(folder)
        with pytest.raises(publishing.HeldError, match="make resume"):
            publish_it(warehouse, folder)
        assert fingerprints(folder) == before
        publish_it(warehouse, folder, after_rollback=True)
        publish_it(warehouse, folder)

    def test_a_version_can_be_named_by_how_it_begins(
        self, warehouse: Path, folder: Path
    ) -> None:
        done = [publish_it(warehouse, folder) for _ in range(3)]
        wanted = done[0].publication_id
        back = publishing.roll_back(folder, wanted[: len(wanted) - 3])
        assert back.marts_of == wanted
        forth = publishing.roll_back(folder, done[2].publication_id)
        assert forth.marts_of == done[2].publication_id

        before = fingerprints(folder)
        with pytest.raises(PublicationError, match=r"no other publication .* begins"):
            publishing.roll_back(folder, "1999")
        with pytest.raises(PublicationError, match="several"):
            publishing.roll_back(folder, "20")
        assert fingerprints(folder) == before

    def test_a_version_that_was_never_shown_is_none(
        self, warehouse: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = [publish_it(warehouse, folder) for _ in range(3)]

        def die(current: Path, version: Path) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(publishing, "_point", die)
            with pytest.raises(KeyboardInterrupt):
                publish_it(warehouse, folder)
        ids = [it.publication_id for it in done]
        assert publishing.kept(done[0].path) == ids
        assert publishing.roll_back(folder).marts_of == ids[1]
        last = publish_it(warehouse, folder, after_rollback=True)
        kept = {f"marts-{it}.duckdb" for it in (*ids[1:], last.publication_id)}
        assert {path.name for path in folder.iterdir()} == {*kept, "current.duckdb"}

    def test_a_damaged_version_is_not_shown(
        self, warehouse: Path, folder: Path
    ) -> None:
        done = [publish_it(warehouse, folder) for _ in range(2)]
        version = folder / f"marts-{done[0].publication_id}.duckdb"
        version.write_bytes(version.read_bytes()[:20_000])
        before = fingerprints(folder)
        with pytest.raises(PublicationError, match="nothing was published"):
            publishing.roll_back(folder)
        assert fingerprints(folder) == before

    def test_where_nothing_is_published_there_is_no_way_back(
        self, folder: Path
    ) -> None:
        with pytest.raises(PublicationError, match="nothing is published at"):
            publishing.roll_back(folder)


def test_readers_beside_killed_publications_never_see_a_mix(tmp_path: Path) -> None:
    found = campaign(tmp_path, 7, seed=1, readers=1, points=OF_PUBLICATIONS)
    assert found.problems == []
    assert found.kills == 7
    assert found.reads > found.moves


def comments(path: Path, kind: str) -> list[tuple]:
    names = "table_name" if kind == "tables" else "table_name, column_name"
    return rows(
        path,
        f"select {names}, comment from duckdb_{kind}() where schema_name = 'marts' "
        "and database_name = 'it' and comment is not null order by all",
    )


def test_tables_and_columns_carry_their_descriptions(
    warehouse: Path, folder: Path
) -> None:
    texts = {
        "cases": {
            "": "One row per case; it's whole.",
            "id": "Who.",
            "gone": "Not here.",
        },
        'odd "name': {"value": 'A "value".'},
        "no_such_mart": {"": "Nothing."},
    }
    publish_it(warehouse, folder, texts=texts)
    current = folder / "current.duckdb"
    ledger = publishing.LEDGER
    assert [row for row in comments(current, "tables") if row[0] != ledger] == [
        ("cases", "One row per case; it's whole.")
    ]
    assert [row for row in comments(current, "columns") if row[0] != ledger] == [
        ("cases", "id", "Who."),
        ('odd "name', "value", 'A "value".'),
    ]


def test_the_ledger_says_what_each_of_its_columns_is(
    warehouse: Path, folder: Path
) -> None:
    publish_it(warehouse, folder)
    silent = (
        "select column_name from duckdb_columns() "
        "where table_name = 'publications' and comment is null"
    )
    assert rows(folder / "current.duckdb", silent) == []


def test_a_publication_that_is_to_be_alone_keeps_no_older_one(
    warehouse: Path, folder: Path
) -> None:
    for _ in range(2):
        publish_it(warehouse, folder)
    done = publish_it(warehouse, folder, alone=True)
    versions = sorted(path.name for path in folder.glob("marts-*.duckdb"))
    assert versions == [f"marts-{done.publication_id}.duckdb"]
    assert publishing.kept(folder / "current.duckdb") == [done.publication_id]
    with pytest.raises(PublicationError, match="no publication before"):
        publishing.roll_back(folder)
