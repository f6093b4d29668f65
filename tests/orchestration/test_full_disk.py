"""A command that finds a disk full says so in one line."""

from __future__ import annotations

import shutil

import pytest

from orchestration import __main__ as command
from orchestration import project, report


@pytest.mark.parametrize(
    ("problem", "free", "is_told"),
    [
        (OSError(28, "No space left on device", "x"), 1 << 40, True),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), 9, True),
        (RuntimeError("(sqlite3.OperationalError) disk I/O error"), 9, True),
        (RuntimeError("(sqlite3.OperationalError) disk I/O error"), 1 << 40, False),
    ],
)
def test_a_full_disk_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: Exception,
    free: int,
    is_told: bool,
) -> None:
    def fail() -> str:
        raise problem

    monkeypatch.setattr(report, "render", fail)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(project, "home", lambda: project.ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    if not is_told:
        with pytest.raises(type(problem)):
            command.main(["report"])
        return
    assert command.main(["report"]) == 1
    assert f"error: the disk of {project.ROOT} is full" in capsys.readouterr().err
