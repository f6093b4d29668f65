"""Dagster's own storage in SQLite, without a new connection for every event.

Dagster's opens and closes the file for each statement. The last one to close a file
writes its log back and waits for the disk, so that most of a refresh would be waiting.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    SqliteStorageConfig,
    _event_logs_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

KEPT_FILES = 4
BUSY_SECONDS = 30


class OpenEventLogStorage(SqliteEventLogStorage):
    """Keeps the files open that were used last: the index, and those of a few runs."""

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._known_tables: set[str] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._kept(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _kept(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine and not Path(self.path_for_shard(shard)).exists():
            engine.dispose()
            engine = None
        self._engines[shard] = engine or _engine(self.conn_string_for_shard(shard))
        while len(self._engines) > KEPT_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table, which Dagster asks for every event."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def dispose(self) -> None:
        """Closes the files."""
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()


class Storage(DagsterSqliteStorage):
    """Runs, events and schedules where Dagster's own storage keeps them."""

    def __init__(
        self, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = OpenEventLogStorage(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> Storage:
        """What dagster.yaml asks for; Dagster's method would make its own class."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _engine(address: str) -> Engine:
    engine = create_engine(address, pool_size=1, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _wait_for_the_disk_less)
    return engine


def _wait_for_the_disk_less(connection: object, _: object) -> None:
    # with a write-ahead log a crash of the machine may lose the last events; that of
    # the process loses none, and neither breaks the file
    connection.execute("pragma synchronous = normal")
