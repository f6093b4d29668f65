"""A full disk stops a load, with a word on where; nothing of it is lost."""

from __future__ import annotations

import errno
import tempfile
from concurrent.futures import Future
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import load_all
from orchestration.loading.duckdb_store import DuckDbStore
from orchestration.loading.validators import Validators
from orchestration.project import BusyError, FullDiskError
from tests.loading.support import EVENT, NOW, SETTINGS, Landing

WORDS = "Could not write file: No space left on device"


def load(landing: Landing, warehouse: Path) -> int:
    feeds = ["agent_events"]
    return load_all(landing.root, warehouse, SETTINGS, "load", NOW, feeds).loaded


def test_a_full_disk_of_the_warehouse_is_named(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    warehouse = tmp_path / "warehouse.duckdb"

    def fill(*_: object) -> None:
        raise duckdb.IOException(WORDS)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDbStore, "commit", fill)
        with pytest.raises(FullDiskError, match=f"disk of {warehouse} is full"):
            load(landing, warehouse)
    assert load(landing, warehouse) == 1


@pytest.mark.parametrize(
    "problem", [OSError(errno.ENOSPC, "it is full"), OSError(f"[Errno 28] {WORDS}")]
)
def test_a_full_disk_of_what_waits_is_no_fault_of_the_file(
    landing: Landing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: OSError,
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])

    def fill(*_: object) -> Future[None]:
        future: Future[None] = Future()
        future.set_exception(problem)
        return future

    with monkeypatch.context() as patch:
        patch.setattr(Validators, "submit", fill)
        with pytest.raises(FullDiskError, match=f"disk of {tempfile.gettempdir()} is"):
            load(landing, tmp_path / "warehouse.duckdb")
    assert load(landing, tmp_path / "warehouse.duckdb") == 1


def test_a_warehouse_that_is_open_elsewhere_is_said_to_be(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise duckdb.IOException("Could not set lock on file: held in x (PID 17)")

    monkeypatch.setattr(duckdb, "connect", refuse)
    with pytest.raises(BusyError, match=r"open in another process.*PID 17") as raised:
        load(landing, tmp_path / "warehouse.duckdb")
    assert raised.value.exit_code == 75
