"""The engine that records are loaded into and marts are published from.

DBT_TARGET names it, for dbt and for all else. What differs between the engines, seen
from orchestration, is here: how to reach the raw tables, to publish, and to read what
is published.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from orchestration import marts_copy, project
from orchestration.loading import RawStore, SnowflakeStore, open_store
from orchestration.publish import (
    MARTS,
    Publication,
    Rollback,
    publish,
    remember,
    roll_back,
    shown,
)
from orchestration.snowflake import grants, masking, publishing
from orchestration.snowflake.connection import connect
from orchestration.snowflake.grants import Databases
from orchestration.snowflake.masking import PrivateColumn

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

LOADER, TRANSFORMER, REPORTER = "LOADER", "TRANSFORMER", "REPORTER"
REPORTING = "REPORTING"  # the readers' warehouse
SAMPLE_MARK = "raw.made_up_sample"

Row = dict[str, Any]
Ask = Callable[..., list[Row]]  # a query, and the values that are bound in it


class Warehouse(Protocol):
    """The raw tables, within one session."""

    @property
    def store(self) -> Path | RawStore:
        """What records are loaded into."""

    def value(self, query: str) -> Any:  # noqa: ANN401
        """The only value that a query gives."""

    def is_sample(self) -> bool:
        """Whether the made-up sample was ever loaded here."""

    def mark_as_sample(self, note: str) -> None:
        """Says for good that what is loaded here is made up."""

    def has_records(self) -> bool:
        """Whether any file was ever loaded here."""

    def mask(self, feed: str) -> None:
        """Sees to it that what a feed must hide is hidden, before it is loaded."""


@dataclass(frozen=True)
class DuckDbWarehouse:
    """The file of this home folder."""

    path: Path

    @property
    def store(self) -> Path:
        """The file: the loader opens it for each feed."""
        return self.path

    def value(self, query: str) -> Any:  # noqa: ANN401
        """The only value that a query gives."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(query).fetchone()[0]

    def is_sample(self) -> bool:
        """Whether the note of the sample lies beside the file."""
        return self._note().exists()

    def mark_as_sample(self, note: str) -> None:
        """Leaves the note beside the file."""
        self._note().parent.mkdir(parents=True, exist_ok=True)
        self._note().write_text(note, encoding="utf-8")

    def _note(self) -> Path:
        return self.path.with_name("made_up_sample.txt")

    def has_records(self) -> bool:
        """Whether there is a history with a file in it; dbt makes the file without."""
        if not self.path.exists():
            return False
        is_loaded = self.value(
            "select count(*) from information_schema.tables "
            "where table_schema = 'raw' and table_name = 'load_history'"
        )
        return (
            bool(is_loaded) and self.value("select count(*) from raw.load_history") > 0
        )

    def mask(self, feed: str) -> None:
        """Nothing: whoever may read the file may read all of it."""


@dataclass(frozen=True)
class SnowflakeWarehouse:
    """The schema RAW, seen by a role that writes it or reads it."""

    connection: SnowflakeConnection
    store: SnowflakeStore

    def value(self, query: str) -> Any:  # noqa: ANN401
        """The only value that a query gives."""
        return self.store.run(query)[0][0]

    def is_sample(self) -> bool:
        """Whether the mark is there: it belongs to the records, not to a machine."""
        return self._has("MADE_UP_SAMPLE")

    def mark_as_sample(self, note: str) -> None:
        """Makes the table that says so."""
        self.store.run(f"create table if not exists {SAMPLE_MARK} (note varchar)")
        self.store.run(f"insert into {SAMPLE_MARK} values (?)", note)

    def has_records(self) -> bool:
        """Whether there is a history with a file in it."""
        if not self._has("LOAD_HISTORY"):
            return False
        return self.value("select count(*) from raw.load_history") > 0

    def _has(self, table: str) -> bool:
        found = self.store.run(
            "select count(*) from information_schema.tables "
            "where table_schema = 'RAW' and table_name = ?",
            table,
        )
        return found[0][0] > 0

    def mask(self, feed: str) -> None:
        """Tags the feed's columns, and those of what is rejected."""
        columns = private_columns(masking.RAW)
        if columns is None:
            return
        self.store.create_raw_tables()
        tables = (feed.upper(), "REJECTED_RECORDS")
        mine = [column for column in columns if column.table in tables]
        with self.connection.cursor() as cursor:
            masking.tag(cursor, databases().warehouse, mine)


