"""Exactly once, whatever is landed, repeated, renamed, corrected or killed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import (
    FEEDS,
    LoadSettings,
    duckdb_store,
    fast,
    load_feed,
    staging,
)
from orchestration.loading import load as loading
from orchestration.loading.files import LandedFile
from orchestration.loading.records import Context
from orchestration.loading.report import summary
from orchestration.loading.staging import StagedFile
from tests.loading.support import (
    AUDIT,
    EVENT,
    NOW,
    SAMPLES,
    SETTINGS,
    SURVEY,
    Here,
    Landing,
    validate_here,
)


def history(landing: Landing) -> list[tuple[int, ...]]:
    """Counts of each file: records, loaded, replaced, duplicates, rejected."""
    names = ("records", "loaded", "replaced", "duplicates", "rejected")
    rows = landing.rows("select * from raw.load_history order by path")
    return [tuple(row[name] for name in names) for row in rows]


def test_no_feed_at_all_gives_empty_tables(landing: Landing) -> None:
    report = landing.load()
    assert report.records == 0
    assert all(landing.content(feed) == [] for feed in FEEDS)
    assert not landing.root.exists()


@pytest.mark.parametrize("feed", SAMPLES)
def test_a_record_lands_with_its_file_line_and_load(
    landing: Landing, feed: str
) -> None:
    landing.put(f"{feed}/2026/01/a.jsonl.gz", ["", SAMPLES[feed]])
    landing.load()
    (row,) = landing.rows(f"select * from raw.{feed}")
    assert row["_file"] == f"{feed}/2026/01/a.jsonl.gz"
    assert row["_line"] == 2
    assert row["_load_id"] == "load-1"
    for field, value in SAMPLES[feed].items():
        if field not in ("timestamp", "sent_at", "audited_at"):
            assert row[field] == value


def test_every_table_has_the_columns_of_its_contract(landing: Landing) -> None:
    landing.load()
    for feed in FEEDS.values():
        described = landing.rows(f"describe {feed.table}")
        names = [row["column_name"] for row in described]
        assert names == [
            *feed.column_names,
            "_file",
            "_line",
            "_line_sha256",
            "_load_id",
            "_loaded_at",
        ]
        types = {row["column_name"]: row["column_type"].lower() for row in described}
        assert {name: types[name] for name in feed.column_names} == dict(feed.columns)


def test_one_bad_line_never_fails_its_file(landing: Landing) -> None:
    bad = ["nonsense", "[]", json.dumps({**EVENT, "event_id": None}), json.dumps(EVENT)]
    landing.put("agent_events/a.jsonl", bad)
    report = landing.load()
    assert landing.reasons() == ["not_json", "not_an_object", "missing_event_id"]
    assert history(landing) == [(4, 1, 0, 0, 3)]
    assert report.feeds["agent_events"].reasons["not_json"] == 1
    lines = landing.rows(
        "select line_number, text from raw.rejected_records order by 1"
    )
    assert [row["line_number"] for row in lines] == [1, 2, 3]
    assert lines[0]["text"] == "nonsense"


def test_the_same_content_never_loads_twice(landing: Landing) -> None:
    path = landing.put("agent_events/a.jsonl", [EVENT])
    landing.put("agent_events/b/copy.jsonl", [EVENT])
    assert landing.load().loaded == 1
    path.rename(path.with_name("rotated.jsonl"))
    report = landing.load()
    assert report.records == 0
    assert report.feeds["agent_events"].known == 2
    assert len(history(landing)) == 1


def test_a_file_that_grew_loads_as_a_whole(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.load()
    landing.put("agent_events/a.jsonl", [EVENT, {**EVENT, "event_id": "e2"}])
    landing.load()
    landing.put("agent_events/a.jsonl.gz", [EVENT, {**EVENT, "event_id": "e2"}])
    landing.load()
    assert sorted(history(landing)) == [
        (1, 1, 0, 0, 0),
        (2, 0, 0, 2, 0),
        (2, 1, 0, 1, 0),
    ]


def test_one_id_in_two_source_systems_is_two_records(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, {**EVENT, "source_system": "bot"}])
    assert landing.load().loaded == 2


OLD, NEW = "2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z"


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize(
    ("feed", "loser", "winner"),
    [
        (
            "agent_events",
            {**EVENT, "timestamp": NEW, "channel": "chat"},
            {**EVENT, "timestamp": OLD, "channel": "email", "version": 1},
        ),
        (
            "agent_events",
            {**EVENT, "timestamp": OLD},
            {**EVENT, "timestamp": NEW},
        ),
        (
            "survey_responses",
            {**SURVEY, "sent_at": NEW},
            {**SURVEY, "sent_at": OLD, "responded_at": "2026-01-31T00:00:01Z"},
        ),
        (
            "survey_responses",
            {**SURVEY, "sent_at": OLD, "responded_at": OLD, "score": 3},
            {**SURVEY, "sent_at": NEW},
        ),
        (
            "compliance_audits",
            {**AUDIT, "audited_at": OLD, "verdict": "violation"},
            {**AUDIT, "audited_at": NEW},
        ),
    ],
)
def test_of_two_contents_the_right_one_stays_in_any_order(
    landing: Landing,
    feed: str,
    loser: dict[str, object],
    winner: dict[str, object],
    turned: bool,
    apart: bool,
) -> None:
    pair = [winner, loser] if turned else [loser, winner]
    if apart:
        for number, record in enumerate(pair):
            landing.put(f"{feed}/{number}.jsonl", [record])
            landing.load()
    else:
        landing.put(f"{feed}/a.jsonl", pair)
        landing.load()
    alone = Landing(landing.root.with_name("alone"))
    alone.put(f"{feed}/a.jsonl", [winner])
    alone.load()
    assert landing.content(feed) == alone.content(feed)
    counts = [sum(column) for column in zip(*history(landing), strict=True)]
    replaced = int(apart and not turned)
    assert counts == [2, 1 + replaced, replaced, 1 - replaced, 0]


def test_with_version_and_time_equal_the_greater_hash_stays(landing: Landing) -> None:
    twins = [{**EVENT, "channel": channel} for channel in ("chat", "email", "voice")]
    landing.put("agent_events/a.jsonl", twins)
    landing.load()
    hashes = [staging.line_sha256(json.dumps(twin).encode()) for twin in twins]
    (row,) = landing.rows("select _line_sha256 from raw.agent_events")
    assert row["_line_sha256"] == max(hashes)


def test_files_of_one_batch_see_each_other(landing: Landing) -> None:
    for number in range(5):
        record = {**EVENT, "version": number % 3, "sequence": number}
        landing.put(f"agent_events/{number}.jsonl", [record])
    landing.load()
    (row,) = landing.rows("select version from raw.agent_events")
    assert row["version"] == 2
    assert [counts[1:4] for counts in history(landing)] == [
        (1, 0, 0),
        (1, 1, 0),
        (1, 1, 0),
        (0, 0, 1),
        (0, 0, 1),
    ]


def test_a_file_of_many_chunks_counts_like_one_of_one(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        {**EVENT, "event_id": f"e{n % 40}", "version": n % 7, "sequence": n}
        for n in range(100)
    ]
    earlier = [{**EVENT, "event_id": f"e{n}", "version": 3} for n in range(50)]
    whole = Landing(landing.root.with_name("whole"))
    for place in (whole, landing):
        place.put("agent_events/0.jsonl", earlier)
        place.put("agent_events/1.jsonl", [*records, "nonsense"])
        place.load()
        validate_here(monkeypatch)
        monkeypatch.setattr(staging, "PACK_ROWS", 3)
        monkeypatch.setattr(staging, "CHUNK_ROWS", 9)
    assert landing.content("agent_events") == whole.content("agent_events")
    assert history(landing) == history(whole)


def test_first_and_last_timestamp_of_a_file_are_kept(landing: Landing) -> None:
    moments = ["2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]
    landing.put(
        "agent_events/a.jsonl",
        [{**EVENT, "event_id": n, "timestamp": m} for n, m in enumerate(moments)],
    )
    landing.load()
    (row,) = landing.rows(
        "select first_timestamp, last_timestamp from raw.load_history"
    )
    assert list(row.values()) == [datetime(2026, 1, 1), datetime(2026, 1, 3)]


def test_now_decides_what_lies_too_far_ahead(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.load(now=datetime(2026, 1, 30, 11, 59, tzinfo=UTC))
    assert landing.reasons() == ["invalid_timestamp"]
    with pytest.raises(ValueError, match="time zone"):
        landing.load(now=datetime(2026, 1, 30))


def test_a_load_that_fails_leaves_nothing_half_loaded(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    landing.put("agent_events/b.jsonl", [{**EVENT, "version": 1}])
    insert, calls = duckdb_store._insert_history, []

    def fail_second(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise RuntimeError("the disk is full")
        insert(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(duckdb_store, "_insert_history", fail_second)
        with pytest.raises(RuntimeError, match="disk is full"):
            landing.load()
    landing.prove_that_nothing_is_lost()
    (row,) = landing.rows("select version from raw.agent_events")
    assert row["version"] == 0
    landing.load()
    assert [counts[1:] for counts in history(landing)] == [(1, 0, 0, 1), (1, 1, 0, 0)]


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.loading import duckdb_store, load_feed
from tests.loading.support import NOW, SETTINGS
insert, calls = duckdb_store._insert_history, []
def kill_second(*arguments):
    insert(*arguments)
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
duckdb_store._insert_history = kill_second
root = Path(sys.argv[1])
load_feed("agent_events", root / "landing", root / "w.duckdb", SETTINGS, "first", NOW)
"""


