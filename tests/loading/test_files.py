"""Which files are read, how they are packed, and which cannot be."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.loading import containers, files, landings, list_new_files
from orchestration.loading.files import (
    ChangedFileError,
    open_landed,
    shown_name,
    unchanged_blocks,
    walk_feed,
)
from orchestration.loading.lines import MAX_LINE_BYTES, split_lines
from tests.loading.support import EVENT, Landing, validate_here

LINE = b'{"event_id":"e1","session_id":"s","timestamp":1769860800,"action_type":"x"}\n'


def zipped(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.jsonl", data)
    return target.getvalue()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_files_of_any_depth_are_listed_in_order(landing: Landing) -> None:
    for name in ("b.jsonl", "a/z.jsonl.gz", "a/b/c/anything", "[1].jsonl", "x y.json"):
        landing.put(f"agent_events/{name}", b"")
    names = [
        str(path.relative_to(landing.root / "agent_events"))
        for path in walk_feed(landing.root, "agent_events")
    ]
    assert names == [
        "[1].jsonl",
        "a/b/c/anything",
        "a/z.jsonl.gz",
        "b.jsonl",
        "x y.json",
    ]


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.jsonl",
        "_open.jsonl",
        "a/_day/x.jsonl",
        ".git/a/b.jsonl",
        "a.jsonl.tmp",
        "a.jsonl.part",
        "a.jsonl.PART",
    ],
)
def test_what_is_still_being_written_is_left_alone(landing: Landing, name: str) -> None:
    landing.put(f"agent_events/{name}", LINE)
    assert walk_feed(landing.root, "agent_events") == []


def test_an_underscore_above_the_feed_hides_nothing(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "_root" / ".landing")
    landing.put("agent_events/a.jsonl", LINE)
    assert landing.load().loaded == 1


def test_links_are_followed_within_the_landing_root_only(
    landing: Landing, tmp_path: Path
) -> None:
    landing.put("agent_events/a.jsonl", LINE)
    folder = landing.root / "agent_events"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jsonl").write_bytes(LINE)
    (folder / "file_link.jsonl").symlink_to(outside / "secret.jsonl")
    (folder / "folder_link").symlink_to(outside)
    (folder / "dangling.jsonl").symlink_to(outside / "nothing")
    (folder / "ring").symlink_to(folder)
    (folder / "inside.jsonl").symlink_to(folder / "a.jsonl")
    names = [path.name for path in walk_feed(landing.root, "agent_events")]
    assert names == ["a.jsonl", "inside.jsonl"]


def test_a_pipe_does_not_hold_up_a_load(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", LINE)
    os.mkfifo(landing.root / "agent_events" / "b.jsonl")
    assert landing.load().loaded == 1


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl", bytes),
        ("no_suffix", bytes),
        ("a.jsonl.gz", gzip.compress),
        ("a.GZ", gzip.compress),
        ("a.jsonl.gz", lambda data: gzip.compress(data) + gzip.compress(b"")),
        ("a.jsonl.gz", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("a.jsonl.gz", lambda data: gzip.compress(data) + b"\x00" * 100),
        ("a.jsonl.zst", zstd),
        ("a.jsonl.zst", lambda data: zstd(data[:9]) + zstd(data[9:])),
        ("a.jsonl", lambda data: b"\xef\xbb\xbf" + data),
        ("a.jsonl", lambda data: data.replace(b"\n", b"\r\n")),
        ("a.jsonl", lambda data: b"\n  \n\t\r\n" + data.rstrip()),
    ],
)
def test_every_promised_container_is_read(
    landing: Landing, name: str, pack: Callable[[bytes], bytes]
) -> None:
    landing.put(f"agent_events/{name}", pack(LINE + LINE.replace(b"e1", b"e2")))
    report = landing.load()
    assert (report.loaded, report.rejected) == (2, 0)
    hashes = {
        row["h"]
        for row in landing.rows("select _line_sha256 as h from raw.agent_events")
    }
    landing.put("agent_events/again.jsonl", LINE)
    landing.load()
    assert len(hashes) == 2
    assert landing.content("agent_events")[0][-1] in hashes


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("a.jsonl", gzip.compress(LINE), "name it .gz"),
        ("a.jsonl", zstd(LINE), "name it .zst"),
        ("a.jsonl", b"PAR1" + LINE, "name it .parquet"),
        ("a.jsonl", zipped(LINE), "unpack it"),
        ("a.jsonl.gz", zipped(LINE), "re-pack"),
        ("a.jsonl.gz", LINE, "no sound gzip"),
        ("a.jsonl.zst", LINE, "no sound zstd"),
        ("a.jsonl.gz", gzip.compress(LINE)[:-9], "ends too early"),
        ("a.jsonl.zst", zstd(LINE)[:-2], "ends too early"),
        ("a.jsonl.gz", gzip.compress(LINE) + b"garbage", "something else after"),
        ("a.jsonl.zst", zstd(LINE) + b"garbage", "something else after"),
        ("a.jsonl.gz", gzip.compress(gzip.compress(LINE)), "its content is gzip"),
        ("a.jsonl", LINE.decode().encode("utf-16"), "write UTF-8"),
        ("a.jsonl", LINE.decode().encode("utf-16-le"), "write UTF-8"),
        ("a.jsonl", LINE.decode().encode("utf-32"), "write UTF-8"),
        ("a.jsonl.gz", gzip.compress(LINE.decode().encode("utf-16")), "write UTF-8"),
        ("a.parquet", LINE, "no sound Parquet"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_quarantined_whole(
    landing: Landing, name: str, content: bytes, advice: str
) -> None:
    landing.put(f"agent_events/{name}", content)
    landing.put("agent_events/z_good.jsonl", LINE.replace(b"e1", b"e2"))
    report = landing.load()
    assert landing.reasons() == ["unreadable_file"]
    (bad,) = report.quarantined
    assert bad.path == f"agent_events/{name}"
    assert advice in bad.problem
    assert (bad.records, bad.rejected, report.loaded) == (1, 1, 1)
    assert landing.load().records == 0


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_that_was_misnamed_loads_under_its_right_name(
    landing: Landing, at_once: bool
) -> None:
    misnamed = landing.put("agent_events/a.jsonl", gzip.compress(LINE))
    if at_once:
        landing.put("agent_events/b.jsonl.gz", misnamed.read_bytes())
    else:
        landing.load()
        again = misnamed.rename(misnamed.with_name("still_wrong.txt"))
        assert landing.load().records == 0
        again.rename(misnamed.with_name("b.jsonl.gz"))
        listed = list_new_files("agent_events", landing.root, landing.connection)
        assert [file.path.name for file in listed] == ["b.jsonl.gz"]
    assert landing.load().loaded == 1
    assert landing.reasons() == []
    (entry,) = landing.rows("select path, records, loaded from raw.load_history")
    assert list(entry.values()) == ["agent_events/b.jsonl.gz", 1, 1]
    assert landing.load().records == 0


def test_a_truncated_file_gives_none_of_its_records(landing: Landing) -> None:
    lines = b"".join(LINE.replace(b"e1", b"e%d" % n) for n in range(20_000))
    landing.put("agent_events/a.jsonl.gz", gzip.compress(lines)[:-4])
    assert landing.load().loaded == 0
    assert landing.content("agent_events") == []


@pytest.mark.parametrize(("name", "pack"), [("a.gz", gzip.compress), ("a.zst", zstd)])
def test_a_decompression_bomb_is_stopped(
    landing: Landing,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    pack: Callable[[bytes], bytes],
) -> None:
    validate_here(monkeypatch)
    monkeypatch.setattr(containers, "RATIO_FREE_BYTES", 1 << 20)
    landing.put(f"agent_events/{name}", pack(b"\n" * (4 << 20)))
    (bad,) = landing.load().quarantined
    assert "times its size" in bad.problem


def test_content_beyond_the_cap_is_refused(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate_here(monkeypatch)
    monkeypatch.setattr(containers, "MAX_FILE_BYTES", 10_000)
    landing.put("agent_events/a.jsonl", LINE * 200)
    (bad,) = landing.load().quarantined
    assert "split the file" in bad.problem


@pytest.mark.parametrize("name", ["a.jsonl", "a.gz", "a.zst", "a.parquet"])
@pytest.mark.parametrize(
    "feed", ["agent_events", "otel_spans", "tau2_runs", "servicenow_incidents"]
)
def test_an_empty_file_is_known_and_has_no_records(
    landing: Landing, feed: str, name: str
) -> None:
    landing.put(f"{feed}/{name}", b"")
    report = landing.load()
    (entry,) = landing.rows("select * from raw.load_history")
    assert (entry["records"], entry["bytes"], entry["last_timestamp"]) == (0, 0, None)
    assert not report.quarantined
    assert landing.load().feeds[feed].known == 1


def test_names_are_data_and_never_sql_or_a_pattern(landing: Landing) -> None:
    names = [
        "[1].jsonl",
        "1.jsonl",
        "a'); drop table raw.agent_events; --",
        "ü\n?.jsonl",
    ]
    for number, name in enumerate(names):
        landing.put(f"agent_events/{name}", [{**EVENT, "event_id": number}])
    landing.load()
    rows = landing.rows("select _file from raw.agent_events order by event_id")
    names[3] = "ü\\x0a?.jsonl"
    assert [row["_file"] for row in rows] == [f"agent_events/{name}" for name in names]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain \xc3\xbc \\.jsonl", "plain ü \\.jsonl"),
        (b"\xff.jsonl", "\\xff.jsonl"),
        (b"\\xff.jsonl", "\\\\xff.jsonl"),
        (b"\\\xff", "\\\\\\xff"),
        (b"\n\x1b[2J", "\\x0a\\x1b[2J"),
        (b"\xe2\x80\xae", "\\u202e"),
        (b"\xc2\x85\xed\xa0\x80", "\\u0085\\xed\\xa0\\x80"),
    ],
)
def test_letters_of_a_name_that_do_not_print_are_escaped(
    name: bytes, shown: str
) -> None:
    assert shown_name(name) == shown


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"\\", b"x", b"0a", b"\n", b"\xff", b"ff", b"u"])))
def test_no_two_names_are_shown_alike(atoms: list[bytes]) -> None:
    name = b"".join(atoms)
    shown = shown_name(name)
    assert shown.isprintable()
    if shown == name.decode("utf-8", "replace"):
        return
    plain = shown.encode().decode("unicode_escape").encode("latin-1")
    assert plain == name
    assert shown_name(shown.encode()) != shown


def test_a_link_put_in_the_place_of_a_listed_file_is_not_followed(
    landing: Landing, tmp_path: Path
) -> None:
    path = landing.put("agent_events/a.jsonl", LINE)
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(LINE)
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(OSError, match="leads out of the landing root"):
        open_landed(path, landing.root)


def test_a_link_put_there_while_a_file_is_opened_is_not_followed(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = landing.put("agent_events/deep/a.jsonl", LINE)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jsonl").write_bytes(LINE)
    resolve = os.path.realpath

    def swap(asked: Path, **more: bool) -> str:
        real = resolve(asked, **more)
        if asked == path:
            path.unlink()
            path.parent.rmdir()
            path.parent.symlink_to(tmp_path / "outside")
        return real

    monkeypatch.setattr(os.path, "realpath", swap)
    with pytest.raises(OSError, match="deep"):
        open_landed(path, landing.root)


def test_a_folder_that_cannot_be_listed_is_told_of(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("agent_events/locked/a.jsonl", LINE)
    landing.put("agent_events/z.jsonl", LINE)
    listing = files._listed

    def refuse(folder: Path, root: Path) -> object:
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listing(folder, root)

    monkeypatch.setattr(files, "_listed", refuse)
    report = landing.load()
    assert [file.path for file in report.skipped] == ["agent_events/locked"]
    assert report.loaded == 1


def test_a_file_that_vanishes_is_reported_and_left_to_the_next_load(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = landing.put("agent_events/gone.jsonl", LINE)
    landing.put("agent_events/here.jsonl", LINE.replace(b"e1", b"e2"))
    listed = walk_feed(landing.root, "agent_events")
    monkeypatch.setattr(
        landings, "walk_feed", lambda _, feed: listed * (feed in str(gone))
    )
    gone.unlink()
    report = landing.load()
    assert [file.path for file in report.skipped] == ["agent_events/gone.jsonl"]
    assert report.loaded == 1
    assert len(landing.rows("select * from raw.load_history")) == 1


def test_a_file_that_changes_while_it_is_read_is_left_to_the_next_load(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = landing.put("agent_events/a.jsonl", LINE)
    (file,) = list_new_files("agent_events", landing.root, landing.connection)
    path.write_bytes(LINE * 2)
    with pytest.raises(ChangedFileError):
        list(unchanged_blocks(file))
    monkeypatch.setattr(landings, "examine", lambda *_: file)
    report = landing.load()
    assert "changed" in report.skipped[0].problem
    assert landing.content("agent_events") == []


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_lines_are_the_same_however_the_bytes_arrive(block: int) -> None:
    text = b"\xef\xbb\xbfa\r\n\n b \n\x0b\nc\xe2\x80\xa8d\n\xef\xbb\xbfe"
    blocks = (text[at : at + block] for at in range(0, len(text), block))
    assert list(split_lines(blocks)) == [
        (1, b"a"),
        (3, b"b"),
        (4, b"\x0b"),
        (5, b"c\xe2\x80\xa8d"),
        (6, b"e"),
    ]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_of_one_mebibyte_is_the_longest(landing: Landing, ending: bytes) -> None:
    def line(size: int) -> bytes:
        start = LINE.rstrip().rstrip(b"}") + b',"pad":"'
        return start + b"x" * (size - len(start) - 2) + b'"}'

    assert MAX_LINE_BYTES == 1_048_576
    landing.put("agent_events/1.jsonl", line(MAX_LINE_BYTES) + ending)
    landing.put("agent_events/2.jsonl", line(MAX_LINE_BYTES + 1) + ending)
    landing.put("agent_events/3.jsonl", b"x" * (5 * MAX_LINE_BYTES + 9) + b"\n" + LINE)
    report = landing.load()
    assert landing.reasons() == ["oversize", "oversize"]
    assert report.records == 4
    (kept,) = landing.rows(
        "select max(octet_length(encode(text))) as bytes from raw.rejected_records"
    )
    assert kept["bytes"] <= 4096


def test_the_sensor_lists_each_new_content_once(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", LINE)
    landing.put("agent_events/copy.jsonl", LINE)
    listed = list_new_files("agent_events", landing.root, landing.connection)
    assert [file.name for file in listed] == ["agent_events/a.jsonl"]
    landing.load()
    assert list_new_files("agent_events", landing.root, landing.connection) == []
    assert list_new_files("ticket_events", landing.root, landing.root / "none") == []
