"""What an adapter promises, asked of sample files: `make check-adapter`.

The files are loaded and built in a scratch warehouse, once all together and once in two
batches, in another order and partly twice. What comes out is held against what every
adapter ends in. A fault is one line: which check, what, where, what to do.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration import project
from orchestration.loading import FEEDS, load_all, read_settings
from orchestration.loading.contracts import ACTOR_TYPES

# Which models read adapters, and the contract whose canonical columns they have.
UNIONS = {
    "int_agent_events_adapted": "agent_events",
    "int_ticket_events_adapted": "ticket_events",
}
CONTRACTS = {name: f"stg_{name}__events" for name in UNIONS.values()}
OWNERS = {"agent_events": "session_id", "ticket_events": "ticket_id"}
TYPES = {"agent_events": "action_type", "ticket_events": "event_type"}
CHECKS = (
    *("columns", "keys", "times", "actors", "types", "sources", "counts", "replay"),
)
LINEAGE = ("file_path", "line_number", "load_id", "loaded_at")
NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
EVERYTHING = (*NO_TESTS, "--exclude", "tag:nightly")
STAGING = (*NO_TESTS, "--select", "+path:models/staging", "event_types")
EARLIEST = datetime(2000, 1, 1)
AHEAD = timedelta(hours=24)
SHOWN = 5  # faults of one kind that are told one by one
TIME_AS_TEXT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*"

Fault = str
Files = dict[str, bytes]


@dataclass(frozen=True)
class Stated:
    """What the author says of the sample files, in records."""

    silent: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Adapter:
    """The model that ends in the canonical columns of a contract, and its feed."""

    feed: str
    model: str
    contract: str

    @property
    def table(self) -> str:
        """The model's table."""
        return f"staging.{self.model}"

    @property
    def owner(self) -> str:
        """The column that says which session or ticket an event is of."""
        return OWNERS[self.contract]

    @property
    def event_type(self) -> str:
        """The column that says what happened."""
        return TYPES[self.contract]


def run(feed: str, files: Sequence[Path], stated: Stated) -> tuple[str, list[Fault]]:
    """Checks the adapters of a feed; gives back what came out, and every fault.

    Raises `ProjectError` where there is nothing to check: no such feed, no file, no
    adapter, a build that fails.
    """
    if feed not in FEEDS or feed in CONTRACTS:
        known = [name for name in FEEDS if name not in CONTRACTS]
        raise project.ProjectError(
            f"no feed {feed!r} with an adapter; there are {', '.join(known)}. A new "
            "one has its contract in orchestration/loading/contracts.py, under FEEDS"
        )
    if absent := [str(file) for file in files if not file.is_file()]:
        raise project.ProjectError(f"no file {', '.join(absent)}; FILES names samples")
    now = max(datetime.now(UTC), project.as_of())
    with tempfile.TemporaryDirectory(prefix="check-adapter-") as folder:
        scratch = Scratch(Path(folder), feed, now)
        at_once = scratch.built("at_once", [(dict(named(feed, files)), STAGING)])
        adapters = adapters_of(feed, scratch.manifest())
        # a batch wants a history: something that was built whole before
        first, *rest = batches(feed, files)
        loads = [(first, EVERYTHING), *((load, STAGING) for load in rest)]
        in_batches = scratch.built("in_batches", loads)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for name, path in (("warehouse", at_once), ("in_batches", in_batches)):
                connection.execute(f"attach '{path}' as {name} (read_only)")
            connection.execute("use warehouse")
            told = [said_of_feed(connection, feed)]
            faults = list(counted(connection, feed, stated))
            for adapter in adapters:
                found = list(faults_of(connection, adapter, now, stated))
                told.append(said_of_adapter(connection, adapter))
                faults += found or replayed(connection, adapter)
    return "\n".join(told), faults


