"""The page for people who instrument an agent: its code runs, its lines load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from orchestration.loading.files import walk_feed
from tests.loading.support import Landing

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "instrumenting-an-agent.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "schemas" / "agent_events.schema.json").read_bytes())
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)  # of whatever clock the page logs by
OWN = ("event_id", "timestamp")  # of every event its own


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


LINES = "".join(blocks("json")).splitlines()


@pytest.fixture
def logged(tmp_path: Path, landing: Landing) -> Landing:
    """A landing folder into which the page's Python has logged, in its own process."""
    script = tmp_path / "agent.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    subprocess.run(
        [sys.executable, str(script)],
        check=True,
        env={"ACSR_LANDING": str(landing.root)},
    )
    return landing


def test_the_page_has_a_line_of_every_action_type() -> None:
    shown = [json.loads(line)["action_type"] for line in LINES]
    known = SCHEMA["properties"]["action_type"]["examples"]
    assert sorted(shown) == sorted(known)


def test_every_attribute_of_the_page_is_one_of_the_contract() -> None:
    known = SCHEMA["properties"]["attributes"]["anyOf"][0]["properties"]
    for line in LINES:
        assert json.loads(line).get("attributes", {}).keys() <= known.keys()


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_page_loads(landing: Landing, line: str) -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(line))
    landing.put("agent_events/a.jsonl", line)
    report = landing.load()
    assert (report.loaded, landing.reasons()) == (1, [])


def test_the_calls_of_the_page_log_its_lines(logged: Landing) -> None:
    (file,) = walk_feed(logged.root, "agent_events")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d+\.jsonl", file.name)
    written = [json.loads(line) for line in file.read_text().splitlines()]
    shown = [json.loads(line) for line in LINES]
    for event in (*written, *shown):
        for name in OWN:
            assert event.pop(name)
    assert written == shown


def test_what_the_page_logs_loads(logged: Landing) -> None:
    report = logged.load(now=FAR_AHEAD)
    assert (report.loaded, report.rejected) == (len(LINES), 0)
