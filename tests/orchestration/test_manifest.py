"""A manifest that dbt did not write to its end is written anew."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orchestration import project


def test_half_a_manifest_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, parses = tmp_path / "manifest.json", []

    def write(text: str, second: int) -> None:
        path.write_text(text)
        os.utime(path, (second, second))

    def parse(*arguments: str) -> subprocess.CompletedProcess[str]:
        parses.append(arguments)
        write("whole", 1_000)
        return subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setattr(project, "run_dbt", parse)
    monkeypatch.setattr(project, "_dbt_files", lambda: iter(()))

    assert project.manifest().read_text() == "whole"
    assert project.manifest().read_text() == "whole"
    assert len(parses) == 1
    write("hal", 4_000_000_000)  # by a dbt that was killed, after the last whole one
    assert project.manifest().read_text() == "whole"
    assert len(parses) == 2
