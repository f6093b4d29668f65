"""Publishing: the tested marts go to a new file, which replaces the old one at once.

Readers see marts only, and never half of a refresh: the new file is written and
checked under a hidden name, then moved over `current.duckdb`. Whoever has the old
one open goes on reading it.

A rollback shows an older version again. It is a row of the ledger too, and it holds:
the next publication has to say that it may follow one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import project
from orchestration.kill_points import passing
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
    "rolled_back_to": "The publication whose marts a rollback shows again; else empty.",
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
    published_at timestamp not null,
    rolled_back_to varchar
"""


# of each table its description under the empty name, and those of its columns
Texts = Mapping[str, Mapping[str, str]]


class PublicationError(Exception):
    """Nothing was published; the file that readers open is what it was."""


class HeldError(PublicationError):
    """Nothing was published because a rollback holds."""


@dataclass(frozen=True)
class Publication:
    """A publication: its id, where it is, and how many rows each table has.

    `path` is a file, or the database and schema on Snowflake.
    """

    publication_id: str
    path: Path | str
    row_counts: dict[str, int]


@dataclass(frozen=True)
class Shown:
    """What readers see: a row of the ledger, and the publication its marts are of.

    They differ while a rollback holds.
    """

    publication_id: str
    marts_of: str

    @property
    def is_held(self) -> bool:
        """Whether a rollback holds."""
        return self.publication_id != self.marts_of


@dataclass(frozen=True)
class Rollback:
    """A rollback: its own id, whose marts are shown now, and whose were before."""

    publication_id: str
    marts_of: str
    instead_of: str


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
    after_rollback: bool = False,
    alone: bool = False,
) -> Publication:
    """Publishes the marts of a warehouse to `folder/current.duckdb`, or nothing.

    `build_id` is dbt's id of the build that made them; none where nobody knows. `keys`
    has the column by which a batch replaces rows, of marts in which it does: where it
    was the last thing that happened, only its rows are copied. `texts` are the
    descriptions that go with them, as comments. Raises HeldError where a rollback
    holds, unless `after_rollback`. If it is to be `alone`, nothing of an older file is
    taken over and none is kept.

    Call it only after every test of the marts has passed.
    """
    if not warehouse.exists():
        raise PublicationError(f"there is no warehouse at {warehouse}: `make refresh`")
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / "current.duckdb"
    with _moving(current):
        refuse_if_held(shown(current), after_rollback)
        publication_id, published_at = new_id()
        version = _version(folder, publication_id)
        draft = folder / f".{version.name}.tmp"
        begins_as_before = not alone and _begin_as_before(
            current, draft, warehouse, as_of, build_id
        )
        if begins_as_before:
            row_counts = _copy_marts(warehouse, draft, keys or {})
        else:
            row_counts = _copy_marts(warehouse, draft, {})
        passing("marts copied")
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
        _complete(draft)
        check(draft, warehouse)
        passing("draft checked")
        _sync(draft)
        draft.replace(version)
        passing("version placed")
        _point(current, version)
        passing("version shown")
        _sync(folder)
        _forget_versions(current, 1 if alone else KEPT_VERSIONS)
        passing("versions forgotten")
    return Publication(publication_id, current, row_counts)


def roll_back(folder: Path, wanted: str | None = None) -> Rollback:
    """Shows an older publication again, until one is published `after_rollback`.

    `wanted` is the id of a publication that is kept, or how it begins; without it, the
    one before those marts that are shown now. The ledger goes on: what is shown is the
    older publication's tables and a new row. The files of versions stay as they are.
    """
    current = folder / "current.duckdb"
    before = shown(current)
    if before is None:
        raise PublicationError(f"nothing is published at {current}: `make refresh`")
    with _moving(current):
        before = shown(current) or before
        marts_of = choose(kept(current), before.marts_of, wanted)
        version = _version(folder, marts_of)
        publication_id, published_at = new_id()
        draft = folder / f".{version.name}.tmp"
        shutil.copyfile(version, draft)
        told = _row_of(version, marts_of)
        with duckdb.connect(str(draft)) as connection:
            connection.execute(f"drop table {MARTS}.{LEDGER}")
        _write_ledger(
            draft, current, restated(told, publication_id, _utc(published_at))
        )
        _write_comments(draft, {LEDGER: LEDGER_TEXTS})
        _complete(draft)
        check(draft, version)
        _sync(draft)
        draft.replace(current)
        _sync(folder)
    return Rollback(publication_id, marts_of, before.marts_of)


