"""The raw tables in DuckDB, and the one transaction in which a file enters them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from typing import NamedTuple

import duckdb
import pyarrow as pa

from orchestration.kill_points import passing
from orchestration.loading.contracts import Feed
from orchestration.loading.erasure import Erasure, erase
from orchestration.loading.faults import UNREADABLE_FILE
from orchestration.loading.repairs import outcomes
from orchestration.loading.staging import ARROW_TYPES, StagedFile
from orchestration.loading.warehouse import (
    HISTORY,
    REJECT_OUTCOMES,
    REJECTED,
    TRACE,
    Earlier,
    Known,
    Load,
    Outcome,
    Waiting,
    known_from,
    raw_tables,
)

Identity = tuple[object, ...]
Rank = tuple[int, int, str]  # version, time, hash of the line: the greater one stays
_NO_TIME = -(2**63)
REPLACE_JSON = "cast(replace(cast({} as varchar), ?, ?) as json)"
LARGE_ROWS = 50_000  # of a batch that enters in one transaction


class Held(NamedTuple):
    """The record that a table holds for an identity; `pruner` is its first time.

    `origin` is the file and load that it came from, by which a file knows its own.
    `place`: the table of staged rows and the row, while it waits to be inserted.
    """

    rank: Rank
    pruner: int | None
    origin: tuple[str, str]
    place: tuple[int, int] | None = None


Incumbents = dict[Identity, Held]


class Lookup(NamedTuple):
    """What is known of the identities of some tables of staged rows.

    `contested` has, for each of the tables, where those rows stand whose identity the
    raw table holds or another row shares; all others go in unasked.
    """

    incumbents: Incumbents
    contested: list[list[int]]


class DuckDbStore:
    """The raw tables behind one connection, which stays its owner's to close."""

    batch_files = 200
    batch_rows = 500_000

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def create_raw_tables(self) -> None:
        """Creates whatever is absent, so that dbt always finds its sources."""
        self.connection.execute("create schema if not exists raw")
        for table, columns in raw_tables().items():
            _create(self.connection, table, columns)

    def find_known(self, feed: str) -> Known:
        """The contents that a feed's history holds; none where nothing ever loaded."""
        return find_known(self.connection, feed)

    def replayable(self, feed: str) -> dict[str, Earlier]:
        """Files with rejected records, by content: what a replay reads again."""
        return replayable(self.connection, feed)

    def run(self, statement: str, *values: object) -> list[tuple]:
        """Runs one statement, its values bound, and gives back its rows."""
        return self.connection.execute(statement, list(values)).fetchall()

    def suppressed(self) -> set[str]:
        """Hashes of those whose records are kept out."""
        return {str(held) for (held,) in self.run("select hash from raw.suppressed")}

    def forget_built(self) -> None:
        """Empties `raw.forgotten` of what the marts are built without by now."""
        built = self.run(
            "select count(*) from information_schema.tables "
            "where table_schema = 'intermediate' and table_name = 'loads_built'"
        )
        if built == [(1,)]:
            self.run(
                "delete from raw.forgotten where load_id in "
                "(select load_id from intermediate.loads_built)"
            )

    def erase(self, asked: Erasure) -> dict[str, int]:
        """Removes what there is of some people, and keeps it out; rows by feed."""
        with _transaction(self.connection):
            return erase(self.run, asked, REPLACE_JSON)

    def commit(self, feed: Feed, batch: Sequence[Waiting], load: Load) -> list[Outcome]:
        """Commits small batches file by file, large ones whole or not at all.

        Rows that fill row groups within a transaction go straight into the columns of
        the table; those of small transactions go to the log first and are written
        again with each checkpoint.

        All files share one look at the table. A file of many chunks looks its records
        up itself: its batch holds no other.
        """
        tables = [
            waiting.staged.whole
            for waiting in batch
            if waiting.staged.whole is not None
        ]
        known = look_up(self.connection, feed, tables)
        if sum(waiting.staged.clean for waiting in batch) >= LARGE_ROWS:
            with _transaction(self.connection):
                return enter(self.connection, feed, batch, load, known)
        outcomes = []
        contested = iter(known.contested)
        for waiting in batch:
            own = [] if waiting.staged.whole is None else [next(contested)]
            lookup = Lookup(known.incumbents, own)
            with _transaction(self.connection):
                outcomes += enter(self.connection, feed, [waiting], load, lookup)
        return outcomes


def _create(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[str, str]],
) -> None:
    listed = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    connection.execute(f"create table if not exists {table} ({listed})")


