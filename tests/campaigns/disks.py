"""Disks that fill up while files are validated, loaded or published.

The disk is a real one of a few megabytes, which only root may mount, and only Linux has
in this form; without it nothing is tried, and the campaign says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb

from orchestration.loading import load_all
from orchestration.publish import publish
from tests.campaigns.kills import compare, load_here, raw_rows
from tests.campaigns.processes import in_child
from tests.campaigns.row import Progress, Row
from tests.loading.support import EVENT, NOW, SETTINGS, Landing

FULL = 60
FEED = "agent_events"
PLENTY = 256 << 20
ROOM = 1_500_000  # bytes that are free at most
ROWS = 3_000
FULL_DISK = "No space left on device"


def run(number: int, seed: int, progress: Progress) -> Row:
    """Fills a disk up so many times; the next ordinary run must make up for it."""
    chance, row = Random(seed), Row()
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as disk:
        if disk is None:
            progress(
                "left out: only root may mount a disk of a few megabytes, on Linux"
            )
            return row
        tries = [
            Validated(Path(folder), disk),
            Loaded(Path(folder), disk),
            Published(Path(folder), disk),
        ]
        while row.tried < number:
            each = tries[row.tried % len(tries)]
            each.prepare(chance)
            _try(each, disk, chance, row)
            if row.tried % 10 == 0:
                progress(f"{row.tried} disks")
    return row


class Loaded:
    """A warehouse on the small disk, and a calm one elsewhere."""

    place = "disk"

    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder, self.disk = folder, disk
        self.landing = folder / type(self).__name__ / "landing"
        self.calm = self.landing.with_name("calm.duckdb")
        self.warehouse = self._warehouse()
        self.count = 0

    def _warehouse(self) -> Path:
        return self.disk / "warehouse.duckdb"

    def prepare(self, chance: Random) -> None:
        """Lands two files, of which every third record is there already."""
        for _ in range(2):
            self.count += 1
            ids = [
                f"{self.count - (n % 3 == 0)}-{chance.randrange(ROWS)}"
                for n in range(ROWS)
            ]
            events = ({**EVENT, "event_id": i, "x": chance.random()} for i in ids)
            Landing(self.landing).put(f"{FEED}/{self.count:04d}.jsonl", events)

    def work(self) -> None:
        """What the disk is too small for."""
        self.load(self.warehouse)

    def load(self, warehouse: Path) -> None:
        """Loads with room for what waits."""
        tempfile.tempdir = str(self.folder)
        load_here()
        load_all(self.landing, warehouse, SETTINGS, "load", NOW, [FEED])

    def judge(self, row: Row) -> None:
        """Holds what is there against a calm warehouse."""
        in_child(self.load, self.calm)
        compare(row, raw_rows(self.warehouse), raw_rows(self.calm))


class Validated(Loaded):
    """What validated files wait in is on the small disk; the warehouse is not."""

    def _warehouse(self) -> Path:
        return self.landing.with_name("warehouse.duckdb")

    def work(self) -> None:
        """As before, with the folder of temporary files on the disk."""
        tempfile.tempdir = str(self.disk)
        load_all(self.landing, self.warehouse, SETTINGS, "load", NOW, [FEED])


class Published:
    """The published file is on the small disk."""

    def __init__(self, folder: Path, disk: Path) -> None:
        self.warehouse, self.published = folder / "built.duckdb", disk / "published"
        self.count = 0

    def prepare(self, chance: Random) -> None:
        """A mart with other rows than before."""
        self.count = chance.randrange(20_000, 60_000)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(
                "create schema if not exists raw; create schema if not exists marts;"
                "create table if not exists raw.load_history (last_timestamp timestamp)"
            )
            connection.execute(
                "create or replace table marts.cases as "
                f"select hash(range + {chance.random()}) as id from range({self.count})"
            )

    def work(self) -> None:
        """Publishes; a failure must leave what is shown as it was."""
        current = self.published / "current.duckdb"
        before = current.read_bytes() if current.exists() else None
        try:
            publish(
                *(self.warehouse, self.published),
                as_of=datetime(2026, 1, 31, tzinfo=UTC),
                git_revision=None,
                is_sample=False,
            )
        except Exception:
            after = current.read_bytes() if current.exists() else None
            assert after == before, "what is published moved"
            raise

    def judge(self, row: Row) -> None:
        """What is shown is the newest."""
        current = str(self.published / "current.duckdb")
        with duckdb.connect(current, read_only=True) as connection:
            query = "select count(*), count(distinct id) from marts.cases"
            found = connection.execute(query).fetchone()
        is_whole = found == (self.count, self.count)
        row.lost += not is_whole
        row.survived += is_whole


def _try(each: Loaded | Published, disk: Path, chance: Random, row: Row) -> None:
    """Works with little room until that is too little, then with plenty."""
    told = disk.parent / "told.txt"
    told.unlink(missing_ok=True)
    with little_room(disk, chance.randrange(ROOM)):
        in_child(_telling, each.work, told)
    if not told.exists():  # there was room enough
        each.judge(Row())
        return
    row.tried += 1
    said = told.read_text()
    if FULL_DISK not in said or not (str(disk) in said or "current" in said):
        row.problems.append(f"not clear: {said}")
    in_child(each.work)
    each.judge(row)


def _telling(work: Callable[[], None], told: Path) -> None:
    try:
        work()
    except Exception as problem:
        told.write_text(f"{type(problem).__name__}: {problem}")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own, in memory; None where this process may mount none."""
    disk = folder / "disk"
    disk.mkdir()
    may_mount = sys.platform == "linux" and os.geteuid() == 0
    if not may_mount or not _mount("-t", "tmpfs", "-o", f"size={PLENTY}", disk):
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def little_room(disk: Path, free: int) -> Iterator[None]:
    """Leaves so many bytes on a disk for a while."""
    found = os.statvfs(disk)
    held = (found.f_blocks - found.f_bfree) * found.f_frsize
    assert _mount("-o", f"remount,size={held + free}", disk)
    try:
        yield
    finally:
        assert _mount("-o", f"remount,size={PLENTY}", disk)


def _mount(*arguments: str | Path) -> bool:
    command = ["mount", *map(str, arguments)]
    if "tmpfs" in command:
        command.insert(-1, "tmpfs")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
