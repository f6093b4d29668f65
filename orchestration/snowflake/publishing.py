"""Publishing on Snowflake: copies that cost nothing, swapped for the ones before.

The marts are cloned beside the published ones, checked there, and change places with
them in one statement, grants and all. Readers see marts only, all of one build. The
publication before stays as MARTS_PREVIOUS, which nobody may read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.publish import (
    LEDGER,
    REMEMBERED,
    Publication,
    PublicationError,
    Rollback,
    Shown,
    choose,
    new_id,
    refuse_if_held,
    restated,
)
from orchestration.snowflake import grants, masking
from orchestration.snowflake.grants import DRAFT, MARTS, PREVIOUS, Databases, Right
from orchestration.snowflake.masking import PrivateColumn

LEDGER_TABLE = LEDGER.upper()
_LEDGER_COLUMNS = """
    publication_id varchar not null,
    is_made_up_sample boolean not null,
    row_counts varchar not null,
    git_revision varchar,
    build_id varchar,
    as_of timestamp_ntz(6) not null,
    newest_event_at timestamp_ntz(6),
    published_at timestamp_ntz(6) not null,
    rolled_back_to varchar
"""
_SCHEMA = "data_retention_time_in_days = 0"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rules:
    """What a publication has to keep: who may do what, and what is masked.

    `private` is None where nothing is masked.
    """

    rights: Sequence[Right]
    private: Sequence[PrivateColumn] | None


def publish(
    connection: Any,  # noqa: ANN401  the driver is not imported to name its type
    databases: Databases,
    rules: Rules,
    *,
    as_of: datetime,
    git_revision: str | None,
    is_sample: bool,
    build_id: str | None = None,
    after_rollback: bool = False,
) -> Publication:
    """Publishes the marts of the warehouse database to the published one, or nothing.

    `connection` has the role that owns both. Call it only after every test of the
    marts has passed. Raises GrantsError where the grants in force before or after are
    not those declared, HeldError where a rollback holds (unless `after_rollback`),
    PublicationError for whatever else; what readers see is then what it was.
    """
    publication_id, published_at = new_id()
    place = f"{databases.published}.{MARTS}"
    with connection.cursor() as cursor:
        publishing = _Publishing(cursor, databases, rules)
        refuse_if_held(publishing.shown(MARTS), after_rollback)
        try:
            row_counts = publishing.copy_marts()
            publishing.write_ledger(
                {
                    "publication_id": publication_id,
                    "is_made_up_sample": is_sample,
                    "row_counts": json.dumps(row_counts),
                    "git_revision": git_revision,
                    "build_id": build_id,
                    "as_of": _utc(as_of),
                    "newest_event_at": publishing.newest_event(),
                    "published_at": _utc(published_at),
                }
            )
            publishing.grant()
            check(cursor, databases)
            publishing.check_masks()
            publishing.check_grants(DRAFT)
            publishing.swap()
        except Exception as problem:
            publishing.forget_draft()
            raise _nothing_published(problem, place) from problem
        publishing.judge_swapped()
        publishing.retire()
    return Publication(publication_id, place, row_counts)


def roll_back(
    connection: Any,  # noqa: ANN401
    databases: Databases,
    rules: Rules,
    wanted: str | None = None,
) -> Rollback:
    """Shows the publication before again, until one is published `after_rollback`.

    One is kept, MARTS_PREVIOUS; what was shown takes its place. `wanted` is its id or
    how that begins. The same checks hold as for a publication, and the same is raised.
    """
    publication_id, now = new_id()
    place = f"{databases.published}.{MARTS}"
    with connection.cursor() as cursor:
        publishing = _Publishing(cursor, databases, rules)
        before, previous = publishing.shown(MARTS), publishing.shown(PREVIOUS)
        if before is None:
            raise PublicationError(f"nothing is published at {place}: `make refresh`")
        kept = [previous.marts_of] if previous else []
        marts_of = choose(kept, before.marts_of, wanted)
        try:
            publishing.copy_previous()
            told = publishing.row_of(PREVIOUS, marts_of)
            publishing.write_ledger(restated(told, publication_id, _utc(now)))
            publishing.grant_anew()
            check(cursor, databases, (databases.published, PREVIOUS))
            publishing.check_masks()
            publishing.check_grants(DRAFT)
            publishing.swap()
        except Exception as problem:
            publishing.forget_draft()
            raise _nothing_published(problem, place) from problem
        publishing.judge_swapped()
        publishing.retire()
    return Rollback(publication_id, marts_of, before.marts_of)


def is_held(cursor: Any, databases: Databases, rules: Rules) -> bool:  # noqa: ANN401
    """Whether a rollback keeps readers on an older publication."""
    found = _Publishing(cursor, databases, rules).shown(MARTS)
    return found is not None and found.is_held


def _nothing_published(problem: Exception, place: str) -> Exception:
    text = f"nothing was published, {place} is what it was: {problem}"
    if isinstance(problem, grants.GrantsError):
        return grants.GrantsError(text)
    return PublicationError(text)


@dataclass(frozen=True)
class _Publishing:
    """The steps of one publication, in their order."""

    cursor: Any
    databases: Databases
    rules: Rules

    @property
    def draft(self) -> str:
        """The schema that is built beside the published one."""
        return f"{self.databases.published}.{DRAFT}"

    @property
    def marts(self) -> str:
        """The schema that readers open."""
        return f"{self.databases.published}.{MARTS}"

    def copy_marts(self) -> dict[str, int]:
        """Clones every mart; returns their row counts, by name in lower case."""
        held = _relations(self.cursor, self.databases.warehouse, MARTS)
        if not held:
            raise PublicationError(
                f"{self.databases.warehouse}.{MARTS} has no table: did the build run?"
            )
        views = sorted(name for name, kind in held.items() if kind != "BASE TABLE")
        if views:
            raise PublicationError(
                f"{', '.join(views)} in {self.databases.warehouse}.{MARTS} is no "
                "table and cannot be cloned: materialize it as a table"
            )
        if LEDGER_TABLE in held:
            raise PublicationError(
                f"{MARTS}.{LEDGER_TABLE} is this project's own record of publications; "
                "give the model another name"
            )
        self._clone(f"{self.databases.warehouse}.{MARTS}", held)
        counts = _counts(self.cursor, f"{self.databases.warehouse}.{MARTS}", held)
        return {name.lower(): count for name, count in sorted(counts.items())}

    def copy_previous(self) -> None:
        """Clones the marts of the publication before."""
        held = _relations(self.cursor, self.databases.published, PREVIOUS)
        held.pop(LEDGER_TABLE, None)
        self._clone(f"{self.databases.published}.{PREVIOUS}", held)

    def _clone(self, schema: str, names: Iterable[str]) -> None:
        self._renew_schema(self.draft)
        for name in sorted(names):
            self.cursor.execute(
                f"create transient table {self.draft}.{_name(name)} "
                f"clone {schema}.{_name(name)} copy grants"
            )

    def shown(self, schema: str) -> Shown | None:
        """What the ledger of a schema says is in it; None where there is none."""
        rows = self._ledger(schema, "order by published_at desc, publication_id desc")
        if not rows:
            return None
        publication_id = str(rows[0]["publication_id"])
        marts_of = str(rows[0].get("rolled_back_to") or publication_id)
        return Shown(publication_id, marts_of)

    def row_of(self, schema: str, publication_id: str) -> dict[str, object]:
        """What the ledger of a schema tells of a publication."""
        rows = self._ledger(schema)
        return next(row for row in rows if row["publication_id"] == publication_id)

    def _ledger(self, schema: str, order: str = "") -> list[dict[str, object]]:
        held = _relations(self.cursor, self.databases.published, schema)
        if LEDGER_TABLE not in held:
            return []
        place = f"{self.databases.published}.{schema}.{LEDGER_TABLE}"
        self.cursor.execute(f"select * from {place} {order}")
        names = [column.name.lower() for column in self.cursor.description]
        return [dict(zip(names, row, strict=True)) for row in self.cursor.fetchall()]

    def _renew_schema(self, name: str) -> None:
        self.cursor.execute(f"drop schema if exists {name}")
        self.cursor.execute(f"create transient schema {name} {_SCHEMA}")

    def newest_event(self) -> datetime | None:
        """The time of the newest record that was ever loaded."""
        self.cursor.execute(
            "select max(last_timestamp) from "
            f"{self.databases.warehouse}.RAW.LOAD_HISTORY"
        )
        return self.cursor.fetchone()[0]

    def write_ledger(self, row: Mapping[str, object]) -> None:
        """The ledger of the publication before, and one more row."""
        ledger = f"{self.draft}.{LEDGER_TABLE}"
        columns = ", ".join(row)
        self.cursor.execute(f"create transient table {ledger} ({_LEDGER_COLUMNS})")
        if LEDGER_TABLE in _relations(self.cursor, self.databases.published, MARTS):
            known = _columns(self.cursor, self.databases)
            kept = ", ".join(name for name in row if name in known)
            self.cursor.execute(
                f"insert into {ledger} ({kept}) "
                f"select {kept} from {self.marts}.{LEDGER_TABLE}"
            )
        holes = ", ".join("?" for _ in row)
        self.cursor.execute(
            f"insert into {ledger} ({columns}) values ({holes})", list(row.values())
        )

    def grant(self, tables: str | None = None) -> None:
        """What the matrix says of the marts, on the draft.

        The clones bring the rights that dbt gave on the marts; the schema and the
        ledger are made here.
        """
        tables = tables or f"table {self.draft}.{LEDGER_TABLE}"
        for right in self.rules.rights:
            if right.name != self.marts or right.privilege == "OWNERSHIP":
                continue
            subject = f"schema {self.draft}"
            if right.kind == grants.TABLES:
                subject = tables
            self.cursor.execute(
                f"grant {right.privilege} on {subject} to role {right.role}"
            )

    def grant_anew(self) -> None:
        """The same on every table: those of the publication before were taken away."""
        self.grant(f"all tables in schema {self.draft}")

    def check_masks(self) -> None:
        """Raises unless every private column of the draft has its tag."""
        if self.rules.private is not None:
            masking.check(
                self.cursor,
                self.databases.warehouse,
                list(self.rules.private),
                (self.databases.published, DRAFT),
            )

    def check_grants(self, schema: str) -> None:
        """Raises GrantsError unless the grants around a schema are as declared."""
        held = _relations(self.cursor, self.databases.published, schema)
        grants.check(
            self.cursor, self.rules.rights, self.databases, schema, sorted(held)
        )

    def swap(self) -> None:
        """Lets draft and published marts change places, for all readers at once."""
        self.cursor.execute(
            f"create transient schema if not exists {self.marts} {_SCHEMA}"
        )
        self.cursor.execute(f"alter schema {self.draft} swap with {self.marts}")

    def judge_swapped(self) -> None:
        """Takes the publication back unless its grants are as declared."""
        try:
            self.check_grants(MARTS)
        except Exception as problem:
            back = f"alter schema {self.draft} swap with {self.marts}"
            try:
                self.cursor.execute(back)
            except Exception as worse:
                raise PublicationError(
                    f"{problem}; and the publication could not be taken back: {worse}. "
                    f"Run it yourself, with the role that publishes: {back}"
                ) from problem
            self.forget_draft()
            raise grants.GrantsError(
                f"the publication was taken back: {problem}"
            ) from problem

    def retire(self) -> None:
        """Keeps the publication before for a way back, and lets nobody read it.

        What fails here is said and not raised: what readers see is published and right,
        and the next publication begins by replacing the draft.
        """
        previous = f"{self.databases.published}.{PREVIOUS}"
        try:
            for right in self.rules.rights:
                if right.name == self.marts and right.privilege != "OWNERSHIP":
                    self.cursor.execute(_revocation(right, self.draft))
            self._renew_schema(previous)
            self.cursor.execute(f"alter schema {self.draft} swap with {previous}")
            self.cursor.execute(f"drop schema {self.draft}")
        except Exception:
            logger.warning("the publication before is not put away", exc_info=True)

    def forget_draft(self) -> None:
        """Removes a draft that is not published; the next one would replace it."""
        try:
            self.cursor.execute(f"drop schema if exists {self.draft}")
        except Exception:
            logger.warning("the draft %s is left behind", self.draft, exc_info=True)


def check(
    cursor: Any,  # noqa: ANN401
    databases: Databases,
    source: tuple[str, str] | None = None,
) -> None:
    """Raises unless the draft holds every mart, whole, the ledger, and nothing else.

    `source` is the database and schema that it is a copy of: the marts' own, unless
    stated.
    """
    database, schema = source or (databases.warehouse, MARTS)
    draft = f"{databases.published}.{DRAFT}"
    held = _relations(cursor, databases.published, DRAFT)
    found = _counts(cursor, draft, held)
    marts = f"{database}.{schema}"
    expected = _counts(cursor, marts, _relations(cursor, database, schema))
    expected.pop(LEDGER_TABLE, None)
    if found.pop(LEDGER_TABLE, 0) == 0:
        raise PublicationError(f"{draft} has no row in {LEDGER_TABLE}")
    if found != expected:
        wrong = sorted(found.items() ^ expected.items())
        raise PublicationError(f"{draft} differs from {marts} in {wrong}")


def _relations(cursor: Any, database: str, schema: str) -> dict[str, str]:  # noqa: ANN401
    """Tables and views of a schema, with their kinds; none where there is no schema."""
    known = f"{database}.information_schema"
    cursor.execute(
        f"select table_name, table_type from {known}.tables where table_schema = ? "
        f"union select table_name, 'VIEW' from {known}.views where table_schema = ?",
        [schema, schema],
    )
    return dict(cursor.fetchall())


def _columns(cursor: Any, databases: Databases) -> set[str]:  # noqa: ANN401
    """The columns of the published ledger, in lower case; one more came once."""
    cursor.execute(
        "select lower(column_name) from "
        f"{databases.published}.information_schema.columns "
        "where table_schema = ? and table_name = ?",
        [MARTS, LEDGER_TABLE],
    )
    return {name for (name,) in cursor.fetchall()}


def remember(cursor: Any, databases: Databases) -> None:  # noqa: ANN401
    """Tells the warehouse what was published, of which build: HISTORY.PUBLICATIONS.

    It is read off what readers open; nothing where nothing is published.
    """
    known = _columns(cursor, databases)
    if known:
        columns = ", ".join(
            name if name in known else f"cast(null as varchar) as {name}"
            for name in REMEMBERED
        )
        cursor.execute(
            f"create or replace table {databases.warehouse}.HISTORY.{LEDGER_TABLE} as "
            f"select {columns} from {databases.published}.{MARTS}.{LEDGER_TABLE}"
        )


def _counts(cursor: Any, schema: str, names: Mapping[str, str]) -> dict[str, int]:  # noqa: ANN401
    """Rows of some tables, asked at once: Snowflake knows them without reading."""
    if not names:
        return {}
    cursor.execute(
        " union all ".join(
            f"select '{_text(name)}' as name, count(*) as n from {schema}.{_name(name)}"
            for name in names
        )
    )
    return dict(cursor.fetchall())


def _revocation(right: Right, schema: str) -> str:
    subject = f"schema {schema}"
    if right.kind == grants.TABLES:
        subject = f"all tables in schema {schema}"
    return f"revoke {right.privilege} on {subject} from role {right.role}"


def _name(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def _text(value: str) -> str:
    return value.replace("'", "''")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
