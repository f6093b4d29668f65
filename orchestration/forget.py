"""`make forget CUSTOMER=<id>`: a customer is removed from everything that is kept.

Raw first, in one transaction that also keeps the customer out from then on; then an
ordinary refresh, in which the batch is what was removed; then whatever else may hold an
id or a key: older publications, exports, logs, Dagster's store, and on DuckDB the freed
blocks of the warehouse, which is written anew. Cut short at any point, the same command
goes on.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration import engines, project
from orchestration.loading import (
    FEEDS,
    LoadSettings,
    open_landing,
    read_settings,
)
from orchestration.loading.containers import container, unpacked
from orchestration.loading.erasure import Erasure, forgotten
from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.json_lines import parquet_records
from orchestration.loading.load import connected
from orchestration.loading.secrets import MASK, mask_id
from orchestration.loading.settings import keep_suppressed
from orchestration.loading.suppression import CUSTOMER, SESSION, TICKET, Node

SHORT = 4  # letters of an id below which files are not searched for it
WORKING_SCHEMA = "intermediate"
EXPORTS = (".csv", ".jsonl", ".json", ".md", ".html", ".parquet", ".gz", ".duckdb")


@dataclass
class Forgotten:
    """What was done: rows removed by feed, files removed or changed, what is left."""

    rows: dict[str, int]
    removed: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    landed: list[str] = field(default_factory=list)


def erase(customers: Sequence[str]) -> dict[str, int]:
    """Removes customers from the raw tables and keeps them out.

    Returns the rows removed, by feed. Raises ProjectError while a rollback holds.
    """
    if not all(it.strip() for it in customers):
        raise project.ProjectError("whom? make forget CUSTOMER=<the id as landed>")
    if engines.is_held():
        raise project.ProjectError(
            "a rollback holds: readers see an older publication, which cannot be built "
            "again without the customer; `make resume` first"
        )
    settings = _settings()
    with engines.loading() as warehouse, connected(warehouse.store) as store:
        asked = Erasure(
            settings,
            frozenset(Node(CUSTOMER, "", it) for it in _ids(customers, settings)),
            f"erasure-{uuid.uuid4().hex[:12]}",
        )
        gone = store.erase(asked)
        keep_suppressed(project.home(), store.suppressed())
    return gone


def clear(customers: Sequence[str], gone: dict[str, int]) -> Forgotten:
    """Removes what is left of customers, once the marts are built without them."""
    settings = _settings()
    done = Forgotten(gone)
    ids = _ids(customers, settings)
    keys = [settings.customer_key(it) for it in ids]
    words = sorted({*ids, *keys, *_sessions_and_tickets()})
    _clear_working_tables([*ids, *keys])
    engines.publish_alone()
    _clear_files([it for it in words if len(it) >= SHORT], done)
    with engines.loading() as warehouse, connected(warehouse.store) as store:
        store.run("delete from raw.forgotten")
    if project.engine() == "duckdb":
        write_anew(project.warehouse())
    done.landed = list(_still_landed(ids))
    return done


def told(customers: Sequence[str], done: Forgotten) -> str:
    """What was done, and what the user has to do."""
    rows = ", ".join(f"{count:,} from {feed}" for feed, count in done.rows.items())
    lines = [
        f"Forgotten: {', '.join(customers)}: {rows or 'no row was left'}. What lands "
        "again of theirs is kept out.",
        f"Readers have {engines.published_name()}, and no older publication is kept.",
    ]
    lines += [f"removed, make it again: {path}" for path in done.removed]
    lines += [f"masked in: {path}" for path in done.changed]
    if done.landed:
        lines.append(
            "Landed files are yours. These still hold them; delete the files, or the "
            "lines in them:"
        )
        lines += [f"  {name}" for name in done.landed]
    else:
        lines.append("No landed file holds them.")
    return "\n".join(lines)


def write_anew(path: Path) -> None:
    """Writes a DuckDB file anew, so that its freed blocks are gone.

    The new file takes the place of the old one in one step. Needs the room of both.
    """
    draft = path.with_name(f".{path.name}.tmp")
    draft.unlink(missing_ok=True)
    try:
        with duckdb.connect(config={"memory_limit": project.memory_limit()}) as anew:
            anew.execute(f"attach '{_quoted(path)}' as before")
            anew.execute("checkpoint before")
            anew.execute(f"attach '{_quoted(draft)}' as after")
            anew.execute("copy from database before to after")
            if _counts(anew, "before") != _counts(anew, "after"):
                raise project.ProjectError(
                    f"{path} could not be copied whole; try again"
                )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _counts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ?",
        [database],
    ).fetchall()
    return {
        f"{schema}.{table}": connection.execute(
            f'select count(*) from {database}."{schema}"."{table}"'
        ).fetchone()[0]
        for schema, table in tables
    }


def _settings() -> LoadSettings:
    return read_settings(project.ROOT / "dbt_project.yml", project.home())


def _ids(customers: Sequence[str], settings: LoadSettings) -> list[str]:
    """Ids as they are stated, and as they are kept where they are credentials."""
    masked = {mask_id(it, settings.hash_key) for it in customers}
    return sorted({*customers, *masked})


def _sessions_and_tickets() -> set[str]:
    """Ids of what was theirs, which exports for people may name."""
    with engines.loading() as warehouse, connected(warehouse.store) as store:
        nodes = forgotten(store.run)
    return {node.id for node in nodes if node.kind in (SESSION, TICKET)}


def _clear_working_tables(words: Sequence[str]) -> None:
    """Removes rows of working tables that say whom the last batch touched."""
    columns = (
        "select parts.table_name, parts.column_name "
        "from information_schema.columns as parts "
        "inner join information_schema.tables as tables "
        "on tables.table_schema = parts.table_schema "
        "and tables.table_name = parts.table_name "
        f"where lower(parts.table_schema) = '{WORKING_SCHEMA}' "
        "and tables.table_type = 'BASE TABLE' "
        "and lower(parts.data_type) in ('varchar', 'text')"
    )
    with engines.changing() as run:
        for table, column in run(columns):
            holes = ", ".join("?" for _ in words)
            run(
                f"delete from {WORKING_SCHEMA}.{table} where {column} in ({holes})",
                *words,
            )


def _clear_files(words: Sequence[str], done: Forgotten) -> None:
    """Takes words out of every file of the home folder, and out of dbt's and logs."""
    kept = {project.warehouse(), project.home() / "hash_key"}
    for path in _files():
        if path in kept or path.is_relative_to(project.published()):
            continue
        if path.suffix == ".duckdb":
            path.unlink()  # a build of another revision, which a command makes again
            done.removed.append(path)
        elif any(word.encode() in (data := path.read_bytes()) for word in words):
            if data.startswith(b"SQLite format 3"):
                _clear_sqlite(path, words)
                done.changed.append(path)
            elif path.suffix in EXPORTS:
                path.unlink()
                done.removed.append(path)
            else:
                for word in words:
                    data = data.replace(word.encode(), MASK.encode())
                path.write_bytes(data)
                done.changed.append(path)


