"""Publishing: the tested marts go to a new file, which replaces the old one at once.

Readers see marts only, and never half of a refresh: the new file is written and
checked under a hidden name, then moved over `current.duckdb`. Whoever has the old
one open goes on reading it.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import project
from orchestration.marts_copy import MARTS, Keys, copy_marts, follows, quoted

LEDGER = "publications"
LEDGER_TEXTS = {
    "": "One row per publication: what readers open was built when, and from what.",
    "publication_id": "Names the publication; begins with its time.",
    "is_made_up_sample": "True where the records are simulated, not a real agent's.",
    "row_counts": "JSON; how many rows each mart has.",
    "git_revision": "Commit that computed it; with + where files differed from it.",
    "build_id": "dbt's id of the build.",
    "as_of": "The now of every rule, UTC.",
    "newest_event_at": "Newest time in any record, UTC.",
    "published_at": "When readers got it, UTC.",
}
KEPT_VERSIONS = 3
REMEMBERED = ("publication_id", "build_id", "as_of", "published_at")
VERSION_FILES = "marts-*.duckdb"

_LEDGER_COLUMNS = """
    publication_id varchar not null,
    is_made_up_sample boolean not null,
    row_counts varchar not null,
    git_revision varchar,
    build_id varchar,
    as_of timestamp not null,
    newest_event_at timestamp,
    published_at timestamp not null