def new_id() -> tuple[str, datetime]:
    """An id that sorts by time, and that time."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:6]}", now


def refuse_if_held(found: Shown | None, after_rollback: bool) -> None:
    """Raises HeldError where a rollback holds."""
    if found is not None and found.is_held and not after_rollback:
        raise HeldError(
            f"a rollback holds: readers see publication {found.marts_of}, and nothing "
            "newer is published until `make resume`"
        )


def choose(versions: Sequence[str], marts_of: str, wanted: str | None) -> str:
    """Which of the kept versions a rollback goes to.

    `marts_of` is what is shown. Raises PublicationError where there is no such version,
    or more than one.
    """
    others = sorted(it for it in versions if it != marts_of)
    if wanted:
        found = [it for it in others if it.startswith(wanted)]
        asked = f"no other publication that is kept begins with {wanted}"
    else:
        found = [it for it in others if it < marts_of][-1:]
        asked = f"no publication before {marts_of} is kept"
    if len(found) == 1:
        return found[0]
    problem = asked if not found else f"{wanted} is how several of them begin"
    raise PublicationError(f"{problem}; there are: {', '.join(others) or 'none'}")


def restated(
    told: dict[str, object], publication_id: str, now: datetime
) -> dict[str, object]:
    """The row of a rollback: what the ledger told of a publication, told again."""
    return {
        **told,
        "publication_id": publication_id,
        "published_at": now,
        "rolled_back_to": told["publication_id"],
    }


def shown(current: Path) -> Shown | None:
    """What readers of a published file see; None where there is none."""
    if not current.exists():
        return None
    with _opened(current) as connection:
        newest = _ledger_rows(
            connection, "order by published_at desc, publication_id desc limit 1"
        )[0]
    publication_id = str(newest["publication_id"])
    return Shown(publication_id, str(newest.get("rolled_back_to") or publication_id))


def kept(current: Path) -> list[str]:
    """Ids of the publications whose files are kept, oldest first.

    A file that no row of the ledger names was never shown: its process was killed.
    """
    if not current.exists():
        return []
    with _opened(current) as connection:
        known = sorted(str(row["publication_id"]) for row in _ledger_rows(connection))
    return [it for it in known if _version(current.parent, it).exists()]


def _complete(draft: Path) -> None:
    """Sees to it that all of a draft is in its file, which alone is moved.

    Where a disk is full, the engine closes a file without a word and leaves what it
    could not write in the log beside it. To this it objects, if it cannot.
    """
    with duckdb.connect(str(draft)) as connection:
        connection.execute("force checkpoint")


def check(draft: Path, warehouse: Path) -> None:
    """Raises unless a draft holds every mart, whole, the ledger, and nothing else.

    `warehouse` may be a published version as well: its ledger is left out.
    """
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
            if name != LEDGER
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


def _row_of(version: Path, publication_id: str) -> dict[str, object]:
    """What a version's ledger tells of it."""
    with _opened(version) as connection:
        rows = _ledger_rows(connection)
    return next(row for row in rows if row["publication_id"] == publication_id)


def _ledger_rows(
    connection: duckdb.DuckDBPyConnection, order: str = ""
) -> list[dict[str, object]]:
    """Rows of the ledger of the file that is attached as `draft`."""
    found = connection.execute(f"select * from draft.{MARTS}.{LEDGER} {order}")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


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
    passing("version linked")
    link.replace(current)


@contextmanager
def _moving(current: Path) -> Iterator[None]:
    """Holds the folder of `current` for one publisher, and cleans up behind it.

    The lock is the system's, on the folder itself: it goes with its process, however
    that ends.
    """
    folder = os.open(current.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _forget_drafts(current.parent)
        yield
    except (OSError, duckdb.Error) as problem:
        raise PublicationError(
            f"nothing was published, {current} is what it was: {problem}"
        ) from problem
    finally:
        _forget_drafts(current.parent)
        os.close(folder)


def _version(folder: Path, publication_id: str) -> Path:
    return folder / f"marts-{publication_id}.duckdb"


def _forget_drafts(folder: Path) -> None:
    """Removes what a publication that was killed left behind."""
    for pattern in (".*.tmp", ".*.tmp.wal"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _forget_versions(current: Path, number: int) -> None:
    """Removes the files of older publications, and those that were never shown."""
    wanted = {_version(current.parent, it) for it in kept(current)[-number:]}
    for path in current.parent.glob(VERSION_FILES):
        if path not in wanted:
            with suppress(OSError):
                path.unlink()