def find_known(connection: duckdb.DuckDBPyConnection, feed: str) -> Known:
    """The contents that a feed's history holds; none where nothing ever loaded."""
    tables = connection.execute(
        "select count(*) from information_schema.tables where table_schema = 'raw' "
        "and table_name in ('load_history', 'rejected_records')"
    ).fetchone()
    if tables != (2,):
        return Known()
    rows = connection.execute(
        "select history.content_sha256, history.path, history.load_id, "
        "history.loaded, history.replaced, history.bytes, history.started_at, "
        "rejects.path is not null "
        "from raw.load_history as history left join raw.rejected_records as rejects "
        "on rejects.feed = history.feed and rejects.path = history.path "
        "and rejects.load_id = history.load_id and rejects.reason = ? "
        "where history.feed = ? order by history.started_at",
        [UNREADABLE_FILE, feed],
    ).fetchall()
    return known_from(rows)


def replayable(connection: duckdb.DuckDBPyConnection, feed: str) -> dict[str, Earlier]:
    """Files with rejected records, by content: what a replay reads again."""
    rows = connection.execute(
        "select content_sha256, path, load_id, loaded, replaced "
        "from raw.load_history where feed = ? and rejected > 0",
        [feed],
    ).fetchall()
    return {sha256: Earlier(*row) for sha256, *row in rows}


def look_up(
    connection: duckdb.DuckDBPyConnection, feed: Feed, tables: Sequence[pa.Table]
) -> Lookup:
    """Compares some staged rows with each other and with the table, in one look."""
    if not tables:
        return Lookup({}, [])
    wanted = pa.concat_tables([table.select(feed.identity) for table in tables])
    wanted = wanted.append_column("_row", pa.arange(0, wanted.num_rows))
    version = () if feed.version is None else (feed.version,)
    names = dict.fromkeys((*feed.identity, *version, *feed.times))
    identity = _listed(feed.identity)
    with _registered(connection, "wanted", wanted):
        held = connection.execute(
            f"select {_listed(tuple(names))}, _line_sha256, _file, _load_id "
            f"from {feed.table} semi join wanted using ({identity})"
        ).to_arrow_table()
        shared = connection.execute(
            f"select {identity} from wanted group by {identity} having count(*) > 1"
        ).to_arrow_table()
        rows: list[int] = []
        if held.num_rows or shared.num_rows:
            both = [held.select(feed.identity), shared]
            with _registered(connection, "contested", pa.concat_tables(both)):
                found = connection.execute(
                    f"select _row from wanted semi join contested using ({identity}) "
                    "order by _row"
                ).to_arrow_table()
                rows = found["_row"].to_pylist()
    origins = zip(held["_file"].to_pylist(), held["_load_id"].to_pylist(), strict=True)
    ranked = zip(*_ranked(feed, held), origins, strict=True)
    incumbents = {
        key: Held(rank, pruner, origin) for key, rank, pruner, origin in ranked
    }
    return Lookup(incumbents, _by_table(rows, tables))


def _by_table(rows: Sequence[int], tables: Sequence[pa.Table]) -> list[list[int]]:
    """Places among the rows of all tables, in order, as places in each."""
    places: list[list[int]] = []
    first = start = 0
    for table in tables:
        end = bisect_left(rows, first + table.num_rows, start)
        places.append([row - first for row in rows[start:end]])
        first, start = first + table.num_rows, end
    return places


def enter(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    batch: Sequence[Waiting],
    load: Load,
    lookup: Lookup,
) -> list[Outcome]:
    """Rows, rejections and history rows of some files, in the caller's transaction.

    `lookup` speaks of the files that are whole in memory, and learns which of their
    records stay; a file of many chunks is looked up chunk by chunk.
    """
    parts = [_Part(waiting.staged) for waiting in batch]
    whole = [part for part in parts if part.staged.whole is not None]
    tables = [part.staged.whole for part in whole]
    _enter_tables(connection, feed, whole, tables, load, lookup)
    passing("rows entered")
    for part in parts:
        if part.staged.whole is None:
            for chunk in part.staged.chunks():
                known = look_up(connection, feed, [chunk])
                _enter_tables(connection, feed, [part], [chunk], load, known)
    for waiting, part in zip(batch, parts, strict=True):
        counted = part.outcome
        _insert_rejects(connection, feed, part.staged, load)
        passing("rejects entered")
        _insert_outcomes(connection, feed, waiting, load)
        if waiting.earlier is not None:
            _forget(connection, feed, part.staged.file.sha256, waiting.earlier)
            counted = waiting.earlier.together(part.outcome, part.staged.clean)
        _insert_history(connection, feed, waiting, load, counted)
        passing("history entered")
    return [part.outcome for part in parts]


