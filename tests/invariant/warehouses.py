"""Warehouses that are loaded and built step by step, by dbt inside this process.

The project is parsed once: of the seconds that a small build takes, the start of dbt
would be most.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from orchestration import project
from orchestration.fingerprint import Fingerprint, fingerprint, mart_tables, row_query
from orchestration.loading import load_all, read_settings
from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.support import QUIET, dbt_environment, failures, parsed

LOADED_AT = datetime(2027, 1, 1, tzinfo=UTC)
HASH_KEY = {"ACSR_HASH_KEY": "a key that all warehouses share"}
# nor what waits for the night: what was said depends on when it was said
NO_TESTS = (
    *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
    *("--exclude", "tag:nightly"),
)
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
HEADERS = {
    "servicenow_incidents": ",".join(SERVICENOW_COLUMNS),
    "zendesk/ticket": "id,requester_id,assignee_id,status,merged_ticket_ids,updated_at",
    "zendesk/ticket_comment": "id,ticket_id,user_id,public,created",
    "zendesk/ticket_field_history": "ticket_id,field_name,value,user_id,updated",
    "zendesk/user": "id,role,updated_at",
    "zendesk/satisfaction_rating": "id,ticket_id,score,updated_at",
    "intercom/conversation_history": "id,source_author_id,source_author_type,state,"
    "conversation_rating_value,updated_at",
    "intercom/conversation_part_history": "id,conversation_id,part_type,author_id,"
    "author_type,updated_at",
    "intercom/conversation_contact_history": "conversation_id,contact_id,"
    "conversation_updated_at",
}
KINDS = {"tau2_runs": "json", **dict.fromkeys(HEADERS, "csv")}

Line = tuple[str, str]  # feed, text


class BuildError(Exception):
    """A build that failed, by its models or its tests."""


@dataclass
class Warehouse:
    """A warehouse in a folder of its own, and the loads that it took."""

    folder: Path
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def load(self, lines: Iterable[Line], files: int = 2) -> None:
        """Lands lines in the order given, some files of each feed, and loads them."""
        landing = self.folder / "landing"
        by_feed: dict[str, list[str]] = {}
        for feed, text in lines:
            by_feed.setdefault(feed, []).append(text)
        load_id = f"load-{len(self.loads)}"
        for feed, texts in by_feed.items():
            (landing / feed).mkdir(parents=True, exist_ok=True)
            for number, part in enumerate(parts(feed, texts, files)):
                kind = KINDS.get(feed, "jsonl")
                path = landing / feed / f"{load_id}-{number}.{kind}"
                path.write_text("\n".join(part) + "\n", "utf-8")
        self.load_landing(landing, load_id)

    def load_landing(self, landing: Path, load_id: str) -> None:
        """Loads what is new in a landing folder."""
        self.loads.append(load_id)
        load_all(
            landing=landing,
            warehouse=self.path,
            settings=read_settings(
                project.ROOT / "dbt_project.yml", self.folder, environ=HASH_KEY
            ),
            load_id=load_id,
            now=LOADED_AT,
        )

    def build(
        self,
        as_of: datetime,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        kinds: tuple[str, ...] = NO_TESTS,
        root: Path = project.ROOT,
    ) -> None:
        """Runs `dbt build`; fails with what dbt said."""
        given = ("--vars", json.dumps(variables or {}), *kinds, *arguments)
        with dbt_environment(self.folder, as_of.replace(tzinfo=UTC), root):
            result = dbtRunner(manifest=parsed(root)).invoke(
                ["build", *QUIET, "--no-write-json", *given]
            )
            DuckDBConnectionManager.close_all_connections()
        if not result.success:
            raise BuildError(failures(result))

    def fingerprint(self) -> Fingerprint:
        """The hash over all marts."""
        return fingerprint(self.path)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Asks the warehouse."""
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(query).fetchall()

    def last_build(self) -> dict[str, Any]:
        """What the ledger says of the last complete build."""
        with duckdb.connect(str(self.path)) as connection:
            found = connection.execute(
                "select * from intermediate.builds order by build_number desc limit 1"
            )
            names = [column[0] for column in found.description]
            return dict(zip(names, found.fetchone(), strict=True))

    def copy(self, folder: Path) -> Warehouse:
        """The same warehouse in another folder."""
        copied = Warehouse(folder, list(self.loads))
        shutil.copyfile(self.path, copied.path)
        if (self.folder / "landing").exists():
            shutil.copytree(self.folder / "landing", folder / "landing")
        return copied


def parts(feed: str, texts: list[str], files: int) -> Iterator[list[str]]:
    """What each file of a feed holds."""
    if feed == "tau2_runs":  # a file is one document
        yield from ([text] for text in texts)
        return
    for number in range(min(files, len(texts))):
        part = texts[number::files]
        yield [HEADERS[feed], *part] if feed in HEADERS else part


def differing_rows(one: Warehouse, two: Warehouse) -> dict[str, list[tuple[str, str]]]:
    """Rows that only one of two warehouses has, by mart, each with whose it is."""
    found: dict[str, list[tuple[str, str]]] = {}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, warehouse in (("one", one), ("two", two)):
            connection.execute(f"attach '{warehouse.path}' as {name} (read_only)")
        for table in mart_tables(connection):
            queries = [row_query(connection, table, name) for name in ("one", "two")]
            for whose, (mine, others) in (
                ("one", queries),
                ("two", reversed(queries)),
            ):
                rows = connection.execute(f"({mine}) except all ({others})").fetchall()
                told = [(whose, text) for (text,) in rows]
                found[table] = [*found.get(table, []), *told]
    return {table: rows for table, rows in found.items() if rows}
