"""Loading into Snowflake leaves the tables that loading into DuckDB leaves."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from orchestration.loading import (
    FEEDS,
    LandingError,
    load_all,
    load_feed,
    load_files,
    open_store,
    snowflake_sql,
    snowflake_store,
    staging,
)
from orchestration.loading.duckdb_store import DuckDbStore
from orchestration.loading.erasure import Erasure, forgotten
from orchestration.loading.files import shown_name
from orchestration.loading.landings import Bucket
from orchestration.loading.report import LoadReport
from orchestration.loading.snowflake_store import CopyError, SnowflakeStore
from orchestration.loading.suppression import CUSTOMER, Node
from orchestration.loading.warehouse import raw_tables
from tests.loading.support import (
    EVENT,
    NOW,
    SAMPLES,
    SETTINGS,
    SURVEY,
    Landing,
    validate_here,
)
from tests.loading.test_forgetting import ANNA, STAYS, held, land
from tests.loading.test_properties import RECORDS
from tests.loading.test_servicenow import INCIDENT, csv
from tests.loading.test_tau2 import SIMULATION
from tests.snowflake.support import Server

# when a load ran, which no two loads share
CLOCK = ("_loaded_at", "rejected_at", "started_at", "finished_at", "decided_at")


@dataclass
class Twins:
    """One landing, loaded into DuckDB and into Snowflake."""

    landing: Landing
    store: SnowflakeStore

    @property
    def feeds(self) -> list[str]:
        """The feeds of which anything has landed."""
        return [feed for feed in FEEDS if (self.landing.root / feed).exists()]

    @property
    def tables(self) -> list[str]:
        """The tables that those feeds may change."""
        shared = ["raw.load_history", "raw.rejected_records"]
        return [*(f"raw.{feed}" for feed in self.feeds), *shared]

    def load(self, *, replay: bool = False) -> LoadReport:
        """Loads into both and proves that reports and tables are equal."""
        ducks = self.landing.load(replay=replay, feeds=self.feeds)
        snows = self.load_snowflake(replay=replay)
        assert told(snows) == told(ducks)
        self.prove_equal()
        return snows

    def load_snowflake(
        self, *, replay: bool = False, now: datetime = NOW
    ) -> LoadReport:
        """Loads into Snowflake alone, under the number of the landing's last load."""
        return load_all(
            self.landing.root,
            self.store,
            SETTINGS,
            f"load-{self.landing.loads}",
            now,
            feeds=self.feeds,
            replay=replay,
        )

    def prove_equal(self) -> None:
        """Compares raw tables, row for row."""
        for table in self.tables:
            assert self.rows(table) == ducks_rows(self.landing, table), table

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """The rows of a table in Snowflake, sorted, without the clock."""
        return comparable(raw_tables()[table], self.store.run(selection(table)))


def ducks_rows(landing: Landing, table: str) -> list[tuple[object, ...]]:
    """The rows of a table in DuckDB, sorted, without the clock."""
    rows = landing.connection.execute(selection(table)).fetchall()
    return comparable(raw_tables()[table], rows)


def selection(table: str) -> str:
    """A query of a whole table; moments as text, which both write alike."""
    listed = (
        f"cast({column} as varchar)" if kind == "timestamp" else f'"{column.upper()}"'
        for column, kind in raw_tables()[table]
        if column not in CLOCK
    )
    return f"select {', '.join(listed)} from {table}"


def comparable(
    columns: tuple[tuple[str, str], ...], rows: list[tuple[object, ...]]
) -> list[tuple[object, ...]]:
    """Rows in an order of their own, JSON as what it says."""
    kinds = [kind for column, kind in columns if column not in CLOCK]
    return sorted(
        (
            tuple(
                as_said(value) if kind == "json" else value
                for value, kind in zip(row, kinds, strict=True)
            )
            for row in rows
        ),
        key=repr,
    )


def as_said(text: object) -> object:
    """What JSON says, so that its null is another thing than none at all."""
    return None if text is None else {"said": json.loads(str(text))}


def told(report: LoadReport) -> dict[str, list[object]]:
    """What a report says of each file."""
    return {name: feed.files for name, feed in report.feeds.items()}


PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def database(snowflake_server: Server) -> str:
    """A database for these tests."""
    snowflake_server.run("create or replace database LOADING")
    return "LOADING"


@pytest.fixture(scope="module")
def store(snowflake_server: Server, database: str) -> Iterator[SnowflakeStore]:
    """A session for these tests, whose tables are emptied before each of them."""
    with open_store("landing", snowflake_server.environment(database)) as opened:
        opened.create_raw_tables()
        yield opened


@pytest.fixture
def twins(tmp_path: Path, store: SnowflakeStore) -> Twins:
    """An empty landing, and empty raw tables on both sides."""
    empty(store)
    return Twins(Landing(tmp_path / "landing"), store)


def empty(store: SnowflakeStore) -> None:
    """Empties raw tables and stage; what is not in the history is in no table."""
    loaded = store.run("select feed from raw.load_history group by feed")
    others = ("load_history", "rejected_records", "reject_outcomes")
    for table in [*(feed for (feed,) in loaded), *others, "suppressed", "forgotten"]:
        store.run(f"delete from raw.{table}")
    store.run(f"remove @{snowflake_sql.STAGE}")


def staged_files(store: SnowflakeStore) -> list[str]:
    """The load files that are in the stage."""
    return [row[0] for row in store.run(f"list @{snowflake_sql.STAGE}")]


def land_all_feeds(landing: Landing) -> None:
    """Every feed, with duplicates, contradictions, bad records and bad files."""
    for feed, sample in SAMPLES.items():
        landing.put(f"{feed}/a.jsonl.gz", [sample, "nonsense", sample])
        landing.put(f"{feed}/b.jsonl", [{**sample, "version": 2, "extra": [1, None]}])
        landing.put(f"{feed}/bad.zst", b"no zstd")
    runs = [SIMULATION, {**SIMULATION, "id": "sim-2"}, {"id": None}]
    document = {
        "timestamp": "2026-01-10T12:30:00",
        "info": {},
        "simulations": runs,
    }
    landing.put("tau2_runs/a.json", json.dumps(document))
    late = {**INCIDENT, "sys_mod_count": "4", "incident_state": "Resolved"}
    wrong = {**INCIDENT, "sys_mod_count": "many"}
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT, late, wrong, INCIDENT))
    times = ("2026-01-31 12:00:00", "2026-01-31 12:30:00", "late")
    for table, head in (
        ("zendesk/ticket", "id,requester_id,merged_ticket_ids,updated_at"),
        ("zendesk/brand", "id,name"),
        ("intercom/conversation_history", "id,source_author_id,state,updated_at"),
    ):
        rows = [f'7,1,"[""8""]",{time}' for time in (*times, times[0])]
        rows = ["7,A"] if table == "zendesk/brand" else rows
        landing.put(f"{table}/a.csv", "\n".join([head, *rows]))


def test_every_feed_lands_as_it_does_in_duckdb(twins: Twins) -> None:
    land_all_feeds(twins.landing)
    report = twins.load()
    assert all(feed.loaded for feed in report.feeds.values())
    assert all(feed.rejected for feed in report.feeds.values())
    assert len(report.quarantined) == 4
    assert staged_files(twins.store) == []


def test_repetition_adds_nothing(twins: Twins) -> None:
    land_all_feeds(twins.landing)
    twins.load()
    for path in list(twins.landing.root.rglob("a.*")):
        path.rename(path.with_name(f"renamed_{path.name}"))
    report = twins.load()
    assert report.records == 0
    again = twins.landing.root / "agent_events" / "b.jsonl"
    again.write_bytes(again.read_bytes() * 2)
    assert twins.load().loaded == 0


