"""A file is read again unless the system says that it is the one that was read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.loading import file_hashes, files, open_landing, remembering
from orchestration.loading.landings import Listed

NAME = "agent_events/one.jsonl"
LONG_AGO, NOW, LATER = 1_600_000_000_000_000_000, 0, 2**62
Look = Callable[[], str]


@pytest.fixture(autouse=True)
def much_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hashes, "time_ns", lambda: LATER)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "landing" / NAME
    path.parent.mkdir(parents=True)
    write(path, "first")
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was read, block by block."""
    seen: list[str] = []
    plain = files.read_blocks

    def counted(handle: object) -> Iterator[bytes]:
        for block in plain(handle):
            seen.append(block.decode())
            yield block

    monkeypatch.setattr(files, "read_blocks", counted)
    return seen


@pytest.fixture
def look(tmp_path: Path, file: Path) -> Look:
    """Has a landing root fetched the file, and gives back its hash."""

    def hashed() -> str:
        with remembering(tmp_path / "landing", tmp_path / "kept.sqlite") as landing:
            (listed,) = landing.walk("agent_events")
            with landing.fetched(listed) as found:
                assert (found.name, found.bytes) == (NAME, file.stat().st_size)
                return found.sha256

    return hashed


def write(path: Path, text: str) -> None:
    """A file of which all that a program can set is always the same."""
    path.write_text(text)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


def test_a_file_is_read_once(look: Look, reads: list[str]) -> None:
    assert look() == look()
    assert reads == ["first"]


def test_a_file_that_is_written_again_is_read_again(
    look: Look, file: Path, reads: list[str]
) -> None:
    before = look()
    write(file, "again")
    assert look() != before
    assert reads == ["first", "again"]


def test_another_file_in_its_place_is_read(
    look: Look, file: Path, reads: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write(other, "other")
    before = look()
    other.replace(file)
    assert look() != before
    assert reads == ["first", "other"]


def test_another_folder_in_the_place_of_its_own_is_read(
    look: Look, file: Path, reads: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other" / file.name
    other.parent.mkdir()
    write(other, "other")
    before = look()
    shutil.rmtree(file.parent)
    other.parent.replace(file.parent)
    assert look() != before
    assert reads == ["first", "other"]


def test_what_changed_just_now_is_not_remembered(
    look: Look, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hashes, "time_ns", lambda: NOW)
    look()
    look()
    assert reads == ["first", "first"]


def test_what_changes_while_it_is_read_is_not_remembered(
    look: Look, file: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = files.read_blocks

    def meddled(handle: object) -> Iterator[bytes]:
        yield from plain(handle)
        write(file, "again")

    with monkeypatch.context() as patched:
        patched.setattr(files, "read_blocks", meddled)
        before = look()
    assert look() != before
    assert reads == ["first", "again"]


def test_a_memory_that_is_no_database_begins_anew(
    look: Look, reads: list[str], tmp_path: Path
) -> None:
    (tmp_path / "kept.sqlite").write_bytes(b"this is not what it should be" * 100)
    assert look() == look() == look()
    assert reads == ["first", "first"]


def test_where_no_memory_can_be_every_file_is_read(
    look: Look, reads: list[str], tmp_path: Path
) -> None:
    (tmp_path / "kept.sqlite").mkdir()
    assert look() == look()
    assert reads == ["first", "first"]


def test_a_table_that_is_gone_is_no_error(
    look: Look, reads: list[str], tmp_path: Path
) -> None:
    look()
    with remembering(tmp_path / "landing", tmp_path / "kept.sqlite") as landing:
        landing.hashes._connection.execute("drop table hashes")
        (listed,) = landing.walk("agent_events")
        with landing.fetched(listed):
            pass
    assert reads == ["first", "first"]


def test_a_bucket_is_left_as_it_is(tmp_path: Path) -> None:
    bucket = open_landing("mock:///bucket/prefix")
    with remembering(bucket, tmp_path / "kept.sqlite") as landing:
        assert landing is bucket
    assert not (tmp_path / "kept.sqlite").exists()


def test_without_remembering_every_file_is_read(
    file: Path, reads: list[str], tmp_path: Path
) -> None:
    landing = open_landing(tmp_path / "landing")
    for _ in range(2):
        with landing.fetched(Listed(NAME, file)):
            pass
    assert reads == ["first", "first"]
