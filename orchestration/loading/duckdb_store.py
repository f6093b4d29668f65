"""The raw tables in DuckDB, and the one transaction in which a file enters them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import repeat
from typing import NamedTuple

import duckdb
import pyarrow as pa

from orchestration.loading.contracts import Feed
from orchestration.loading.faults import UNREADABLE_FILE
from orchestration.loading.staging import ARROW_TYPES, StagedFile
from orchestration.loading.warehouse import (
    HISTORY,
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
LARGE_ROWS = 50_000  # of one file


class Held(NamedTuple):
    """The record that a table holds for an identity; `pruner` is its first time.

    `origin` is the file and load that it came from, by which a file knows its own.
    """

    rank: Rank
    pruner: int | None
    origin: tuple[str, str]


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

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, is_own: bool = False
    ) -> None:
        self.connection = connection
        self._is_own = is_own

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

    def commit(self, feed: Feed, batch: Sequence[Waiting], load: Load) -> list[Outcome]:
        """Commits file by file, after one look at the table for all.

        A file of many chunks looks its records up itself: its batch holds no other.
        """
        if self._is_own:
            self._prepare_for(batch)
        tables = [
            waiting.staged.tables[0]
            for waiting in batch
            if _is_whole_in_memory(waiting.staged)
        ]
        looked_up = look_up(self.connection, feed, tables)
        contested = iter(looked_up.contested)
        return [
            commit_file(
                self.connection,
                feed,
                waiting,
                load,
                Lookup(looked_up.incumbents, [next(contested)])
                if _is_whole_in_memory(waiting.staged)
                else None,
            )
            for waiting in batch
        ]

    def _prepare_for(self, batch: Sequence[Waiting]) -> None:
        """Sets what a commit writes to the log, and what into the tables at once.

        Small files would have the tables written anew every few seconds; a large one
        would be written twice.
        """
        is_large = any(waiting.staged.clean >= LARGE_ROWS for waiting in batch)
        limit = "16MB" if is_large else "256MB"
        self.connection.execute(f"set checkpoint_threshold = '{limit}'")


def _is_whole_in_memory(staged: StagedFile) -> bool:
    return len(staged.tables) == 1 and isinstance(staged.tables[0], pa.Table)


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


def commit_file(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    waiting: Waiting,
    load: Load,
    lookup: Lookup | None,
) -> Outcome:
    """Rows, rejections and history row of a file, all of them or none.

    Without `lookup` they are looked up chunk by chunk, which a file of many chunks
    needs. The winners go into its incumbents only once they are committed.
    """
    staged, earlier = waiting.staged, waiting.earlier
    outcome, winners = Outcome(), Incumbents()
    with _transaction(connection):
        for chunk in staged.chunks():
            known = lookup
            if known is None:
                known = look_up(connection, feed, [chunk])
            winners = _insert_chunk(
                connection, feed, staged, chunk, known, load, outcome
            )
        counted = outcome
        if earlier is not None:
            _forget(connection, feed, staged.file.sha256, earlier)
            counted = earlier.together(outcome, staged.clean)
        _insert_rejects(connection, feed, staged, load)
        _insert_history(connection, feed, waiting, load, counted)
    if lookup is not None:
        lookup.incumbents.update(winners)
    return outcome


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


def _insert_chunk(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    staged: StagedFile,
    chunk: pa.Table,
    known: Lookup,
    load: Load,
    outcome: Outcome,
) -> Incumbents:
    """Inserts what wins, deletes what it supersedes, and gives back what won."""
    origin = (staged.file.name, load.load_id)
    incumbents, (contested,) = known
    if not contested:
        outcome.loaded += chunk.num_rows
        _insert_rows(connection, feed, staged, chunk, load)
        return {}
    keys, ranks, pruners = _ranked(feed, chunk.take(contested))
    rows: list[int] = []
    winners: Incumbents = {}
    superseded: Incumbents = {}
    for key, index in _best(keys, ranks).items():
        incumbent = incumbents.get(key)
        if incumbent is not None:
            if ranks[index] <= incumbent.rank:
                continue
            superseded[key] = incumbent
        rows.append(index)
        winners[key] = Held(ranks[index], pruners[index], origin)
    own = sum(held.origin == origin for held in superseded.values())
    dropped = len(contested) - len(rows)
    outcome.loaded += chunk.num_rows - dropped - own
    outcome.replaced += len(superseded) - own
    outcome.duplicates += dropped + own
    if superseded:
        _delete(connection, feed, superseded)
    if dropped:
        won = set(rows)
        losers = [row for place, row in enumerate(contested) if place not in won]
        chunk = _without(chunk, losers)
    if chunk.num_rows:
        _insert_rows(connection, feed, staged, chunk, load)
    return winners


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
        "first_timestamp": staged.first_timestamp,
        "last_timestamp": staged.last_timestamp,
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
