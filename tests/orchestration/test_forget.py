"""What is left of a customer once the marts are built without: nothing, in any file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from orchestration import engines, forget, project
from orchestration.forget import Forgotten, write_anew
from tests.campaigns.leaks import leaks
from tests.loading.support import EVENT
from tests.orchestration.test_trace import land, load

WORD = "customer-anna-0815"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home beside an empty landing root."""
    monkeypatch.setenv("ACSR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACSR_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "home" / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "home" / "logs"))
    monkeypatch.setenv("ACSR_HASH_KEY", "a key for tests")
    monkeypatch.delenv("DBT_TARGET", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_file_that_is_written_anew_has_no_freed_blocks(home: Path) -> None:
    path = home / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")  # to be seen
        connection.execute("create schema raw; create schema staging")
        connection.execute(
            f"create table raw.t as select i, '{WORD}-' || i as said "
            "from range(5000) as numbers(i)"
        )
        connection.execute("create view staging.v as select * from raw.t")
        connection.execute("comment on table raw.t is 'kept'")
        connection.execute("checkpoint")
        connection.execute("delete from raw.t where i != 7")
        connection.execute("update raw.t set said = 'x'")
        connection.execute("checkpoint")
    assert WORD.encode() in path.read_bytes()
    write_anew(path)
    assert WORD.encode() not in path.read_bytes()
    assert [it.name for it in home.iterdir()] == ["warehouse.duckdb"]
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("from staging.v").fetchall() == [(7, "x")]
        told = connection.execute("select comment from duckdb_tables()").fetchall()
        assert told == [("kept",)]


def test_words_are_taken_out_of_every_file_that_this_project_wrote(home: Path) -> None:
    texts = {
        "logs/refresh.log": f"file {WORD}.jsonl\n",
        "audit_queue/audit_queue.csv": f"id\n{WORD}\n",
        "exports/clean.csv": "id\nother\n",
        "hash_key": WORD,
    }
    for name, text in texts.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    (home / "diff").mkdir()
    with duckdb.connect(str(home / "diff" / "base.duckdb")) as connection:
        connection.execute(f"create table t as select '{WORD}' as id")
    with closing(sqlite3.connect(home / "runs.db")) as connection:
        connection.execute("create table events (id integer, body text)")
        connection.executemany(
            "insert into events values (?, ?)", [(n, f"{WORD} {n}") for n in range(99)]
        )
        connection.execute("delete from events where id > 3")
        connection.commit()
    land(home.parent, f"agent_events/{WORD}.jsonl", {**EVENT, "customer_id": WORD})
    done = Forgotten({})
    forget._clear_files([WORD], done)
    assert [it for it in leaks(home, [WORD]) if "hash_key" not in it] == []
    assert (home / "logs/refresh.log").read_text() == "file ***.jsonl\n"
    assert (home / "exports/clean.csv").exists()
    assert {path.name for path in done.removed} == {"audit_queue.csv", "base.duckdb"}
    assert {path.name for path in done.changed} == {"refresh.log", "runs.db"}
    assert WORD in (home.parent / f"landing/agent_events/{WORD}.jsonl").read_text()


def test_landed_files_that_hold_the_customer_are_named(home: Path) -> None:
    event = {**EVENT, "customer_id": WORD}
    land(home.parent, "agent_events/a.jsonl", EVENT, event)
    land(home.parent, "agent_events/b.jsonl", EVENT)
    land(home.parent, f"ticket_events/{WORD}.jsonl", {})
    (home.parent / "landing/agent_events/c.jsonl.gz").write_bytes(b"no gzip")
    assert list(forget._still_landed([WORD])) == [
        "agent_events/a.jsonl",
        "agent_events/c.jsonl.gz",
        f"ticket_events/{WORD}.jsonl",
    ]


def test_raw_rows_go_and_the_list_outlives_the_warehouse(home: Path) -> None:
    named = {**EVENT, "event_id": "e2", "customer_id": WORD}
    land(home.parent, "agent_events/a.jsonl", EVENT, named)
    load(home.parent, "load-1")
    assert forget.erase([WORD]) == {"agent_events": 2}
    (home / "warehouse.duckdb").unlink()
    load(home.parent, "load-2")
    with engines.building() as ask:
        assert ask("select count(*) as n from raw.agent_events") == [{"n": 0}]
    assert WORD not in (home / "suppressed").read_text()


def test_nobody_is_forgotten_while_a_rollback_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "is_held", lambda: True)
    with pytest.raises(project.ProjectError, match="make resume"):
        forget.erase([WORD])
    with pytest.raises(project.ProjectError, match="whom"):
        forget.erase([" "])
