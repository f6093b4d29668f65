from __future__ import annotations

import fcntl
import hashlib
import json
from pathlib import Path

import pytest

from tests.alerting.receiver import receiving
from tests.campaigns.kills import refreshed
from tests.campaigns.row import Row
from tests.orchestration.tiny import POISON, Tiny, alerting_to

TABLES = "select table_name from information_schema.tables order by 1"


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_landed_is_loaded_built_tested_and_published_once(tiny: Tiny) -> None:
    tiny.land("one.jsonl", "first", "second", "second")

    done = tiny.refresh()

    assert done.returncode == 0, done.stdout + done.stderr
    sessions = tiny.published("from marts.sessions order by session_id")
    assert sessions == [("first", 1), ("second", 2)]
    as_of = tiny.published("select cast(as_of as varchar) from marts.publications")
    assert as_of == [("2026-01-31 12:00:00",)]
    is_sample = "select is_made_up_sample from marts.publications"
    assert tiny.published(is_sample) == [(False,)]
    assert tiny.published(TABLES) == [("publications",), ("sessions",)]
    assert " 3 records " in done.stdout

    again = tiny.refresh()

    assert again.returncode == 0, again.stdout + again.stderr
    assert " records " not in again.stdout
    assert tiny.published("from marts.sessions order by session_id") == sessions
    builds = tiny.published("select build_id from marts.publications")
    assert len({build for (build,) in builds if build}) == 2


def test_a_failing_test_publishes_nothing_and_says_so(tiny: Tiny) -> None:
    tiny.land("one.jsonl", "first")
    with receiving() as receiver:
        assert tiny.refresh(receiver).returncode == 0
        assert len(receiver.beats) == 1
        assert receiver.posts == []
        before = fingerprint(tiny.current)
        tiny.land("two.jsonl", POISON)

        done = tiny.refresh(receiver)

    assert len(receiver.beats) == 1
    (message,) = receiver.bodies
    assert message["title"] == "Singular test failed: assert_no_poison"
    assert message["severity"] == "critical"
    assert receiver.webhook not in done.stdout + done.stderr + tiny.logs()

    assert done.returncode == 1
    assert "FAILED: marts/sessions assert_no_poison: 1 rows" in done.stdout
    assert "refresh failed; nothing was published" in done.stderr
    assert fingerprint(tiny.current) == before
    # the run before, were it late, may not publish what this one found wrong
    assert not (tiny.home / "verdict.json").exists()


def test_a_bad_line_and_a_bad_file_are_named_and_stop_nothing(tiny: Tiny) -> None:
    tiny.land("good.jsonl", "first")
    tiny.land_text("lines.jsonl", '{"event_id": "e"}\nnot json\n')
    tiny.land_text("broken.jsonl.gz", "this is no gzip")

    done = tiny.refresh()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning: raw/agent_events every_record_is_clean" in done.stdout
    assert "1 x not_json" in done.stdout
    assert "1 x missing_session_id" in done.stdout
    assert "2 of 2 rejected in agent_events/lines.jsonl" in done.stdout
    assert "quarantined agent_events/broken.jsonl.gz" in done.stdout
    assert tiny.published("from marts.sessions") == [("first", 1)]


# one of each kind, on tables of their own, so that none keeps another from running
FAULTS = {
    "models/faults.yml": json.dumps(
        {
            "models": [
                {
                    "name": "breaks_its_contract",
                    "config": {"contract": {"enforced": True}},
                    "columns": [{"name": "one", "data_type": "varchar"}],
                },
                {
                    "name": "has_two_rows",
                    "columns": [
                        {
                            "name": "one",
                            "data_tests": [
                                {"unique": {"name": "a_generic_test"}},
                                {
                                    "unique": {
                                        "name": "a_test_that_warns",
                                        "config": {"severity": "warn"},
                                    }
                                },
                            ],
                        }
                    ],
                },
            ],
        }
    ),
    "models/breaks_its_contract.sql": "select 1 as one",
    "models/has_two_rows.sql": "select 1 as one union all select 1",
    "models/does_not_run.sql": "select cast('one' as integer) as one",
    "tests/a_source_test.sql": (
        "select count(*) as n from {{ source('raw', 'ticket_events') }} "
        "having count(*) = 0"
    ),
    "tests/a_singular_test.sql": "select * from {{ ref('slow') }}",
}
TOLD = {
    "Contract failed: breaks_its_contract",
    "Generic test failed: a_generic_test",
    "Model failed: does_not_run",
    "Singular test failed: a_singular_test",
    "Singular test failed: a_source_test",
    "Test failed: a_test_that_warns",
    "Unit test failed: a_unit_test_that_fails",
}