def databases() -> Databases:
    """The databases on Snowflake: SNOWFLAKE_DATABASE, and what is published of it."""
    warehouse = (os.environ.get("SNOWFLAKE_DATABASE") or "ACSR").upper()
    published = os.environ.get("SNOWFLAKE_PUBLISHED_DATABASE")
    return Databases(warehouse, (published or f"{warehouse}_PUBLISHED").upper())


@cache
def private_columns(schema: str) -> list[PrivateColumn] | None:
    """Columns of a schema that are masked on Snowflake; None where nothing is."""
    if project.dbt_variables().get("snowflake_masking", True) is False:
        return None
    return masking.declared(project.manifest(), schema)


def warehouse_name() -> str:
    """Where the raw tables are, for people."""
    if project.engine() == "snowflake":
        return f"database {databases().warehouse} on Snowflake"
    return str(project.warehouse())


def published_name() -> str:
    """Where the published marts are, for people."""
    if project.engine() == "snowflake":
        return f"{databases().published}.{grants.MARTS} on Snowflake"
    return str(project.current())


@contextmanager
def loading() -> Iterator[Warehouse]:
    """The raw tables, to be written."""
    if project.engine() == "snowflake":
        with open_store(project.landing()) as store:
            yield SnowflakeWarehouse(store.connection, store)
    else:
        yield DuckDbWarehouse(project.warehouse())


def last_build() -> Row:
    """How much the last complete build took in and rebuilt.

    Keys: is_full, loads, records, sessions, cases, days; none before the first build.
    """
    return _of_last_build("is_full, loads, records, sessions, cases, days")


def publish_alone() -> Publication:
    """Publishes the last complete build once more, and lets older publications go.

    Snowflake keeps one older publication, which is then that same build.
    """
    last = _of_last_build("build_id, as_of")
    as_of = last["as_of"].replace(tzinfo=UTC)
    return publish_marts(as_of, project.git_revision(), last["build_id"], alone=True)


def is_held() -> bool:
    """Whether a rollback keeps readers on an older publication."""
    if project.engine() == "duckdb":
        found = shown(project.current())
        return found is not None and found.is_held
    with closing(connect(TRANSFORMER)) as connection, connection.cursor() as cursor:
        return publishing.is_held(cursor, databases(), _rules())


def has_seeds() -> bool:
    """Whether the last complete build had these very seeds, and macros."""
    return _of_last_build("macros").get("macros") == project.macros_fingerprint()


def _of_last_build(columns: str) -> Row:
    is_there = (
        "select count(*) as n from information_schema.tables where "
        "lower(table_schema) = 'intermediate' and lower(table_name) = 'builds'"
    )
    figures = (
        f"select {columns} from intermediate.builds order by build_number desc limit 1"
    )
    with building() as ask:
        found = ask(figures) if ask(is_there)[0]["n"] else []
    return found[0] if found else {}


def row_counts(tables: Mapping[str, str]) -> dict[str, int]:
    """Rows of tables of the warehouse, by what they are called here.

    `tables` are names as SQL wants them. All are asked at once: both engines know the
    number without reading the rows.
    """
    if not tables:
        return {}
    places = list(tables.items())
    query = " union all ".join(
        f"select {place} as place, count(*) as n from {name}"
        for place, (_, name) in enumerate(places)
    )
    with building() as ask:
        return {places[row["place"]][0]: row["n"] for row in ask(query)}


@contextmanager
def building() -> Iterator[Ask]:
    """Asks the warehouse, as the role that builds it."""
    if project.engine() == "duckdb":
        with duckdb.connect(str(project.warehouse()), read_only=True) as connection:
            yield _asking_duckdb(connection)
    else:
        with (
            closing(connect(TRANSFORMER)) as connection,
            connection.cursor() as cursor,
        ):
            yield _asking_snowflake(cursor)


@contextmanager
def changing() -> Iterator[Callable[..., Sequence[Sequence[Any]]]]:
    """Runs statements, their values bound, as the role that builds the warehouse."""
    if project.engine() == "duckdb":
        with duckdb.connect(str(project.warehouse())) as connection:
            yield lambda text, *values: connection.execute(text, values).fetchall()
    else:
        with closing(connect(TRANSFORMER)) as connection:
            yield SnowflakeStore(connection).run


