from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.test_utils import create_run_for_test

from tests.orchestration.tiny import Tiny


@pytest.fixture(scope="module")
def schedules(
    parsed_tiny: Tiny, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    """The schedules' module, on the manifest of the tiny project."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("ACSR_HOME", str(home))
        patch.setattr(
            "orchestration.project.manifest",
            lambda: parsed_tiny.root / "target" / "manifest.json",
        )
        patch.setattr("orchestration.project.ROOT", parsed_tiny.root)
        from orchestration.defs import schedules

        yield schedules


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "landing"
    monkeypatch.setenv("ACSR_LANDING", str(folder))
    return folder


class Sensor:
    """The sensor as the daemon turns it: with the cursor that it left."""

    def __init__(self, schedules: ModuleType, instance: DagsterInstance) -> None:
        self.schedules = schedules
        self.instance = instance
        self.cursor: str | None = None

    def turn(self) -> RunRequest | SkipReason:
        context = build_sensor_context(instance=self.instance, cursor=self.cursor)
        found = self.schedules.new_files(context)
        self.cursor = context.cursor
        return found


@pytest.fixture
def sensor(schedules: ModuleType, instance: DagsterInstance, landing: Path) -> Sensor:
    return Sensor(schedules, instance)


def land(path: Path, text: str = "{}\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_nothing_landed_is_no_reason_to_run(sensor: Sensor, landing: Path) -> None:
    assert isinstance(sensor.turn(), SkipReason)
    (landing / "agent_events").mkdir(parents=True)
    assert isinstance(sensor.turn(), SkipReason)


def test_new_files_are_asked_for_once(sensor: Sensor, landing: Path) -> None:
    land(landing / "agent_events" / "a.jsonl")
    land(landing / "ticket_events" / "2026-01-31" / "b.jsonl.gz")
    first = sensor.turn()
    assert isinstance(first, RunRequest)
    assert isinstance(sensor.turn(), SkipReason)

    land(landing / "survey_responses" / "c.jsonl")
    second = sensor.turn()
    assert isinstance(second, RunRequest)
    assert second.run_key != first.run_key
    assert isinstance(sensor.turn(), SkipReason)


def test_a_file_that_grew_is_new(sensor: Sensor, landing: Path) -> None:
    land(landing / "agent_events" / "a.jsonl")
    sensor.turn()
    land(landing / "agent_events" / "a.jsonl", "{}\n{}\n")
    assert isinstance(sensor.turn(), RunRequest)


def test_a_file_rewritten_at_its_length_is_new(sensor: Sensor, landing: Path) -> None:
    path = landing / "agent_events" / "a.jsonl"
    land(path)
    os.utime(path, ns=(10**18, 10**18))
    sensor.turn()
    land(path, "[]\n")
    os.utime(path, ns=(10**18 + 1, 10**18 + 1))
    assert isinstance(sensor.turn(), RunRequest)


@pytest.mark.parametrize(
    "name",
    [
        "agent_events/.hidden.jsonl",
        "agent_events/_still.jsonl",
        "agent_events/a.jsonl.tmp",
        "agent_events/a.jsonl.part",
        "agent_events/.folder/a.jsonl",
        "agent_events/_folder/a.jsonl",
        "no_feed/a.jsonl",
        "a.jsonl",
    ],
)
def test_what_is_still_written_or_no_feed_starts_nothing(
    sensor: Sensor, landing: Path, name: str
) -> None:
    land(landing / name)
    assert isinstance(sensor.turn(), SkipReason)


def test_while_a_refresh_runs_new_files_wait_for_the_next_turn(
    sensor: Sensor, landing: Path, instance: DagsterInstance
) -> None:
    run = create_run_for_test(
        instance, job_name="refresh", status=DagsterRunStatus.STARTED
    )
    land(landing / "agent_events" / "a.jsonl")
    assert isinstance(sensor.turn(), SkipReason)

    instance.report_run_failed(run)
    assert isinstance(sensor.turn(), RunRequest)


def test_the_schedule_waits_for_the_refresh_before(
    schedules: ModuleType, instance: DagsterInstance
) -> None:
    def turn() -> RunRequest | SkipReason:
        context = build_schedule_context(instance=instance)
        return schedules.every_quarter_of_an_hour(context)

    assert isinstance(turn(), RunRequest)
    run = create_run_for_test(
        instance, job_name="refresh", status=DagsterRunStatus.STARTING
    )
    assert isinstance(turn(), SkipReason)
    instance.report_run_failed(run)
    assert isinstance(turn(), RunRequest)


def test_a_bucket_is_asked_by_its_listing(
    sensor: Sensor, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_LANDING", landing.as_uri())
    path = landing / "agent_events" / "a.jsonl"
    land(path)
    os.utime(path, ns=(10**18, 10**18))
    assert isinstance(sensor.turn(), RunRequest)
    assert isinstance(sensor.turn(), SkipReason)

    os.utime(path, ns=(10**18 + 10**9, 10**18 + 10**9))
    assert isinstance(sensor.turn(), RunRequest)
    land(path, "{}\n{}\n")
    os.utime(path, ns=(10**18 + 10**9, 10**18 + 10**9))
    assert isinstance(sensor.turn(), RunRequest)