def adapters_of(feed: str, manifest: dict[str, Any]) -> list[Adapter]:
    """The adapters of a feed, from dbt's manifest; raises if none is registered."""
    nodes = manifest["nodes"]
    prefix = f"model.{manifest['metadata']['project_name']}"
    found = [
        Adapter(feed, nodes[name]["name"], contract)
        for union, contract in UNIONS.items()
        if f"{prefix}.{union}" in nodes
        for name in nodes[f"{prefix}.{union}"]["depends_on"]["nodes"]
        if nodes[name]["path"].startswith("staging/") and reads(nodes, name, feed)
    ]
    if not found:
        raise project.ProjectError(
            f"nothing of {feed} becomes an event: no model below models/staging reads "
            f"source('raw', '{feed}') and is named in macros/feeds.sql"
        )
    return found


def reads(nodes: dict[str, Any], name: str, feed: str) -> bool:
    """Whether a model reads the raw table of a feed, itself or through others."""
    if name.startswith("source."):
        return name.endswith(f".raw.{feed}")
    if name not in nodes or not nodes[name]["path"].startswith("staging/"):
        return False
    return any(reads(nodes, it, feed) for it in nodes[name]["depends_on"]["nodes"])


# The scratch warehouse


@dataclass(frozen=True)
class Scratch:
    """A folder in which sample files are loaded and built."""

    folder: Path
    feed: str
    now: datetime

    def built(self, name: str, loads: Sequence[tuple[Files, Sequence[str]]]) -> Path:
        """A warehouse after some loads of files, each with what is built after it."""
        home = self.folder / "home"  # always the same, or dbt would parse again
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        for number, (files, selection) in enumerate(loads):
            self._load(home, f"load-{number}", files)
            self._build(home, selection)
        return (home / "warehouse.duckdb").rename(self.folder / f"{name}.duckdb")

    def manifest(self) -> dict[str, Any]:
        """The manifest of the last build."""
        return json.loads((self.folder / "target" / "manifest.json").read_bytes())

    def _load(self, home: Path, load_id: str, files: Files) -> None:
        for name, content in files.items():
            path = home / "landing" / self.feed / load_id / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        load_all(
            landing=home / "landing",
            warehouse=home / "warehouse.duckdb",
            settings=read_settings(
                project.ROOT / "dbt_project.yml",
                home,
                environ={"ACSR_HASH_KEY": "a key of the check"},
            ),
            load_id=load_id,
            now=self.now,
        )

    def _build(self, home: Path, selection: Sequence[str]) -> None:
        done = project.run_dbt(
            *("build", "--quiet", *selection),
            moment=self.now,
            environment={
                "ACSR_HOME": str(home),
                "DBT_TARGET": "duckdb",
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
            },
        )
        if done.returncode:
            raise project.ProjectError(f"dbt build failed:\n{done.stdout}{done.stderr}")