def test_each_kind_of_test_is_told_of_by_name_and_the_night_leaves_none_out(
    tiny: Tiny,
) -> None:
    """The tiny project's unit test fails, and its slow model is built by night."""
    tiny.land("one.jsonl", "first")
    (tiny.landing / "_made_up_sample.txt").write_text("made up", encoding="utf-8")
    for name, text in FAULTS.items():
        (tiny.root / name).write_text(text, encoding="utf-8")

    with receiving() as receiver:
        night = tiny.run(
            "-m", "orchestration", "nightly", environ=alerting_to(receiver)
        )

    assert night.returncode == 1
    assert {it["title"] for it in receiver.bodies} == TOLD
    assert not tiny.current.exists()

    for name in FAULTS:
        (tiny.root / name).unlink()
    unit_tests = tiny.root / "models" / "models.yml"
    unit_tests.write_text("", encoding="utf-8")
    night = tiny.run("-m", "orchestration", "nightly")

    assert night.returncode == 0, night.stdout + night.stderr
    assert {("publications",), ("sessions",), ("slow",)} <= set(tiny.published(TABLES))
    is_sample = "select is_made_up_sample from marts.publications"
    assert tiny.published(is_sample) == [(True,)]


def test_after_a_kill_the_next_refresh_publishes_what_landed(
    tiny: Tiny, another_tiny: Tiny
) -> None:
    with receiving() as receiver:
        row = refreshed(
            *(tiny, another_tiny, 1, 8, print), environ=alerting_to(receiver)
        )
        told = [it["title"] for it in receiver.bodies]
    assert row == Row(tried=1, survived=1)
    assert told == [
        "refresh did not end; nothing was published",
        "Over: refresh did not end; nothing was published",
    ]


def test_a_second_refresh_says_that_the_first_is_at_work(tiny: Tiny) -> None:
    tiny.home.mkdir(exist_ok=True)
    with (tiny.home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("refresh, process 17, since 2026-01-31 12:00:00Z\n")
        lock.flush()

        done = tiny.refresh()

    assert done.returncode == 75
    assert "error: another run is at work on" in done.stderr
    assert "(refresh, process 17, since 2026-01-31 12:00:00Z)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tiny.home / "warehouse.duckdb").exists()


def test_a_refresh_leaves_the_warehouse_to_a_run_of_the_daemons(tiny: Tiny) -> None:
    begun = """
import os, sys
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test
from orchestration import project
from orchestration.run import run_job

os.environ["DAGSTER_HOME"] = str(project.dagster_home())
with DagsterInstance.get() as instance:
    run = create_run_for_test(
        instance, job_name="nightly", status=DagsterRunStatus.STARTED
    )
    instance.report_engine_event("", run, EngineEventData.in_process(os.getpid()))
try:
    run_job("refresh")
except project.BusyError as problem:
    print(problem)
"""
    done = tiny.run("-c", begun)
    assert f"another run is at work on {tiny.home}" in done.stdout, done.stderr
    assert "(nightly, run " in done.stdout


def test_marts_of_another_run_are_not_published(tiny: Tiny) -> None:
    tiny.land("one.jsonl", "first")
    interrupted = """
from orchestration import verdict
from orchestration.run import Outcome, run_job

record = verdict.record
verdict.record = lambda run_id, *build: record("another run", *build)
raise SystemExit(0 if run_job("refresh") is Outcome.PUBLISHED else 1)
"""
    done = tiny.run("-c", interrupted)

    assert done.returncode == 1
    assert "the marts are not those that this run tested" in done.stdout
    assert not tiny.current.exists()


@pytest.mark.parametrize("stated", ["yesterday", "2026-01-31T12:00:00"])
def test_a_moment_without_a_zone_is_refused_with_a_remedy(
    tiny: Tiny, stated: str
) -> None:
    done = tiny.run(
        "-m",
        "orchestration",
        "sample",
        "--days=1",
        "--cases-per-day=1",
        "--seed=1",
        environ={"ACSR_AS_OF": stated},
    )

    assert done.returncode == 1
    assert f"error: ACSR_AS_OF is {stated!r}, which is no moment in time" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_as_of_of_the_project_goes_before_that_of_the_environment(
    tiny: Tiny,
) -> None:
    settings = tiny.root / "dbt_project.yml"
    settings.write_text(
        settings.read_text() + 'vars:\n  as_of: "2026-01-31T13:00:00+01:00"\n'
    )
    script = "from orchestration import project; print(project.as_of())"
    done = tiny.run("-c", script, environ={"ACSR_AS_OF": "2020-01-01T00:00:00Z"})
    assert done.stdout.strip() == "2026-01-31 12:00:00+00:00", done.stderr


def test_an_engine_that_is_none_is_refused(tiny: Tiny) -> None:
    tiny.land("one.jsonl", "first")

    done = tiny.run(
        "-m", "orchestration", "refresh", environ={"DBT_TARGET": "postgres"}
    )

    assert done.returncode == 1
    assert "error: DBT_TARGET is postgres" in done.stderr
    assert "Traceback" not in done.stderr
    assert not tiny.current.exists()
