"""The load: as many events as asked for, and copies that share nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import load as loads
from benchmarks.load import Load, LoadError, Plan, make

NAMES = ("event_id", "session_id", "ticket_id", "customer_id", "previous_session_id")


def lines_of(load: Load, feed: str) -> list[dict]:
    paths = sorted((load.folder / feed).iterdir())
    return [json.loads(line) for path in paths for line in path.open()]


def names_in(record: object) -> set[str]:
    """Every id in a record, at any depth."""
    if not isinstance(record, dict):
        return set()
    said = {
        str(value).strip()
        for key, value in record.items()
        if key in NAMES or key in ("check_id", "action_id", "escalation_id")
    }
    return said.union(*(names_in(value) for value in record.values())) - {""}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("twice") / "load"
    return make(folder, Plan(40_000, 4), progress=lambda text: None)


def test_every_file_has_as_many_agent_events_as_a_quarter_of_an_hour(
    load: Load,
) -> None:
    assert set(load.records["agent_events"]) == {load.plan.events_per_file}
    found = [
        sum(1 for _ in path.open())
        for path in sorted((load.folder / "agent_events").iterdir())
    ]
    assert found == load.records["agent_events"]
    assert load.count("agent_events", 0, 96) == pytest.approx(load.plan.events, rel=0.1)


def test_every_feed_has_the_records_that_the_load_counts(load: Load) -> None:
    for feed, counts in load.records.items():
        assert len(lines_of(load, feed)) == sum(counts) > 0


def test_copies_of_a_line_share_no_name(twice: Load) -> None:
    assert twice.plan.copies == 2
    first, second = (
        re.compile(rf"(?<![0-9]){loads.FIRST_COPY + copy}(?=[0-9]{{6}})")
        for copy in range(2)
    )
    for feed in twice.records:
        names = set().union(*map(names_in, lines_of(twice, feed)))
        ours = {name for name in names if first.search(name)}
        theirs = {name for name in names if second.search(name)}
        assert names == ours | theirs
        second_name = str(loads.FIRST_COPY + 1)
        assert {first.sub(second_name, name) for name in ours} == theirs


def test_no_record_hangs_on_the_hash_of_its_line(load: Load) -> None:
    seen: dict[tuple, set[str]] = {}
    for feed, times in (("agent_events", "timestamp"), ("ticket_events", "timestamp")):
        for record in lines_of(load, feed):
            identity = (
                *(feed, record.get("source_system"), str(record["event_id"])),
                *(record.get("version", 0), record[times]),
            )
            seen.setdefault(identity, set()).add(json.dumps(record, sort_keys=True))
    assert max(map(len, seen.values())) == 1


def test_the_same_plan_gives_the_same_bytes(load: Load, tmp_path: Path) -> None:
    again = make(tmp_path / "load", load.plan, progress=lambda text: None)
    for (_, one), (_, other) in zip(
        load.paths(0, load.plan.files), again.paths(0, load.plan.files), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()


def test_a_load_on_disk_is_made_once(load: Load) -> None:
    said: list[str] = []
    assert make(load.folder, load.plan, said.append) == load
    assert said == [f"the load of an earlier run is in {load.folder}"]


def test_too_few_simulated_events_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "EVENTS_PER_CASE", 10_000.0)
    with pytest.raises(LoadError, match="EVENTS_PER_CASE in benchmarks"):
        make(tmp_path / "load", Plan(1_000_000, 400), progress=lambda text: None)