def named(feed: str, files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Files under names of their own; a table's folder says which table it is."""
    for number, file in enumerate(files):
        is_table = FEEDS[feed].reader == "fivetran"
        folder = file.absolute().parent.name if is_table else "sample"
        yield f"{folder}/{number}-{file.name}", file.read_bytes()


def batches(feed: str, files: Sequence[Path]) -> list[Files]:
    """The same records in two loads: last first, and those of the first load again."""
    found: list[Files] = [{}, {}]
    for number, (name, content) in enumerate(reversed(list(named(feed, files)))):
        is_plain = Path(name).suffix in (".jsonl", ".ndjson", ".json")
        if FEEDS[feed].reader == "json_lines" and is_plain:
            lines = content.splitlines(keepends=True)[::-1]
            lines = [line.rstrip(b"\r\n") + b"\n" for line in lines]
            found[0][name] = b"".join(lines[::2])
            found[1][name] = b"".join([*lines[1::2], *lines[::2]])
        else:
            found[number % 2][name] = content
    return [load for load in found if load]


# What is checked


def faults_of(
    connection: duckdb.DuckDBPyConnection,
    adapter: Adapter,
    now: datetime,
    stated: Stated,
) -> Iterator[Fault]:
    """Every fault of an adapter's events; without its columns nothing else is asked."""
    yield from nameless_owners(adapter)
    found = list(wrong_columns(connection, adapter))
    yield from found
    if found:
        return
    checks: tuple[Callable[..., Iterator[Fault]], ...] = (
        unkeyed,
        untimed,
        unknown_words,
        nameless_sources,
    )
    for check in checks:
        yield from check(connection, adapter, now)
    yield from unexplained(connection, adapter, stated)


def nameless_owners(adapter: Adapter) -> Iterator[Fault]:
    """`make forget` goes by the names of columns in the raw table."""
    names = set(FEEDS[adapter.feed].column_names)
    owners = ("session_id", "ticket_id", "trace_id", "number")
    if names & {"customer_id", "caller_id"} and not names.intersection(owners):
        yield (
            f"keys: {adapter.feed} names customers, but no session_id or ticket_id, by "
            "which `make forget` knows what is theirs; call the field so in "
            "orchestration/loading/contracts.py"
        )


def wrong_columns(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter
) -> Iterator[Fault]:
    """The union goes by position: names, types and order are all part of it."""
    wanted = columns_of(connection, CONTRACTS[adapter.contract])
    actual = columns_of(connection, adapter.model)
    end = f"canonical_{adapter.contract.removesuffix('s')}"
    advice = f"end the model in the macro {end}, which puts them in order"
    if absent := [name for name, _ in wanted if name not in dict(actual)]:
        yield f"columns: {adapter.model} lacks {', '.join(absent)}; {advice}"
    if unknown := [name for name, _ in actual if name not in dict(wanted)]:
        yield f"columns: {adapter.model} has {', '.join(unknown)} besides; {advice}"
    if absent or unknown:
        return
    for place, (want, have) in enumerate(zip(wanted, actual, strict=True), start=1):
        if want != have:
            yield (
                f"columns: column {place} of {adapter.model} is {' '.join(have)}, but "
                f"must be {' '.join(want)}; {advice}"
            )
            return


def columns_of(
    connection: duckdb.DuckDBPyConnection, model: str
) -> list[tuple[str, str]]:
    """Names and types of a model's columns, in order."""
    return connection.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_catalog = current_database() and table_schema = 'staging' "
        "and table_name = ? order by ordinal_position",
        [model],
    ).fetchall()


def unkeyed(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, _: datetime
) -> Iterator[Fault]:
    """Every event has an id of its own within its source system, and an owner."""
    for column in ("event_key", "event_id", adapter.owner):
        yield from told(
            connection,
            adapter,
            f"nullif(trim({column}), '') is null",
            f"keys: no {column}",
            "every event needs one",
        )
    rows = connection.execute(f"""
        select source_system, event_id, count(*), {first_place()}
        from {adapter.table}
        where event_id is not null
        group by source_system, event_id having count(*) > 1 order by all
    """).fetchall()
    for source, event_id, count, place in shown(rows):
        yield (
            f"keys: event_id {event_id!r} of {source!r} stands {count} times, from "
            f"{place}; make it of the record's id and of what tells its events apart"
        )


def untimed(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, now: datetime
) -> Iterator[Fault]:
    """Moments are there, sane, and were read with their zone by the loader."""
    latest = now.astimezone(UTC).replace(tzinfo=None) + AHEAD
    yield from told(
        connection,
        adapter,
        "occurred_at is null",
        "times: no occurred_at",
        "take it from a field of the kind `time`",
    )
    yield from told(
        connection,
        adapter,
        f"occurred_at not between timestamp '{EARLIEST}' and timestamp '{latest}'",
        f"times: occurred_at before {EARLIEST:%Y} or after {latest:%Y-%m-%d}",
        "seconds read as milliseconds? the kind `time` knows them apart",
    )
    feed = FEEDS[adapter.feed]
    for field in feed.fields:
        if field.kind != "string":
            continue
        row = connection.execute(
            f"select \"{field.name}\", _file || ':' || _line from {feed.table} "
            f'where regexp_full_match("{field.name}", ?) order by all limit 1',
            [TIME_AS_TEXT],
        ).fetchone()
        if row is not None:
            yield (
                f"times: field {field.name} of {adapter.feed} holds times as text, "
                f"such as {row[0]!r} ({row[1]}), and nothing proves their zone; give "
                "it the kind `time` in orchestration/loading/contracts.py"
            )