def test_the_order_of_files_does_not_matter(twins: Twins, tmp_path: Path) -> None:
    moments = [f"2026-01-{day:02}T00:00:00Z" for day in (3, 1, 2)]
    versions = [
        {**EVENT, "event_id": n % 4, "version": v, "timestamp": moment, "sequence": n}
        for n in range(8)
        for v, moment in (
            (n % 3, moments[n % 3]),
            (1, moments[n // 3]),
            (1, moments[0]),
        )
    ]
    twins.landing.put("agent_events/all.jsonl", versions)
    twins.load()
    straight = {row[:20] for row in twins.rows("raw.agent_events")}
    random.Random(1).shuffle(versions)
    empty(twins.store)
    shuffled = Twins(Landing(tmp_path / "shuffled"), twins.store)
    for number, version in enumerate(versions):
        shuffled.landing.put(f"agent_events/{number}.jsonl", [version])
        if number % 8 == 0:
            shuffled.load()
    shuffled.load()
    assert {row[:20] for row in shuffled.rows("raw.agent_events")} == straight


def test_corrected_records_supersede(twins: Twins) -> None:
    for feed, sample in SAMPLES.items():
        first = [sample, {**sample, "source_system": "bot"}]
        twins.landing.put(f"{feed}/1.jsonl", first)
    twins.load()
    for feed, sample in SAMPLES.items():
        for file, version in ((2, 3), (3, 4), (4, 4)):
            corrected = {**sample, "version": version, "extra": version}
            twins.landing.put(f"{feed}/{file}.jsonl", [corrected])
    for report in twins.load().feeds.values():
        assert (report.loaded, report.replaced, report.known) == (2, 2, 2)


def test_superseded_rows_without_a_time_go_too(twins: Twins) -> None:
    run = {**SIMULATION, "start_time": None, "end_time": None}
    document = {"timestamp": None, "info": {}, "simulations": [run]}
    twins.landing.put("tau2_runs/1.json", json.dumps(document))
    twins.load()
    document["simulations"] = [{**SIMULATION, "trial": 1}]
    twins.landing.put("tau2_runs/2.json", json.dumps(document))
    assert twins.load().feeds["tau2_runs"].replaced == 1


def test_values_survive_to_the_bit(twins: Twins) -> None:
    texts = [
        "'; drop table raw.agent_events; --",
        'say "hello" \\ and \\n',
        "line\nfeed\ttab\r\x01\x1f\x7f\x85\u2028",
        "Ol\u00e1 \U0001f600 \u4f60\u597d e\u0301 \ufeff \ufffd",
        "null", "{}", "?", "%s", "$1", ":name", " spaced ",
    ]  # fmt: skip
    integers = [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]
    numbers = [0.1 + 0.2, 1e-300, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 123456789]
    attributes = {"n": None, "big": 10**30, "f": 1.0, "e": "", "l": [], "": {"a": None}}
    events = [
        {
            **EVENT,
            "event_id": f"{place}{text}",
            "session_id": text,
            "channel": text,
            "sequence": integers[place % len(integers)],
            "attributes": {**attributes, "text_of_mine": text, text: place},
        }
        for place, text in enumerate(texts)
    ]
    moments = ["2026-01-31T12:00:00.000001Z", "2000-01-01T00:00:00.999999Z"]
    events += [
        {**EVENT, "event_id": moment, "timestamp": moment, "attributes": None}
        for moment in moments
    ]
    surveys = [
        {**SURVEY, "response_id": str(n), "scale_min": -1.8e308, "scale_max": number}
        for n, number in enumerate(numbers)
    ]
    surveys = [{**it, "scale_min": min(0, it["scale_max"]) - 1} for it in surveys]
    twins.landing.put("agent_events/a.jsonl", events)
    twins.landing.put("survey_responses/a.jsonl", surveys)
    twins.landing.put("agent_events/b.jsonl", b'\x00 "not" json \xff\'; --\\\n')
    report = twins.load()
    assert report.feeds["agent_events"].loaded == len(events)
    assert report.rejected == 1 + report.feeds["survey_responses"].rejected
    assert report.feeds["survey_responses"].loaded >= len(numbers) - 2


NAMES = [
    "'; drop table raw.load_history; --.jsonl",
    '"quoted" $$.jsonl',
    "back\\slash\\'.jsonl",
    "new\nline.jsonl",
    "@~ %s ? :1 {}.jsonl",
    "Ol\u00e1 \U0001f600.jsonl",
    "[1]*.jsonl",
]


def test_names_of_files_are_data(twins: Twins) -> None:
    for number, name in enumerate(NAMES):
        event = {**EVENT, "event_id": number}
        twins.landing.put(f"agent_events/{name}", [event, "nonsense"])
    twins.load()
    twins.load(replay=True)
    paths = {path for (path,) in twins.store.run("select path from raw.load_history")}
    assert paths == {shown_name(f"agent_events/{name}".encode()) for name in NAMES}


def test_a_replay_takes_the_place_of_the_load_before(twins: Twins) -> None:
    landing = twins.landing
    ahead = {**EVENT, "event_id": "e2", "timestamp": "2026-03-01T00:00:00Z"}
    landing.put("agent_events/a.jsonl", [EVENT, EVENT, ahead, "nonsense"])
    landing.put("agent_events/b.jsonl", [{**EVENT, "event_id": "e3"}])
    twins.load()
    later = datetime(2026, 3, 2, tzinfo=UTC)
    landing.load(now=later, replay=True, feeds=twins.feeds)
    twins.load_snowflake(replay=True, now=later)
    twins.prove_equal()
    counts = "select records, loaded, duplicates, rejected from raw.load_history"
    assert (4, 2, 1, 1) in twins.store.run(counts)


def test_a_renamed_file_is_mended_in_the_same_load_or_a_later_one(
    twins: Twins,
) -> None:
    line = json.dumps(EVENT) + "\n"
    twins.landing.put("agent_events/a.gz", line)
    twins.load()
    twins.landing.put("agent_events/a.zst", line)
    twins.landing.put("agent_events/b.jsonl", line)
    report = twins.load().feeds["agent_events"]
    assert [file.status for file in report.files] == ["known", "quarantined", "loaded"]
    history = twins.store.run("select path, rejected from raw.load_history")
    assert history == [("agent_events/b.jsonl", 0)]
    assert twins.rows("raw.rejected_records") == []


def test_a_file_of_many_chunks_and_load_files_counts_like_one(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        {**EVENT, "event_id": f"e{n % 40}", "version": n % 7, "sequence": n}
        for n in range(100)
    ]
    twins.landing.put("agent_events/0.jsonl", records[:50])
    twins.landing.put("agent_events/1.jsonl", [*records, "nonsense", "[]"])
    validate_here(monkeypatch)
    monkeypatch.setattr(staging, "PACK_ROWS", 3)
    monkeypatch.setattr(staging, "CHUNK_ROWS", 9)
    monkeypatch.setattr(load_files, "PART_BYTES", 5_000)
    parts: list[int] = []
    put = snowflake_store.InternalStage.put

    def count(stage: object, paths: list[Path], folder: str) -> str:
        parts.append(len(paths))
        return put(stage, paths, folder)

    monkeypatch.setattr(snowflake_store.InternalStage, "put", count)
    twins.load()
    assert len(parts) == 2
    assert min(parts) > 1


def failing(
    store: SnowflakeStore, beginning: str, act: Callable[[], None]
) -> Callable[..., list[tuple]]:
    """A `run` that acts before the first statement with such a beginning."""
    run, acted = store.run, []

    def run_or_act(statement: str, *parameters: object) -> list[tuple]:
        if statement.strip().startswith(beginning) and not acted:
            acted.append(statement)
            act()
        return run(statement, *parameters)

    return run_or_act


def no_space() -> None:
    raise RuntimeError("no space left")


STEPS = ["put", "copy", "insert into raw.load_verdicts", "insert into raw.load_history"]
STEPS += ["delete from raw.agent_events", "insert into raw.agent_events", "commit"]


@pytest.mark.parametrize("step", STEPS)
def test_a_load_that_fails_leaves_nothing_of_its_batch(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    twins.landing.put("agent_events/0.jsonl", [EVENT])
    twins.load()
    before = {table: twins.rows(table) for table in twins.tables}
    twins.landing.put("agent_events/a.jsonl", [{**EVENT, "version": 1}, "nonsense"])
    twins.landing.put("agent_events/b.jsonl", [{**EVENT, "event_id": "e2"}])
    with monkeypatch.context() as patch:
        patch.setattr(twins.store, "run", failing(twins.store, step, no_space))
        with pytest.raises(RuntimeError, match="no space"):
            twins.load_snowflake()
    assert {table: twins.rows(table) for table in twins.tables} == before
    twins.load()


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.loading import load_feed, open_store
from tests.loading.support import NOW, SETTINGS
root, beginning = sys.argv[1:]
with open_store(root) as store:
    run = store.run
    def kill(statement, *parameters):
        if statement.strip().startswith(beginning):
            os.kill(os.getpid(), signal.SIGKILL)
        return run(statement, *parameters)
    store.run = kill
    load_feed("agent_events", Path(root), store, SETTINGS, "first", NOW)
"""


@pytest.mark.parametrize("step", ["copy", "insert into raw.load_history", "commit"])
def test_a_killed_load_leaves_nothing_and_the_next_one_mends_it(
    twins: Twins, snowflake_server: Server, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(twins.landing.root), step],
        cwd=PROJECT,
        env={**os.environ, **snowflake_server.environment("LOADING")},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    twins.store.run("select system$abort_transaction(0)")
    assert all(twins.rows(table) == [] for table in twins.tables)
    assert len(staged_files(twins.store)) == (step == "copy")
    twins.store._is_tidy = False
    monkeypatch.setattr(snowflake_store, "LEFT_OVER_AFTER", timedelta())
    twins.load()
    assert staged_files(twins.store) == []


def test_load_files_of_a_load_under_way_are_left_alone(twins: Twins) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0.json.gz"
        path.write_bytes(b"")
        twins.store.stage.put([path], "another-load/1")
    twins.store._is_tidy = False
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    twins.load()
    assert len(staged_files(twins.store)) == 1


def test_what_no_load_has_put_into_the_stage_is_left_alone(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    stage = snowflake_store.InternalStage
    monkeypatch.setattr(stage, "files", lambda _: iter([("'; drop--", long_ago)]))
    monkeypatch.setattr(stage, "remove", lambda *_: pytest.fail("removed"))
    twins.store._is_tidy = False
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    assert twins.load_snowflake().loaded == 1


def test_a_file_that_another_load_committed_meanwhile_is_known(
    twins: Twins, snowflake_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = twins.landing
    landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    landing.put("agent_events/b.jsonl", [{**EVENT, "event_id": "e2"}])

    def other_load() -> None:
        (landing.root / "agent_events" / "b.jsonl").rename(landing.root / "b")
        with open_store("landing", snowflake_server.environment("LOADING")) as other:
            load_feed("agent_events", landing.root, other, SETTINGS, "other", NOW)

    with monkeypatch.context() as patch:
        patch.setattr(twins.store, "run", failing(twins.store, "begin", other_load))
        report = twins.load_snowflake().feeds["agent_events"]
    assert [file.status for file in report.files] == ["known", "loaded"]
    assert twins.store.run("select count(*) from raw.agent_events") == [(2,)]
    assert twins.store.run("select count(*) from raw.rejected_records") == [(1,)]


def test_a_replay_that_another_load_made_meanwhile_is_not_made_twice(
    twins: Twins, snowflake_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT, "nonsense"])
    twins.load()

    def other_replay() -> None:
        with open_store("landing", snowflake_server.environment("LOADING")) as other:
            arguments = (twins.landing.root, other, SETTINGS, "other", NOW)
            load_feed("agent_events", *arguments, replay=True)

    with monkeypatch.context() as patch:
        patch.setattr(twins.store, "run", failing(twins.store, "begin", other_replay))
        twins.landing.loads += 1
        report = twins.load_snowflake(replay=True).feeds["agent_events"]
    assert [file.status for file in report.files] == ["known"]
    history = "select load_id, records, loaded, rejected from raw.load_history"
    assert twins.store.run(history) == [("other", 2, 1, 1)]
    assert twins.store.run("select count(*) from raw.rejected_records") == [(1,)]


def test_a_copy_that_brings_other_lines_than_were_written_is_refused(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    with monkeypatch.context() as patch:
        patch.setattr(
            twins.store.stage.__class__, "put", lambda *_: "raw.load_files/empty/"
        )
        with pytest.raises(CopyError, match="2 lines were written as load files and 0"):
            twins.load_snowflake()
    assert all(twins.rows(table) == [] for table in twins.tables)


def test_a_row_that_no_variant_holds_is_named(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    monkeypatch.setattr(load_files, "MAX_LINE_BYTES", 100)
    with pytest.raises(load_files.OversizeRowError, match=r"a.jsonl', line 1: its row"):
        twins.load_snowflake()


def test_a_load_id_is_never_part_of_a_statement_unless_it_is_plain(
    twins: Twins,
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    with pytest.raises(ValueError, match="load id"):
        load_all(twins.landing.root, twins.store, SETTINGS, "a/../'b", NOW)


def test_round_trips_do_not_grow_with_files_or_rows(twins: Twins) -> None:
    counts = []
    twins.store._is_tidy = True
    for load, files in enumerate((1, 100)):
        for number in range(files):
            event = {**EVENT, "event_id": f"{load} {number}"}
            twins.landing.put(f"agent_events/{load}/{number}.jsonl", [event, "x"])
        before = twins.store.statements
        load_feed("agent_events", twins.landing.root, twins.store, SETTINGS, "l", NOW)
        counts.append(twins.store.statements - before)
    assert counts[0] == counts[1] <= 15
    before = twins.store.statements
    load_feed("agent_events", twins.landing.root, twins.store, SETTINGS, "l", NOW)
    assert twins.store.statements - before <= 2


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink takes minutes of round trips
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(data=st.data())
def test_any_small_batches_give_the_tables_of_duckdb(
    data: st.DataObject, store: SnowflakeStore
) -> None:
    feed = data.draw(st.sampled_from(sorted(RECORDS)))
    files = data.draw(
        st.lists(st.lists(RECORDS[feed], max_size=6), min_size=1, max_size=6)
    )
    loads = data.draw(st.integers(1, 2))
    with tempfile.TemporaryDirectory() as folder:
        twins = Twins(Landing(Path(folder)), store)
        empty(store)
        for load in range(loads):
            for number, records in enumerate(files[load::loads]):
                twins.landing.put(f"{feed}/{load}/{number}.jsonl", records)
            ducks = twins.landing.load(feeds=[feed])
            snows = load_all(
                folder, store, SETTINGS, f"load-{load + 1}", NOW, feeds=[feed]
            )
            assert told(snows) == told(ducks)
        for table in (f"raw.{feed}", "raw.load_history", "raw.rejected_records"):
            assert twins.rows(table) == ducks_rows(twins.landing, table)
        twins.landing.connection.close()


@pytest.fixture
def bucket(
    tmp_path: Path, twins: Twins, snowflake_server: Server
) -> Iterator[tuple[Bucket, SnowflakeStore]]:
    """A bucket, which is a folder, that Snowflake sees as `raw.landing`; a store."""
    root = twins.landing.root
    found = Bucket(f"file://{root}", fs.LocalFileSystem(), str(root))
    root.mkdir()
    twins.store.run(f"create or replace stage raw.landing url = '{found.address}/'")
    with open_store(found, snowflake_server.environment("LOADING")) as opened:
        yield found, opened


def test_a_bucket_keeps_its_load_files_to_itself(
    bucket: tuple[Bucket, SnowflakeStore], twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, store = bucket
    statements: list[str] = []
    run = store.run
    monkeypatch.setattr(store, "run", lambda *it: statements.append(it[0]) or run(*it))
    land_all_feeds(twins.landing)
    twins.landing.load()
    load_all(landing, store, SETTINGS, "load-1", NOW)
    twins.prove_equal()
    assert any("@raw.landing/_load_files/load-1/" in it for it in statements)
    assert not any(it.startswith("put") for it in statements)
    assert not list(twins.landing.root.glob("_load_files/**/*.gz"))
    assert load_all(landing, store, SETTINGS, "load-2", NOW).records == 0


def test_left_over_load_files_of_a_bucket_are_removed(
    bucket: tuple[Bucket, SnowflakeStore], twins: Twins
) -> None:
    landing, store = bucket
    for load_id, hours in (("killed", 2), ("under-way", 0)):
        path = twins.landing.put(f"_load_files/{load_id}/x/0.json.gz", b"")
        written = path.stat().st_mtime - hours * 3600
        os.utime(path, (written, written))
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    load_feed("agent_events", landing, store, SETTINGS, "load-1", NOW)
    left = {path.name for path in (twins.landing.root / "_load_files").iterdir()}
    assert left == {"under-way"}


def test_a_stage_of_another_bucket_is_an_error(
    bucket: tuple[Bucket, SnowflakeStore], snowflake_server: Server
) -> None:
    landing, _ = bucket
    other = replace(landing, address=f"{landing.address}/other")
    environment = snowflake_server.environment("LOADING")
    message = rf"ACSR_LANDING is {other.address}, but the stage raw.landing shows"
    with (
        pytest.raises(LandingError, match=message),
        open_store(other, environment),
    ):
        pass


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("s3://b/p", "s3://b/p/"),
        ("gs://b/p", "gcs://b/p/"),
        ("abfss://c@a.dfs.core.windows.net/p", "azure://a.blob.core.windows.net/c/p/"),
    ],
)
def test_an_address_is_known_in_the_words_of_snowflake(ours: str, theirs: str) -> None:
    assert snowflake_store.location(ours) == snowflake_store.location(theirs)
    assert snowflake_store.location(ours + "q") != snowflake_store.location(theirs)


def test_the_command_loads_into_the_target_of_dbt(
    tmp_path: Path, snowflake_server: Server, twins: Twins
) -> None:
    twins.landing.put("agent_events/a.jsonl", [EVENT])
    environment = {
        **os.environ,
        **snowflake_server.environment("LOADING"),
        "ACSR_LANDING": str(twins.landing.root),
        "ACSR_HOME": str(tmp_path / "home"),
    }

    def command(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orchestration.loading"],
            cwd=PROJECT,
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    done = command()
    assert done.returncode == 0, done.stderr
    assert twins.store.run("select count(*) from raw.agent_events") == [(1,)]
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()
    refused = command(SNOWFLAKE_PASSWORD="hunter2")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: SNOWFLAKE_PASSWORD is set, but passwords")
    assert "hunter2" not in refused.stderr
    assert "DBT_TARGET is lint" in command(DBT_TARGET="lint").stderr


def test_a_mended_record_says_what_became_of_it(twins: Twins) -> None:
    bad = {**EVENT, "event_id": "e2", "timestamp": "yesterday"}
    twins.landing.put("agent_events/a.jsonl", [EVENT, bad, {**bad, "event_id": "e3"}])
    twins.load()
    repairs = [
        {**EVENT, "event_id": "e2", "_repairs": "agent_events/a.jsonl:2"},
        {**bad, "event_id": "e3", "_repairs": "agent_events/a.jsonl:3"},
    ]
    twins.landing.put("agent_events/b.jsonl", repairs)
    twins.load()
    said = "select line_number, outcome from raw.reject_outcomes order by 1"
    assert twins.store.run(said) == [(2, "loaded"), (3, "rejected")]
    twins.load(replay=True)
    table = "raw.reject_outcomes"
    assert twins.rows(table) == ducks_rows(twins.landing, table)
    assert len(twins.rows(table)) > 4


def test_a_customer_is_forgotten_alike(twins: Twins) -> None:
    land(twins.landing)
    twins.landing.put("agent_events/r.jsonl", f'{{"customer_id":"{ANNA}", broken')
    twins.load()
    asked = Erasure(SETTINGS, frozenset({Node(CUSTOMER, "", ANNA)}), "erasure-1")
    ducks = DuckDbStore(twins.landing.connection)
    assert twins.store.erase(asked) == ducks.erase(asked)
    assert forgotten(twins.store.run) == forgotten(ducks.run)
    assert twins.store.suppressed() == ducks.suppressed()
    for table in twins.tables:
        if table != "raw.load_history":  # an erasure has an id of its own in each
            assert twins.rows(table) == ducks_rows(twins.landing, table), table
    assert held(twins.landing) == STAYS
    land(twins.landing, suffix=" ")
    again = twins.landing.load(feeds=twins.feeds)
    assert told(twins.load_snowflake()) == told(again)
    assert held(twins.landing) == STAYS
    for feed in twins.feeds:
        assert twins.rows(f"raw.{feed}") == ducks_rows(twins.landing, f"raw.{feed}")
