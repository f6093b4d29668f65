"""What holds for every file of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from orchestration import project

MODEL_NAME = re.compile(r"\b(?:stg|int|fct|dim|kpi)_[a-z_]+")
LEFTOVERS = {
    "a package host": re.compile(
        r"https?://[a-z.]*(?:pypi|pythonhosted|npmjs|debian)", re.IGNORECASE
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|home|Users|root)/\w"),
    "something left to do": re.compile("TO" + "DO|FIX" + "ME"),
}


def tracked() -> list[Path]:
    """The files that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=project.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [project.ROOT / name for name in listed.stdout.split("\0") if name]


def found(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    """Where a pattern occurs."""
    places = []
    for path in files:
        lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
        places += [
            f"{path.relative_to(project.ROOT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, start=1)
            if pattern.search(line)
        ]
    return places


def test_the_patterns_find_what_they_are_for() -> None:
    assert MODEL_NAME.search("select * from marts.fct_cases")
    assert not MODEL_NAME.search("print_report, point_kpi")
    samples = {
        "a package host": "see https://files.python" + "hosted.org/x",
        "a path of one machine": "open /home/ann/landing",
        "something left to do": "# TO" + "DO",
    }
    assert all(LEFTOVERS[name].search(text) for name, text in samples.items())


def test_orchestration_names_models_that_there_are() -> None:
    """A model that is renamed or dropped shows here, not in somebody's night."""
    python = [
        path
        for path in tracked()
        if path.suffix == ".py" and path.is_relative_to(project.ROOT / "orchestration")
    ]
    text = "".join(path.read_text(encoding="utf-8") for path in python)
    kinds = ("models/**/*.sql", "seeds/*.csv")
    known = {path.stem for kind in kinds for path in project.ROOT.glob(kind)}
    named = set(MODEL_NAME.findall(text))
    assert named
    assert named <= known


@pytest.mark.parametrize("what", LEFTOVERS)
def test_no_tracked_file_names(what: str) -> None:
    own = Path(__file__)
    assert found(LEFTOVERS[what], [it for it in tracked() if it != own]) == []


def test_the_lock_names_no_index_and_pins_everything() -> None:
    lines = (project.ROOT / "requirements.lock").read_text().splitlines()
    assert lines
    assert [
        line for line in lines if not re.match(r"[\w.\-\[\],]+==[\w.]+", line)
    ] == []


def test_tests_that_share_fixtures_stay_in_one_process(
    request: pytest.FixtureRequest,
) -> None:
    """xdist has shown a group behind the name of a test, or has dropped it unsaid."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests are not spread by groups here: make test does")
    assert request.node.nodeid.endswith(f"@{request.path}")