def unknown_words(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, _: datetime
) -> Iterator[Fault]:
    """Actors and types are words of the contract, which the rules look for."""
    types = connection.execute(
        "select event_type from seeds.event_types where feed = ?", [adapter.contract]
    ).fetchall()
    known = {
        "actors": ("actor_type", ACTOR_TYPES, "map it in the staging model to"),
        "types": (
            adapter.event_type,
            tuple(word for (word,) in types),
            "leave the record out, or map it in the staging model to",
        ),
    }
    for check, (column, words, advice) in known.items():
        rows = connection.execute(
            f"select {column}, count(*), {first_place()} from {adapter.table} "
            f"where {column} is null or not list_contains($1, {column}) "
            "group by 1 order by all",
            [list(words)],
        ).fetchall()
        for word, count, place in shown(rows):
            yield (
                f"{check}: {column} is {word!r} in {count} events, the first from "
                f"{place}; {advice} one of {', '.join(words)}"
            )


def nameless_sources(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, _: datetime
) -> Iterator[Fault]:
    """The source system scopes every id, so it has a name of its own."""
    yield from told(
        connection,
        adapter,
        "coalesce(trim(source_system), '') in ('', 'default')",
        "sources: source_system is empty, or `default`",
        "ids are unique within it: name the system whose ids these are",
    )


def told(
    connection: duckdb.DuckDBPyConnection,
    adapter: Adapter,
    condition: str,
    what: str,
    advice: str,
) -> Iterator[Fault]:
    """One fault for all events for which a condition holds."""
    count, place = connection.execute(
        f"select count(*), {first_place()} from {adapter.table} where {condition}"
    ).fetchone()
    if count:
        yield f"{what} in {count} events, the first from {place}; {advice}"


def first_place() -> str:
    """The first file and line, in SQL."""
    return "min(file_path || ':' || line_number)"