def remember_publications() -> None:
    """Tells the warehouse which builds were published, before the next one begins."""
    if project.engine() == "duckdb":
        remember(project.warehouse(), project.current())
        return
    with (
        closing(connect(TRANSFORMER)) as connection,
        connection.cursor() as cursor,
    ):
        publishing.remember(cursor, databases())


def publish_marts(
    as_of: datetime,
    git_revision: str | None,
    build_id: str,
    *,
    after_rollback: bool = False,
    alone: bool = False,
) -> Publication:
    """Publishes the marts of the warehouse, or raises and leaves readers what they had.

    `build_id` is dbt's id of the build that made them. Raises HeldError where a
    rollback holds, unless `after_rollback`, and GrantsError on Snowflake where the
    grants in force are not as declared. If it is to be `alone`, older publications go.
    """
    given = {
        "as_of": as_of,
        "git_revision": git_revision,
        "build_id": build_id,
        "after_rollback": after_rollback,
    }
    if project.engine() == "duckdb":
        warehouse = DuckDbWarehouse(project.warehouse())
        return publish(
            warehouse.path,
            project.published(),
            is_sample=warehouse.is_sample(),
            texts=project.descriptions(MARTS),
            keys=marts_copy.declared(project.manifest()),
            alone=alone,
            **given,
        )
    with closing(connect(TRANSFORMER)) as connection:
        warehouse = SnowflakeWarehouse(connection, SnowflakeStore(connection))
        return publishing.publish(
            connection, databases(), _rules(), is_sample=warehouse.is_sample(), **given
        )


def roll_back_marts(wanted: str | None = None) -> Rollback:
    """Shows readers an older publication again: the one before, or the one named.

    `wanted` is an id, or how one begins.
    """
    if project.engine() == "duckdb":
        return roll_back(project.published(), wanted)
    with closing(connect(TRANSFORMER)) as connection:
        return publishing.roll_back(connection, databases(), _rules(), wanted)


def _rules() -> publishing.Rules:
    matrix = project.dbt_variables().get("snowflake_privileges") or {}
    return publishing.Rules(
        grants.declared(matrix, databases()), private_columns(grants.MARTS)
    )


@contextmanager
def reading() -> Iterator[Ask]:
    """Asks what is published, as a reader would; names of columns in lower case.

    Raises ProjectError where nothing is published yet.
    """
    if project.engine() == "snowflake":
        with _reading_snowflake() as ask:
            yield ask
    else:
        with reading_file(project.current()) as ask:
            yield ask


@contextmanager
def reading_file(current: Path) -> Iterator[Ask]:
    """Asks a published file."""
    if not current.exists():
        raise nothing_published(str(current))
    with duckdb.connect(str(current), read_only=True) as connection:
        yield _asking_duckdb(connection)


def _asking_duckdb(connection: duckdb.DuckDBPyConnection) -> Ask:
    def ask(query: str, *values: object) -> list[Row]:
        try:
            found = connection.execute(query, values)
        except duckdb.Error as problem:
            raise _no_answer(problem) from problem
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return ask


def _asking_snowflake(cursor: SnowflakeCursor) -> Ask:
    from snowflake.connector import Error

    def ask(query: str, *values: object) -> list[Row]:
        try:
            cursor.execute(query, values or None)
        except Error as problem:
            raise _no_answer(problem) from problem
        names = [column.name.lower() for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return ask


@contextmanager
def _reading_snowflake() -> Iterator[Ask]:
    login = {
        **os.environ,
        "SNOWFLAKE_DATABASE": databases().published,
        "SNOWFLAKE_WAREHOUSE": os.environ.get("SNOWFLAKE_REPORTING_WAREHOUSE")
        or REPORTING,
    }
    with closing(connect(REPORTER, login)) as connection, connection.cursor() as cursor:
        ask = _asking_snowflake(cursor)
        known = ask(
            "select count(*) as n from information_schema.tables where table_schema = "
            f"'{grants.MARTS}' and table_name = '{publishing.LEDGER_TABLE}'"
        )
        if not known[0]["n"]:
            raise nothing_published(published_name())
        yield ask


def nothing_published(where: str) -> project.ProjectError:
    """What to say where there is nothing to read."""
    return project.ProjectError(f"nothing is published yet at {where}: `make run`")


def _no_answer(problem: Exception) -> project.ProjectError:
    return project.ProjectError(f"what is published does not answer: {problem}")