def test_a_killed_load_leaves_nothing_half_loaded(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    for number in range(3):
        landing.put(f"agent_events/{number}.jsonl", [{**EVENT, "event_id": number}])
    project = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=project, check=False
    )
    assert done.returncode == -signal.SIGKILL
    landing.connection = duckdb.connect(str(tmp_path / "w.duckdb"))
    landing.prove_that_nothing_is_lost()
    assert len(landing.content("agent_events")) == 1
    landing.load()
    whole = Landing(landing.root)
    whole.load()
    assert landing.content("agent_events") == whole.content("agent_events")
    landing.connection.close()


@pytest.mark.parametrize("rows", [0, 1000])
def test_a_large_batch_enters_as_its_files_would_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(duckdb_store, "LARGE_ROWS", rows)
    landing = Landing(tmp_path)
    landing.put("agent_events/0.jsonl", [EVENT, {**EVENT, "event_id": "old"}])
    landing.load()
    for number, (version, *others) in enumerate([(2, "a"), (1, "a", "b"), (3,)], 1):
        records = [{**EVENT, "event_id": other, "version": number} for other in others]
        again = {**EVENT, "version": version}
        landing.put(
            f"agent_events/{number}.jsonl", [again, *records, again, "nonsense"]
        )
    landing.load()

    landing.prove_that_nothing_is_lost()
    assert [counts[1:] for counts in history(landing)] == [
        (2, 0, 0, 0),
        (2, 1, 1, 1),
        (2, 1, 2, 1),
        (1, 1, 1, 1),
    ]
    held = landing.rows(
        "select event_id, version, _file from raw.agent_events order by event_id"
    )
    assert [tuple(row.values()) for row in held] == [
        ("a", 2, "agent_events/2.jsonl"),
        ("b", 2, "agent_events/2.jsonl"),
        (EVENT["event_id"], 3, "agent_events/3.jsonl"),
        ("old", 0, "agent_events/0.jsonl"),
    ]