"""


# of each table its description under the empty name, and those of its columns
Texts = Mapping[str, Mapping[str, str]]


class PublicationError(Exception):
    """Nothing was published; the file that readers open is what it was."""


@dataclass(frozen=True)
class Publication:
    """A publication: its id, where it is, and how many rows each table has.

    `path` is a file, or the database and schema on Snowflake.
    """

    publication_id: str
    path: Path | str
    row_counts: dict[str, int]


def publish(
    warehouse: Path,
    folder: Path,
    *,
    as_of: datetime,
    git_revision: str | None,
    is_sample: bool,
    build_id: str | None = None,
    keys: Keys | None = None,
    texts: Texts | None = None,
) -> Publication:
    """Publishes the marts of a warehouse to `folder/current.duckdb`, or nothing.

    `build_id` is dbt's id of the build that made them; none where nobody knows. `keys`
    has the column by which a batch replaces rows, of marts in which it does: where it
    was the last thing that happened, only its rows are copied. `texts` are the
    descriptions that go with them, as comments.

    Call it only after every test of the marts has passed.
    """
    if not warehouse.exists():
        raise PublicationError(f"there is no warehouse at {warehouse}: `make refresh`")
    folder.mkdir(parents=True, exist_ok=True)
    published_at = datetime.now(UTC)
    publication_id = f"{published_at:%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:6]}"
    version = folder / f"marts-{publication_id}.duckdb"
    draft = folder / f".{version.name}.tmp"
    current = folder / "current.duckdb"
    _forget_drafts(folder)
    try:
        if _begin_as_before(current, draft, warehouse, as_of, build_id):
            row_counts = _copy_marts(warehouse, draft, keys or {})
        else:
            row_counts = _copy_marts(warehouse, draft, {})
        _write_ledger(
            draft,
            current,
            {
                "publication_id": publication_id,
                "is_made_up_sample": is_sample,
                "row_counts": json.dumps(row_counts),
                "git_revision": git_revision,
                "build_id": build_id,
                "as_of": _utc(as_of),
                "newest_event_at": _newest_event(warehouse),
                "published_at": _utc(published_at),
            },
        )
        _write_comments(draft, {**(texts or {}), LEDGER: LEDGER_TEXTS})
        check(draft, warehouse)
        _sync(draft)
        draft.replace(version)
        _point(current, version)
        _sync(folder)
    except (OSError, duckdb.Error) as problem:
        raise PublicationError(
            f"nothing was published, {current} is what it was: {problem}"
        ) from problem
    finally:
        _forget_drafts(folder)
    _forget_versions(folder)
    return Publication(publication_id, current, row_counts)


def check(draft: Path, warehouse: Path) -> None:
    """Raises unless a draft holds every mart, whole, the ledger, and nothing else."""
    with _opened(draft) as connection:
        held = _tables(connection, "draft")
        schemas = {
            name
            for (name,) in connection.execute(
                "select distinct schema_name from duckdb_tables() "
                "where database_name = 'draft' union "
                "select distinct schema_name from duckdb_views() "
                "where database_name = 'draft' and not internal"
            ).fetchall()
        }
        found = {name: _count(connection, "draft", name) for name in held}
    with _opened(warehouse) as connection:
        expected = {
            name: _count(connection, "draft", name)
            for name in _tables(connection, "draft")
        }
    if found.pop(LEDGER, 0) == 0:
        raise PublicationError(f"{draft.name} has no row in {MARTS}.{LEDGER}")
    if schemas != {MARTS}:
        raise PublicationError(
            f"{draft.name} holds the schemas {sorted(schemas)}; wanted: {MARTS}"
        )
    if found != expected:
        wrong = sorted(found.items() ^ expected.items())
        raise PublicationError(
            f"{draft.name} differs from the warehouse's {MARTS} in {wrong}"
        )


def _begin_as_before(
    current: Path, draft: Path, warehouse: Path, as_of: datetime, build_id: str | None
) -> bool:
    """Begins a draft as what readers have, if the build only added a batch to it.

    The first publication of a day never does: whatever may be wrong with the file that
    readers have, by whatever hand, ends with the day.
    """
    if not current.exists():
        return False
    with _opened(current) as connection:
        before = connection.execute(
            f"select build_id, as_of {_with_builds('draft')} "
            "order by published_at desc limit 1"
        ).fetchone()
    if before is None or before[1].date() != _utc(as_of).date():
        return False
    with _opened(warehouse) as connection:
        if not follows(connection, "draft", before[0], build_id):
            return False
    shutil.copyfile(current, draft)
    return True


def _copy_marts(warehouse: Path, draft: Path, keys: Keys) -> dict[str, int]:
    limit = {"memory_limit": project.memory_limit()}
    with duckdb.connect(str(draft), config=limit) as connection:
        connection.execute(f"attach {_text(warehouse)} as warehouse (read_only)")
        names = _tables(connection, "warehouse")
        if not names:
            raise PublicationError(
                f"{warehouse} has no table in the schema {MARTS}: did the build run?"
            )
        if LEDGER in names:
            raise PublicationError(
                f"{MARTS}.{LEDGER} is this project's own record of publications; "
                "give the model another name"
            )
        connection.execute(f"create schema if not exists {MARTS}")
        copy_marts(connection, names, keys)
        return {name: _count(connection, "warehouse", name) for name in names}


def _write_ledger(draft: Path, current: Path, row: dict[str, object]) -> None:
    """The ledger of the publication before, and one more row."""
    with duckdb.connect(str(draft)) as connection:
        connection.execute(f"create table {MARTS}.{LEDGER} ({_LEDGER_COLUMNS})")
        if current.exists():
            connection.execute(f"attach {_text(current)} as before (read_only)")
            connection.execute(
                f"insert into {MARTS}.{LEDGER} by name from before.{MARTS}.{LEDGER}"
            )
            connection.execute("detach before")
        holes = ", ".join(f"${name}" for name in row)
        connection.execute(
            f"insert into {MARTS}.{LEDGER} ({', '.join(row)}) values ({holes})", row
        )


def _write_comments(draft: Path, texts: Texts) -> None:
    """What tables and columns mean, where tools for people look: in one go."""
    with duckdb.connect(str(draft)) as connection:
        held = connection.execute(
            "select table_name, column_name from duckdb_columns() "
            f"where schema_name = '{MARTS}'"
        ).fetchall()
        places = sorted({(table, "") for table, _ in held} | set(held))
        statements = [
            _comment(table, column, texts[table][column])
            for table, column in places
            if texts.get(table, {}).get(column)
        ]
        connection.execute(f"begin; {' '.join(statements)} commit")


def _comment(table: str, column: str, text: str) -> str:
    place = f"{MARTS}.{quoted(table)}"
    about = f"column {place}.{quoted(column)}" if column else f"table {place}"
    return f"comment on {about} is {_literal(text)};"


def remember(warehouse: Path, current: Path) -> None:
    """Tells the warehouse what was published, of which build: `history.publications`.

    It is read off what readers open, so that a publication whose process died right
    after it counts, and one that failed does not. Nothing where nothing is published.
    """
    if not current.exists() or not warehouse.exists():
        return
    columns = ", ".join(REMEMBERED)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"attach {_text(current)} as before (read_only)")
        connection.execute("create schema if not exists history")
        connection.execute(
            f"create or replace table history.{LEDGER} as "
            f"select {columns} {_with_builds('before')}"
        )


def _with_builds(database: str) -> str:
    """The ledger of a database; one from before there were builds in it has none."""
    return (
        "from (select cast(null as varchar) as build_id where false "
        f"union all by name from {database}.{MARTS}.{LEDGER})"
    )


def _newest_event(warehouse: Path) -> datetime | None:
    with _opened(warehouse) as connection:
        query = "select max(last_timestamp) from draft.raw.load_history"
        return connection.execute(query).fetchone()[0]


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A file attached as `draft`, whatever its name is, and only to be read."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {_text(path)} as draft (read_only)")
        yield connection


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = $database and table_schema = $schema order by all",
        {"database": database, "schema": MARTS},
    ).fetchall()
    return [name for (name,) in rows]


def _count(connection: duckdb.DuckDBPyConnection, database: str, name: str) -> int:
    query = f"select count(*) from {database}.{MARTS}.{quoted(name)}"
    return connection.execute(query).fetchone()[0]


def _text(path: Path) -> str:
    """A path as an SQL string: `attach` takes no bound value."""
    return _literal(str(path))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _sync(path: Path) -> None:
    """Waits until a file or folder is on the disk, so that a crash cannot undo it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(current: Path, version: Path) -> None:
    """Moves a second name of the version over `current`: one step, no copy."""
    link = current.with_name(f".{current.name}.tmp")
    os.link(version, link)
    link.replace(current)


def _forget_drafts(folder: Path) -> None:
    """Removes what a publication that was killed left behind."""
    for pattern in (".*.tmp", ".*.tmp.wal"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _forget_versions(folder: Path) -> None:
    for path in sorted(folder.glob(VERSION_FILES))[:-KEPT_VERSIONS]:
        with suppress(OSError):
            path.unlink()