def shown(rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
    """As many as are worth telling one by one."""
    return rows[:SHOWN]


def counted(
    connection: duckdb.DuckDBPyConnection, feed: str, stated: Stated
) -> Iterator[Fault]:
    """Each record of each file was loaded, a duplicate, or rejected as stated."""
    history = connection.execute(
        "select path, records, loaded, duplicates, rejected from raw.load_history "
        "where feed = ? order by path",
        [feed],
    ).fetchall()
    if not any(records for _, records, *_ in history):
        yield f"counts: the files hold no record of {feed}; name others in FILES"
    for path, records, loaded, duplicates, rejected in history:
        if records != loaded + duplicates + rejected:
            yield (
                f"counts: {path}: {records} records, but {loaded} loaded, {duplicates} "
                f"duplicates and {rejected} rejected; this is a fault of the reader"
            )
    rows = connection.execute(
        "select path || ':' || line_number, reason, text from raw.rejected_records "
        "where feed = ? order by all",
        [feed],
    ).fetchall()
    if len(rows) == stated.rejected:
        return
    yield (
        f"counts: {len(rows)} records were rejected, {stated.rejected} are stated "
        "(REJECTED=); mend the contract, or the sample"
    )
    for place, reason, text in shown(rows):
        yield f"counts: {place}: {reason}: {text[:120]}"


def unexplained(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, stated: Stated
) -> Iterator[Fault]:
    """Each event leads back to a record, each record to an event, but those stated."""
    raw = FEEDS[adapter.feed].table
    count, example = connection.execute(f"""
        select count(*), min(event_id) from {adapter.table} as told
        where not exists (
            select 1 from {raw} as landed
            where landed._file = told.file_path and landed._line = told.line_number
        )
    """).fetchone()
    if count:
        yield (
            f"counts: {count} events, such as {example!r}, come from no record of "
            f"{raw}; take file_path and line_number from its _file and _line"
        )
    rows = silent(connection, adapter)
    if len(rows) != stated.silent:
        places = ", ".join(place for (place,) in shown(rows)) or "none"
        yield (
            f"counts: {len(rows)} records give no event of {adapter.model} ({places}), "
            f"{stated.silent} are stated (SILENT=); map them, or state how many say "
            "nothing of a case"
        )


def silent(connection: duckdb.DuckDBPyConnection, adapter: Adapter) -> list[tuple[str]]:
    """Records from which no event comes, by file and line."""
    return connection.execute(f"""
        select landed._file || ':' || landed._line
        from {FEEDS[adapter.feed].table} as landed
        where not exists (
            select 1 from {adapter.table} as told
            where told.file_path = landed._file and told.line_number = landed._line
        )
        order by all
    """).fetchall()


def replayed(connection: duckdb.DuckDBPyConnection, adapter: Adapter) -> list[Fault]:
    """Other batches and another order of the same records give the same events."""
    left_out = ", ".join(LINEAGE)
    one, two = (
        f"select * exclude ({left_out}) from {name}.{adapter.table}"
        for name in ("warehouse", "in_batches")
    )
    rows = [
        (whose, event_id)
        for whose, mine, others in (
            ("all at once", one, two),
            ("in two batches", two, one),
        )
        for (event_id,) in connection.execute(
            f"select event_id from ({mine} except all {others}) order by all"
        ).fetchall()
    ]
    if not rows:
        return []
    examples = ", ".join(f"{event_id!r} ({whose})" for whose, event_id in shown(rows))
    return [
        f"replay: {len(rows)} events of {adapter.model} come out otherwise when the "
        f"same records land in two batches, last first: {examples}; use nothing that "
        "depends on the order of arrival, and let macros/feeds.sql (`record`), or "
        "int_nodes_changed, name every session or ticket that a record changes"
    ]


# What came out


def said_of_feed(connection: duckdb.DuckDBPyConnection, feed: str) -> str:
    """Records by what became of them."""
    counts = connection.execute(
        "select count(*), sum(records), sum(loaded), sum(duplicates), sum(rejected) "
        "from raw.load_history where feed = ?",
        [feed],
    ).fetchone()
    files, records, loaded, duplicates, rejected = (int(it or 0) for it in counts)
    return (
        f"{feed}: {records} records of {files} files = {loaded} loaded + "
        f"{duplicates} duplicates + {rejected} rejected"
    )


def said_of_adapter(connection: duckdb.DuckDBPyConnection, adapter: Adapter) -> str:
    """Events by type, and how many come from a record."""
    try:
        by_type = connection.execute(
            f"select {adapter.event_type}, count(*) from {adapter.table} "
            "group by 1 order by 2 desc, 1"
        ).fetchall()
        per_record = connection.execute(
            "select events, count(*) from (select count(*) as events from "
            f"{adapter.table} group by file_path, line_number) group by 1 order by 1"
        ).fetchall()
    except duckdb.BinderException:
        return f"{adapter.model}: not told, its columns are wrong"
    numbers = [*per_record]
    if nothing := len(silent(connection, adapter)):
        numbers.insert(0, (0, nothing))
    explained = ", ".join(f"{records} give {events}" for events, records in numbers)
    listed = ", ".join(f"{count} {name}" for name, count in by_type)
    total = sum(count for _, count in by_type)
    return f"{adapter.model}: {total} events ({listed}); of the records, {explained}"