def test_a_large_batch_that_fails_leaves_nothing(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.put("agent_events/b.jsonl", [{**EVENT, "version": 1}])

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(duckdb_store, "LARGE_ROWS", 1)
        patch.setattr(duckdb_store, "_insert_rejects", fail)
        with pytest.raises(RuntimeError, match="disk is full"):
            landing.load()
    assert not landing.rows("from raw.agent_events")
    assert landing.load().loaded == 2
    landing.prove_that_nothing_is_lost()


def test_a_fault_of_the_loader_stays_with_its_file(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.put("tau2_runs/a.json", "{}")

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    validate_here(monkeypatch)
    monkeypatch.setattr(fast.LineReader, "read", broken)
    report = landing.load()
    assert "a fault of ours" in report.skipped[0].problem
    assert len(report.quarantined) == 1
    monkeypatch.undo()
    assert landing.load().loaded == 1


def test_a_replay_loads_what_a_fix_lets_through(landing: Landing) -> None:
    ahead = {**EVENT, "event_id": "e2", "timestamp": "2026-03-01T00:00:00Z"}
    landing.put("agent_events/a.jsonl", [EVENT, EVENT, ahead, "nonsense"])
    landing.put("agent_events/b.jsonl", [{**EVENT, "event_id": "e3"}])
    landing.load()
    assert history(landing) == [(4, 1, 0, 1, 2), (1, 1, 0, 0, 0)]
    later = datetime(2026, 3, 2, tzinfo=UTC)
    assert landing.load(now=later).records == 0
    report = landing.load(now=later, replay=True)
    assert (report.records, report.loaded) == (4, 1)
    assert history(landing) == [(4, 2, 0, 1, 1), (1, 1, 0, 0, 0)]
    assert landing.reasons() == ["not_json"]


def test_one_feed_alone_loads_into_a_file(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    landing.put("agent_events/a.jsonl", [EVENT])
    target = tmp_path / "home" / "warehouse.duckdb"
    arguments = (landing.root, target, SETTINGS, "l", NOW)
    assert load_feed("agent_events", *arguments).loaded == 1
    with duckdb.connect(str(target)) as connection:
        assert connection.table("raw.agent_events").count("*").fetchone() == (1,)
        assert connection.table("raw.ticket_events").count("*").fetchone() == (0,)
    with pytest.raises(ValueError, match="no feed 'agents'"):
        load_feed("agents", *arguments)


def test_the_summary_names_what_needs_an_eye(landing: Landing) -> None:
    landing.put("agent_events/bad.gz", b"plain text")
    landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    text = summary(landing.load())
    assert "agent_events: 1 rejected as not_json" in text
    assert "quarantined: 'agent_events/bad.gz': named .gz but no sound gzip" in text


def test_text_is_kept_where_the_setting_says_so(landing: Landing) -> None:
    landing.put(
        "agent_events/a.jsonl.gz",
        gzip.compress(json.dumps({**EVENT, "text": "Olá!"}).encode()),
    )
    landing.load(LoadSettings(b"k", keep_message_text=True))
    (row,) = landing.rows("select attributes from raw.agent_events")
    assert json.loads(row["attributes"]) == {"text": "Olá!"}


def test_the_command_loads_and_ends_well_despite_bad_files(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    landing.put("agent_events/a.jsonl", [EVENT])
    landing.put("ticket_events/bad.zst", b"x")
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.loading"],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "ACSR_LANDING": str(landing.root),
            "ACSR_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "quarantined: 'ticket_events/bad.zst'" in done.stdout
    assert (tmp_path / "home" / "hash_key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_takes_long_holds_up_no_other(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file is through only after the last one was handed over."""
    names = [f"agent_events/{number}.jsonl" for number in range(20)]
    for number, name in enumerate(names):
        landing.put(name, [{**EVENT, "event_id": f"e{number}"}])
    poison: Future[StagedFile] = Future()
    held: list[LandedFile] = []

    class Slow(Here):
        def submit(
            self, feed: str, file: LandedFile, context: Context
        ) -> Future[StagedFile]:
            if file.name == names[0]:
                held.append(file)
                return poison
            if file.name == names[-1]:
                poison.set_result(super().submit(feed, held[0], context).result())
            return super().submit(feed, file, context)

    monkeypatch.setattr(poison, "result", lambda: poison._result)
    monkeypatch.setattr(loading, "shared", lambda _: Slow())
    monkeypatch.setattr(loading, "PATIENCE_SECONDS", 0)
    report = landing.load(feeds=["agent_events"])
    assert (report.loaded, report.skipped) == (20, [])