def _files() -> Iterator[Path]:
    """Files that this project wrote, but for landed ones and those of its checkout."""
    folders = {project.home(), project.dbt_target_path()}
    logs = os.environ.get("DBT_LOG_PATH")
    folders.add(Path(logs) if logs else project.ROOT / "logs")
    landing = project.landing()
    for folder in sorted(folders):
        for path in sorted(folder.rglob("*")):
            is_landed = isinstance(landing, Path) and path.is_relative_to(landing)
            if path.is_file() and not path.is_symlink() and not is_landed:
                yield path


def _clear_sqlite(path: Path, words: Iterable[str]) -> None:
    """Takes words out of every text of a SQLite file, freed pages included."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        tables = connection.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchall()
        for (table,) in tables:
            columns = connection.execute(f'pragma table_info("{table}")').fetchall()
            for _, column, *_ in columns:
                for word in words:
                    connection.execute(
                        f'update "{table}" set "{column}" = '
                        f'replace("{column}", ?, ?) where instr("{column}", ?) > 0',
                        (word, MASK, word),
                    )
        connection.commit()
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)")


def _still_landed(ids: Sequence[str]) -> Iterator[str]:
    """Names of landed files in whose name or content one of the ids stands."""
    landing = open_landing(project.landing())
    for feed in FEEDS:
        for listed in landing.walk(feed):
            try:
                with landing.fetched(listed) as file:
                    holds = _holds(file, ids)
            except (OSError, UnreadableFileError):
                holds = True
            if holds or any(it in listed.name for it in ids):
                yield listed.name


def _holds(file: LandedFile, ids: Sequence[str]) -> bool:
    words = [it.encode() for it in ids]
    if container(file.name) == "parquet":
        texts = (text for _, text, _ in parquet_records(file))
        return any(word in text for text in texts for word in words)
    rest, longest = b"", max(map(len, words))
    for block in unpacked(unchanged_blocks(file), file.name):
        piece = rest + block
        if any(word in piece for word in words):
            return True
        rest = piece[-longest:]
    return False
