"""Time and memory of a command and all that it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import measure

MEGABYTES = 80
# a process whose child holds memory until its input ends
HOLDS = f"x = bytearray({MEGABYTES} * 2**20); print('held', flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


def test_memory_of_children_counts() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        assert measure.resident_bytes(process.pid) > MEGABYTES * 2**20
        process.communicate("\n")
    assert measure.resident_bytes(process.pid) == 0


def test_a_command_is_timed_and_heard(tmp_path: Path) -> None:
    said: list[str] = []
    took = measure.run(
        "word", [sys.executable, "-c", "print('done')"], tmp_path / "log", said.append
    )
    assert took.output == "done\n"
    assert took.seconds > 0
    assert took.peak_bytes > 0
    assert took.began_at <= took.ended_at
    assert said[0] == "word ..."
    assert said[1].startswith("word: ")


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(measure.CommandError, match=r"(?s)sum ended with 1.*Zero"):
        measure.run(
            "sum", [sys.executable, "-c", "1/0"], tmp_path / "log", lambda text: None
        )


def test_two_names_of_a_file_are_one_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"12345")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    (tmp_path / "three").write_bytes(b"123")
    assert measure.disk_bytes(tmp_path) == 8