@dataclass
class _Part:
    """What becomes of a file in a batch."""

    staged: StagedFile
    outcome: Outcome = field(default_factory=Outcome)


def _enter_tables(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    parts: Sequence[_Part],
    tables: Sequence[pa.Table],
    load: Load,
    lookup: Lookup,
) -> None:
    """Inserts what wins and deletes what it supersedes, all files counted in turn.

    A row that a later file of the batch supersedes is counted as if it had been
    inserted, and is not: to delete it in the transaction that brings it would have
    the engine write all of them row by row.
    """
    superseded: Incumbents = {}
    waiting: Incumbents = {}
    losers: list[list[int]] = [[] for _ in tables]
    for number, (part, table) in enumerate(zip(parts, tables, strict=True)):
        contested = lookup.contested[number]
        part.outcome.loaded += table.num_rows
        if contested:
            origin = (part.staged.file.name, load.load_id)
            rows = table.take(contested)
            judged = _judge(feed, rows, contested, lookup.incumbents, origin)
            losers[number] += judged.losers
            for key, held in judged.superseded.items():
                if held.place is None:
                    superseded[key] = held
                else:
                    losers[held.place[0]].append(held.place[1])
            _count(part.outcome, judged, origin)
            for key, (row, held) in judged.winners.items():
                waiting[key] = held
                lookup.incumbents[key] = held._replace(place=(number, row))
    if superseded:
        _delete(connection, feed, superseded)
    for part, table, dropped in zip(parts, tables, losers, strict=True):
        rows = _without(table, dropped) if dropped else table
        if rows.num_rows:
            _insert_rows(connection, feed, part.staged, rows, load)
    lookup.incumbents.update(waiting)


class _Judged(NamedTuple):
    """What becomes of the contested rows of a table, by where they stand in it."""

    losers: list[int]
    winners: dict[Identity, tuple[int, Held]]
    superseded: Incumbents


def _forget(
    connection: duckdb.DuckDBPyConnection, feed: Feed, sha256: str, earlier: Earlier
) -> None:
    connection.execute(
        "delete from raw.load_history where feed = ? and content_sha256 = ?",
        [feed.name, sha256],
    )
    connection.execute(
        "delete from raw.rejected_records where feed = ? and path = ? and load_id = ?",
        [feed.name, earlier.path, earlier.load_id],
    )


def _judge(
    feed: Feed,
    rows: pa.Table,
    places: Sequence[int],
    incumbents: Incumbents,
    origin: tuple[str, str],
) -> _Judged:
    """Which of some contested rows win, and what they supersede."""
    keys, ranks, pruners = _ranked(feed, rows)
    winners: dict[Identity, tuple[int, Held]] = {}
    superseded: Incumbents = {}
    for key, index in _best(keys, ranks).items():
        incumbent = incumbents.get(key)
        if incumbent is not None:
            if ranks[index] <= incumbent.rank:
                continue
            superseded[key] = incumbent
        winners[key] = places[index], Held(ranks[index], pruners[index], origin)
    won = {row for row, _ in winners.values()}
    losers = [row for row in places if row not in won]
    return _Judged(losers, winners, superseded)


def _count(outcome: Outcome, judged: _Judged, origin: tuple[str, str]) -> None:
    """Takes what was judged into the counts; all rows count as loaded so far."""
    own = sum(held.origin == origin for held in judged.superseded.values())
    dropped = len(judged.losers)
    outcome.loaded -= dropped + own
    outcome.replaced += len(judged.superseded) - own
    outcome.duplicates += dropped + own


def _without(rows: pa.Table, dropped: Sequence[int]) -> pa.Table:
    """Rows but for those at some places."""
    is_kept = [True] * rows.num_rows
    for row in dropped:
        is_kept[row] = False
    return rows.filter(pa.array(is_kept))


def _best(keys: Sequence[Identity], ranks: Sequence[Rank]) -> dict[Identity, int]:
    """Where the record that stays of each identity stands."""
    best: dict[Identity, int] = {}
    for index, key in enumerate(keys):
        other = best.setdefault(key, index)
        if other != index and ranks[index] > ranks[other]:
            best[key] = index
    return best


def _ranked(
    feed: Feed, rows: pa.Table
) -> tuple[list[Identity], list[Rank], list[int | None]]:
    """Identity, rank and first time of each row."""
    pruners, *later = (rows[name].cast(pa.int64()).to_pylist() for name in feed.times)
    moments = pruners
    if later:
        moments = [_first_known(known) for known in zip(pruners, *later, strict=True)]
    versions = repeat(0) if feed.version is None else rows[feed.version].to_pylist()
    hashes = rows["_line_sha256"].to_pylist()
    ranks = list(zip(versions, moments, hashes, strict=False))
    return list(_identities(rows, feed)), ranks, pruners


