"""A bucket lands as a folder does. The buckets here are folders, read by address."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import fs

from orchestration.loading import (
    FeedReport,
    LandingError,
    list_new_files,
    load_feed,
    open_landing,
    warehouse,
)
from orchestration.loading.landings import Bucket, Folder
from tests.loading.support import EVENT, NOW, SETTINGS, Landing


class Counting(fs.FileSystemHandler):
    """A file system that counts what is opened, as one that is paid for does."""

    def __init__(self) -> None:
        self.inner = fs.LocalFileSystem()
        self.opened: list[str] = []

    def get_type_name(self) -> str:
        return "counting"

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return self.inner.get_file_info(paths)

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        return self.inner.get_file_info(selector)

    def open_input_stream(self, path: str) -> object:
        self.opened.append(path)
        return self.inner.open_input_stream(path, compression=None)

    def refuse(self, *_: object, **__: object) -> None:
        raise OSError("only to be read")

    open_input_file = open_output_stream = open_append_stream = refuse
    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = refuse
    delete_file = move = copy_file = normalize_path = refuse


@pytest.fixture
def counting() -> Counting:
    """A file system that counts."""
    return Counting()


@pytest.fixture
def bucket(landing: Landing, counting: Counting) -> Bucket:
    """The landing root as a bucket."""
    return Bucket("count://bucket", fs.PyFileSystem(counting), str(landing.root))


def load(landing: Landing, bucket: Bucket, load_id: str = "load-1") -> FeedReport:
    return load_feed("agent_events", bucket, landing.connection, SETTINGS, load_id, NOW)


def age(landing: Landing) -> None:
    """Makes every file an hour old."""
    for path in landing.root.rglob("*"):
        if path.is_file():
            found = path.stat()
            os.utime(path, (found.st_atime - 3600, found.st_mtime - 3600))


def test_an_address_is_a_bucket_and_a_path_a_folder(tmp_path: Path) -> None:
    opened = open_landing("mock:///bucket/prefix/")
    assert isinstance(opened, Bucket)
    assert opened.root == "bucket/prefix"
    assert open_landing(tmp_path) == Folder(tmp_path)
    assert open_landing(f"file://{tmp_path}/it%20is/") == Folder(tmp_path / "it is")
    assert open_landing(opened) is opened


def test_a_bucket_lands_as_a_folder_does(landing: Landing, bucket: Bucket) -> None:
    landing.put("agent_events/a.jsonl.gz", [EVENT, "nonsense"])
    landing.put("agent_events/deep/er/b.jsonl", [{**EVENT, "event_id": "e2"}])
    landing.put("agent_events/bad.zst", b"x")
    load(landing, bucket)
    alone = Landing(landing.root)
    alone.load(feeds=["agent_events"])
    names = "select path, content_sha256, bytes, loaded, rejected from raw.load_history"
    for query in (f"{names} order by all", "from raw.rejected_records select path"):
        assert landing.rows(query) == alone.rows(query)
    assert landing.content("agent_events") == alone.content("agent_events")


def test_an_absent_feed_of_a_bucket_is_empty(landing: Landing, bucket: Bucket) -> None:
    assert load(landing, bucket).files == []


@pytest.mark.parametrize(
    "name",
    ["_load_files/x.jsonl", ".hidden.jsonl", "a/_b/c.jsonl", "x.tmp", "x.PART"],
)
def test_what_is_still_written_is_left_alone(
    landing: Landing, bucket: Bucket, name: str
) -> None:
    landing.put(f"agent_events/{name}", [EVENT])
    assert load(landing, bucket).files == []


def test_load_files_in_a_bucket_are_no_feed(landing: Landing, bucket: Bucket) -> None:
    landing.put("_load_files/agent_events/x.jsonl", [EVENT])
    assert bucket.walk("agent_events") == []


def test_names_in_a_bucket_never_become_paths(landing: Landing, bucket: Bucket) -> None:
    for number, name in enumerate(["'; drop--.jsonl", "a\nb.jsonl", "c\\d.jsonl"]):
        landing.put(f"agent_events/{name}", [{**EVENT, "event_id": number}])
    assert load(landing, bucket).loaded == 3


def test_what_was_read_and_not_written_since_is_not_fetched_again(
    landing: Landing, bucket: Bucket, counting: Counting
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.put("agent_events/b.gz", b"no gzip")
    age(landing)
    assert load(landing, bucket).records == 2
    counting.opened.clear()
    assert load(landing, bucket, "load-2").known == 2
    assert list_new_files("agent_events", bucket, landing.connection) == []
    assert counting.opened == []


def test_what_was_written_since_it_was_read_is_fetched(
    landing: Landing, bucket: Bucket
) -> None:
    path = landing.put("agent_events/a.jsonl", [EVENT])
    age(landing)
    load(landing, bucket)
    path.write_text(path.read_text().replace("e1", "e2"))
    assert load(landing, bucket, "load-2").loaded == 1
    path.write_text(path.read_text().replace("e2", "e33"))
    age(landing)
    assert load(landing, bucket, "load-3").loaded == 1


def test_a_clock_that_differs_a_little_loses_nothing(
    landing: Landing, bucket: Bucket
) -> None:
    path = landing.put("agent_events/a.jsonl", [EVENT])
    load(landing, bucket)
    path.write_text(path.read_text().replace("e1", "e2"))
    read = landing.rows("select epoch(started_at) as at from raw.load_history")[0]["at"]
    slow = (warehouse.CLOCK_SKEW - timedelta(seconds=1)).total_seconds()
    os.utime(path, (read - slow, read - slow))
    assert load(landing, bucket, "load-2").loaded == 1


def test_a_replay_fetches_what_had_rejected_records(
    landing: Landing, bucket: Bucket
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    age(landing)
    load(landing, bucket)
    arguments = ("agent_events", bucket, landing.connection, SETTINGS, "load-2", NOW)
    assert load_feed(*arguments, replay=True).records == 2


def test_an_object_that_vanishes_is_left_to_the_next_load(
    landing: Landing, bucket: Bucket, counting: Counting
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    counting.inner = fs.SubTreeFileSystem("/nowhere", counting.inner)
    counting.get_file_info_selector = fs.LocalFileSystem().get_file_info
    assert [file.status for file in load(landing, bucket).files] == ["skipped"]


def test_a_bucket_that_cannot_be_listed_is_an_error(landing: Landing) -> None:
    class Locked(Counting):
        def get_file_info_selector(self, _: fs.FileSelector) -> list[fs.FileInfo]:
            raise OSError("access denied")

    bucket = Bucket("s3://bucket", fs.PyFileSystem(Locked()), "bucket")
    with pytest.raises(LandingError, match=r"s3://bucket cannot be listed \(access"):
        load(landing, bucket)


def test_an_address_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(LandingError, match="ftp://here cannot be opened"):
        open_landing("ftp://here?password=secret")


def test_an_address_is_shown_without_its_secrets() -> None:
    with pytest.raises(LandingError) as raised:
        open_landing("nothing://key:secret@bucket/prefix?session=secret")
    assert "nothing://bucket/prefix cannot" in str(raised.value)
    assert "secret" not in str(raised.value)
