"""Dagster's storage: its own files, opened less often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from dagster import AssetKey, AssetMaterialization, DagsterInstance
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration import project
from orchestration.storage import KEPT_FILES, OpenEventLogStorage

EVENTS = 20


@pytest.fixture
def instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """An instance with the settings of this project."""
    monkeypatch.setenv("ACSR_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(project.dagster_home()))
    with DagsterInstance.get() as found:
        yield found


def test_an_event_needs_no_connection_of_its_own(instance: DagsterInstance) -> None:
    opened = []

    def count(*_: object) -> None:
        opened.append(1)

    assert type(instance.event_log_storage) is OpenEventLogStorage
    sqlalchemy.event.listen(sqlalchemy.pool.Pool, "connect", count)
    try:
        for number in range(EVENTS):
            said = AssetMaterialization("made", metadata={"number": number})
            instance.report_runless_asset_event(said)
    finally:
        sqlalchemy.event.remove(sqlalchemy.pool.Pool, "connect", count)
    assert len(opened) < EVENTS


def test_dagsters_own_storage_reads_what_was_kept(instance: DagsterInstance) -> None:
    instance.report_runless_asset_event(AssetMaterialization("made"))
    theirs = SqliteEventLogStorage(instance.event_log_storage._base_dir)
    theirs.register_instance(instance)
    assert theirs.has_asset_key(AssetKey("made"))


def test_only_the_last_files_stay_open_and_one_that_is_gone_is_made_anew(
    tmp_path: Path,
) -> None:
    log = OpenEventLogStorage(str(tmp_path))
    runs = [f"run-{number}" for number in range(KEPT_FILES + 2)]
    for run in runs:
        with log.run_connection(run):
            pass
    assert list(log._engines) == runs[2:]
    log.wipe()
    assert log.get_logs_for_run(runs[-1]) == []
    assert Path(log.path_for_shard(runs[-1])).exists()
    log.dispose()
    assert not log._engines