def _first_known(moments: Sequence[int | None]) -> int:
    return next((moment for moment in moments if moment is not None), _NO_TIME)


def _identities(table: pa.Table, feed: Feed) -> Iterator[Identity]:
    columns = []
    for name in feed.identity:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)


def _delete(
    connection: duckdb.DuckDBPyConnection, feed: Feed, superseded: Incumbents
) -> None:
    """Deletes rows by identity; the range of their times spares most of the scan."""
    names = feed.identity
    kinds = dict(feed.columns)
    arrays = {
        name: pa.array(
            [key[position] for key in superseded],
            type=pa.timestamp("us") if kinds[name] == "timestamp" else None,
        )
        for position, name in enumerate(names)
    }
    matches = " and ".join(f'held."{name}" = superseded."{name}"' for name in names)
    moments = [held.pruner for held in superseded.values()]
    parameters: list[object] = []
    if None not in moments:
        matches += (
            f' and held."{feed.times[0]}" between make_timestamp(?)'
            " and make_timestamp(?)"
        )
        parameters = [min(moments), max(moments)]
    with _registered(connection, "superseded", pa.table(arrays)):
        connection.execute(
            f"delete from {feed.table} as held using superseded where {matches}",
            parameters,
        )


def _insert_rows(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    staged: StagedFile,
    rows: pa.Table,
    load: Load,
) -> None:
    stamped = {"_file": staged.file.name, "_load_id": load.load_id}
    _insert(
        connection,
        feed.table,
        (*feed.columns, *TRACE),
        rows,
        {**stamped, "_loaded_at": load.loaded_at},
    )


def _insert_rejects(
    connection: duckdb.DuckDBPyConnection, feed: Feed, staged: StagedFile, load: Load
) -> None:
    stamped = {
        "feed": feed.name,
        "path": staged.file.name,
        "load_id": load.load_id,
        "rejected_at": load.loaded_at,
    }
    for rejects in staged.reject_chunks():
        _insert(connection, "raw.rejected_records", REJECTED, rejects, stamped)


def _insert_outcomes(
    connection: duckdb.DuckDBPyConnection, feed: Feed, waiting: Waiting, load: Load
) -> None:
    def run(statement: str, *values: object) -> list[tuple]:
        return connection.execute(statement, list(values)).fetchall()

    rows = outcomes(run, feed, waiting, load)
    if rows:
        names = [name for name, _ in REJECT_OUTCOMES]
        types = [ARROW_TYPES[kind] for _, kind in REJECT_OUTCOMES]
        columns = zip(zip(*rows, strict=True), types, strict=True)
        arrays = [pa.array(values, kind) for values, kind in columns]
        table = pa.table(arrays, names=names)
        _insert(connection, "raw.reject_outcomes", REJECT_OUTCOMES, table, {})


def _insert_history(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    waiting: Waiting,
    load: Load,
    outcome: Outcome,
) -> None:
    staged = waiting.staged
    file = staged.file
    entry = {
        "feed": feed.name,
        "path": file.name,
        "content_sha256": file.sha256,
        "bytes": file.bytes,
        "records": outcome.loaded + outcome.duplicates + staged.rejected,
        "loaded": outcome.loaded,
        "replaced": outcome.replaced,
        "duplicates": outcome.duplicates,
        "rejected": staged.rejected,
        "first_timestamp": staged.counts.first_timestamp,
        "last_timestamp": staged.counts.last_timestamp,
        "load_id": load.load_id,
        "started_at": waiting.started_at,
        "finished_at": _utc_now(),
    }
    nothing = pa.table({"feed": pa.array([None], pa.string())})
    _insert(connection, "raw.load_history", HISTORY, nothing, entry)


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: pa.Table,
    stamped: Mapping[str, object],
) -> None:
    """Appends rows, the same values stamped on each, without any SQL text.

    Bound parameters would do too, but the driver looks for pandas at each of them,
    which for small files costs more than the insert.
    """
    arrays = []
    for name, kind in columns:
        if name in stamped:
            value = pa.scalar(stamped[name], type=ARROW_TYPES[kind])
            arrays.append(pa.repeat(value, rows.num_rows))
        else:
            arrays.append(rows[name])
    whole = pa.table(arrays, names=[name for name, _ in columns])
    connection.from_arrow(whole).insert_into(table)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
    passing("batch committed")


@contextmanager
def _registered(
    connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table
) -> Iterator[None]:
    connection.register(name, table)
    try:
        yield
    finally:
        connection.unregister(name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
