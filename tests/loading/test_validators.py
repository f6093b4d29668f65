"""Each limit of a validating process is broken once; what is beside it loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.loading import load as loading
from orchestration.loading import validators
from orchestration.loading.settings import Limits, read_limits
from orchestration.loading.validators import PACKAGES, Validators
from orchestration.project import ProjectError
from tests.loading.support import EVENT, SAMPLES, TICKET, Landing, validate_here

TESTS = Path(__file__).parents[1]
LIMITS = Limits(memory=700 << 20, seconds=1, output=16 << 20)
linux = pytest.mark.skipif(sys.platform != "linux", reason="a wall of Linux alone")


@pytest.fixture(scope="module")
def poisoned() -> Iterator[Validators]:
    """Processes that misbehave at files of some names."""
    made = Validators(
        LIMITS,
        processes=1,
        work="tests.loading.poison:validate",
        packages=(*PACKAGES, TESTS),
    )
    yield made
    made.close()


@pytest.fixture
def poison(
    landing: Landing, poisoned: Validators, monkeypatch: pytest.MonkeyPatch
) -> Landing:
    """A landing root whose files are validated by such processes."""
    monkeypatch.setattr(loading, "shared", lambda _: poisoned)
    return landing


def problem(landing: Landing, name: str, content: bytes | str = "x") -> str:
    """Lands a poison between two sound files: why it is turned away."""
    landing.put(f"agent_events/{name}.jsonl", content)
    landing.put("agent_events/0.jsonl", [EVENT])
    landing.put("agent_events/zz.jsonl", [{**EVENT, "event_id": "e2"}])
    report = landing.load(feeds=["agent_events"])
    assert report.loaded == 2
    (bad,) = report.quarantined
    assert landing.reasons() == ["unreadable_file"]
    assert landing.load().records == 0
    return bad.problem


def test_memory_is_limited(poison: Landing) -> None:
    assert "ACSR_VALIDATOR_MEMORY" in problem(poison, "hog")


def test_processor_time_is_limited(poison: Landing) -> None:
    assert "ACSR_VALIDATOR_SECONDS" in problem(poison, "spin")


def test_time_by_the_clock_is_limited(
    poison: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validators, "WALL_FACTOR", 0.5)
    assert "had no end" in problem(poison, "sleep")


def test_what_is_written_is_limited(poison: Landing) -> None:
    assert "split it" in problem(poison, "write_much")


def test_a_process_that_dies_twice_leaves_its_file(poison: Landing) -> None:
    assert "was ended by SIGSEGV, 2 times" in problem(poison, "crash")


@pytest.mark.parametrize("name", ["unsound", "foreign_columns", "miscounted"])
def test_rows_that_are_no_rows_are_not_believed(poison: Landing, name: str) -> None:
    assert "gave rows that are unsound" in problem(poison, name)


def needs_walls(poison: Landing, poisoned: Validators) -> None:
    """Skips a test where the kernel has not all of them."""
    poison.put("ticket_events/0.jsonl", [TICKET])
    poison.load()
    absent = {"landlock", "seccomp"} - set(poisoned.walls)
    if absent:
        pytest.skip(f"this kernel has no {' and no '.join(sorted(absent))}")


@linux
@pytest.mark.parametrize(
    "name", ["read_foreign", "write", "connect", "start", "fork", "engine_reads"]
)
def test_nothing_outside_is_reached(
    poison: Landing, poisoned: Validators, name: str
) -> None:
    needs_walls(poison, poisoned)
    assert problem(poison, name).startswith("refused: ")


@linux
def test_no_other_landed_file_is_read(poison: Landing, poisoned: Validators) -> None:
    needs_walls(poison, poisoned)
    other = poison.put("agent_events/0.jsonl", [EVENT])
    assert problem(poison, "read_neighbour", str(other)).startswith("refused: ")


def test_no_secret_is_inherited(
    poison: Landing, poisoned: Validators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_HASH_KEY", "planted")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "planted")
    poisoned.close()  # the next one starts with what is now in the environment
    said = problem(poison, "look_around")
    assert "planted" not in said
    assert "ACSR" not in said
    assert "SNOWFLAKE" not in said


@linux
def test_it_is_said_which_walls_stand(poison: Landing, poisoned: Validators) -> None:
    poison.put("agent_events/0.jsonl", [EVENT])
    poison.load()
    assert set(poisoned.walls) <= {"resources", "landlock", "seccomp"}
    assert "resources" in poisoned.walls


def test_a_file_is_staged_as_it_would_be_in_one_process(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Landing(landing.root)
    for feed, sample in SAMPLES.items():
        records = [{**sample, "customer_id": n} for n in range(300)]
        landing.put(f"{feed}/a.jsonl.gz", [*records, "nonsense", sample, "[]"])
        landing.put(f"{feed}/b.jsonl", [{**sample, "attributes": {"token": "x"}}])
    landing.load()
    validate_here(monkeypatch)
    alone.load()
    for feed in SAMPLES:
        assert landing.content(feed) == alone.content(feed)
    assert landing.reasons() == alone.reasons()


def test_limits_are_read_and_refused() -> None:
    assert read_limits({}) == Limits()
    said = {"ACSR_VALIDATOR_MEMORY": "1.5 GiB", "ACSR_VALIDATOR_SECONDS": "10"}
    assert read_limits(said) == Limits(memory=3 << 29, seconds=10)
    for name in said:
        for wrong in ("much", "0", "-1", "1PB", "1MB"):
            with pytest.raises(ProjectError, match=name):
                read_limits({name: wrong})


def test_the_time_allowed_grows_with_the_file() -> None:
    assert Limits(seconds=60).seconds_for(0) == 60
    assert Limits(seconds=60).seconds_for(64 << 20) == 300
