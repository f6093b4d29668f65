from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestration import project
from tests.alerting.receiver import receiving
from tests.orchestration.tiny import Tiny, environment, run_python

SAMPLE = ("-m", "orchestration", "sample", "--days=2", "--cases-per-day=20", "--seed=1")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the sample of this module lands and what is computed from it."""
    folder = tmp_path_factory.mktemp("sample")
    return {
        **environment(folder / "empty home"),
        "ACSR_HOME": str(folder / "home"),
        "ACSR_LANDING": str(folder / "landing"),
    }


@pytest.fixture(scope="module")
def sampled(places: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command that makes the sample, run once."""
    done = run_python(project.ROOT, places, *SAMPLE)
    assert done.returncode == 0, done.stderr
    return done


def listing(folder: str) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in Path(folder).rglob("*.jsonl.gz")
    )


def test_a_sample_lands_where_nothing_has_and_says_what_it_is(
    sampled: subprocess.CompletedProcess[str], places: dict[str, str]
) -> None:
    assert "no real customer is in it" in sampled.stdout
    landing = Path(places["ACSR_LANDING"])
    assert "Made-up" in (landing / "_made_up_sample.txt").read_text()
    files = listing(places["ACSR_LANDING"])
    assert {name.partition("/")[0] for name in files} == {
        "agent_events",
        "compliance_audits",
        "survey_responses",
        "ticket_events",
    }
    assert {name.split("/")[1] for name in files if name.startswith("agent")} >= {
        "2026-01-29",
        "2026-01-30",
    }


def test_the_truth_of_the_sample_is_kept_apart(
    sampled: subprocess.CompletedProcess[str], places: dict[str, str]
) -> None:
    assert list((Path(places["ACSR_HOME"]) / "sample_truth").iterdir())
    names = {path.name for path in Path(places["ACSR_LANDING"]).iterdir()}
    assert names == {
        "_made_up_sample.txt",
        *{name.partition("/")[0] for name in listing(places["ACSR_LANDING"])},
    }


def test_where_something_has_landed_there_is_no_sample(
    sampled: subprocess.CompletedProcess[str], places: dict[str, str]
) -> None:
    before = listing(places["ACSR_LANDING"])
    done = run_python(project.ROOT, places, *SAMPLE)
    assert (done.returncode, done.stdout) == (0, "")
    assert listing(places["ACSR_LANDING"]) == before


def test_the_strict_parse_stops_at_a_deprecation(tiny: Tiny) -> None:
    parse = ("-m", "orchestration", "parse")
    passed = tiny.run(*parse)
    assert passed.returncode == 0, passed.stderr

    models = tiny.root / "models" / "models.yml"
    old_way = "data_tests: [{accepted_values: {values: [a]}}]"
    models.write_text(models.read_text().replace("data_tests: [unique]", old_way))
    failed = tiny.run(*parse)
    assert failed.returncode != 0
    assert "MissingArgumentsPropertyInGenericTestDeprecation" in failed.stderr


def test_a_report_without_a_publication_is_one_line(tiny: Tiny) -> None:
    done = tiny.run("-m", "orchestration", "report")
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing is published yet")
    assert "Traceback" not in done.stderr


def test_a_project_that_does_not_parse_is_told_of(tiny: Tiny) -> None:
    (tiny.root / "models" / "broken.sql").write_text("{{ ref('nowhere') }}")
    with receiving() as receiver:
        done = tiny.refresh(receiver)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (message,) = receiver.bodies
    assert message["title"] == "refresh could not begin; nothing was published"
    assert "nowhere" in message["findings"][0]["said"]
