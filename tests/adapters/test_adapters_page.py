"""The guide's example works as it stands, and its check says what the page says."""

from __future__ import annotations

from pathlib import Path

from tests.adapters import page
from tests.orchestration.tiny import environment, run_python


def test_the_example_of_the_guide_passes_its_check(tmp_path: Path) -> None:
    root = tmp_path / "project"
    sample = page.apply(root)
    command = next(
        line
        for line in page.said("sh").splitlines()
        if line.startswith("make check-adapter")
    )
    assert command == "make check-adapter FEED=acme_chats FILES=acme.jsonl SILENT=1"

    done = run_python(
        root,
        environment(tmp_path / "empty home"),
        *("-m", "orchestration", "check-adapter", "acme_chats", sample.name),
        *("--silent", "1"),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == page.said("text")
