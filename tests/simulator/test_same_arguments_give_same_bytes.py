"""The simulator is a function of its arguments, and its truth stays apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from simulator.__main__ import main
from tests.simulator.conftest import simulate_into


def contents(folder: Path) -> dict[str, str]:
    """The hash of every file, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simulate_into(tmp_path / name, days=4, cases_per_day=20)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_writes_other_cases(tmp_path: Path) -> None:
    one = simulate_into(tmp_path / "one", days=2, cases_per_day=20)
    two = simulate_into(tmp_path / "two", days=2, cases_per_day=20, seed=2)
    assert contents(one.landing).values() != contents(two.landing).values()


def test_the_command_line_puts_the_truth_beside_the_landing(tmp_path: Path) -> None:
    out = tmp_path / "landing"
    arguments = ["--days", "2", "--cases-per-day", "5", "--until", "2026-06-01"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert (tmp_path / "landing_truth" / "manifest.json").is_file()
    assert "made up" in (tmp_path / "landing_truth" / "README.txt").read_text()
    assert not list(out.rglob("*truth*"))


@pytest.mark.parametrize("place", ["landing", "landing/truth"])
def test_the_truth_is_refused_below_the_landing(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--days", "1", "--cases-per-day", "5", "--until", "2026-06-01"]
    folders = ["--out", str(tmp_path / "landing"), "--truth", str(tmp_path / place)]
    assert main([*arguments, *folders]) == 2
    assert "must stay apart" in capsys.readouterr().err
    assert not (tmp_path / "landing").exists()


def test_a_filled_landing_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "landing"
    (out / "agent_events").mkdir(parents=True)
    (out / "agent_events" / "theirs.jsonl").write_text("{}\n")
    assert main(["--until", "2026-06-01", "--out", str(out)]) == 2
    assert "is not empty" in capsys.readouterr().err
