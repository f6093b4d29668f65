"""A project of one model around the real orchestration code, in a folder of its own.

It builds in seconds, so that what orchestration promises can be tried end to end, and
it does not change when the models do. Its path holds a space and a quote.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration import project
from orchestration.loading import FEEDS
from tests.alerting.receiver import Receiver

AS_OF = "2026-01-31T12:00:00+00:00"
POISON = "poison"

DBT_PROJECT = """\
name: tiny
profile: acsr
flags:
  send_anonymous_usage_stats: false
models:
  tiny:
    +schema: marts
    +materialized: table
"""

SCHEMA_NAMES = """\
{% macro generate_schema_name(custom_schema_name, node) %}
    {{- custom_schema_name or target.schema -}}
{% endmacro %}
"""

MODEL = """\
select session_id, count(*) as events
from {{ source('raw', 'agent_events') }}
group by all
"""

SLOW_MODEL = """\
{{ config(tags=['nightly']) }}
select 1 as one
"""

FAILING_TEST = f"""\
select * from {{{{ ref('sessions') }}}} where session_id = '{POISON}'
"""

UNIT_TEST = """\
models:
  - name: sessions
    columns:
      - name: session_id
        data_tests: [unique]
unit_tests:
  - name: a_unit_test_that_fails
    model: sessions
    given:
      - input: source('raw', 'agent_events')
        rows: [{session_id: one}]
    expect:
      rows: [{session_id: another}]
"""


@dataclass(frozen=True)
class Tiny:
    """A tiny project: its folder, its landing root and its home."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def home(self) -> Path:
        return self.root / ".acsr"

    @property
    def current(self) -> Path:
        return self.home / "published" / "current.duckdb"

    def run(
        self,
        *command: str,
        environ: dict[str, str] | None = None,
        apart: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `python COMMAND` in this project, with an empty home folder.

        `apart`: in a session of its own, whose processes can be killed together.
        """
        given = {**environment(self.root / "empty home"), **(environ or {})}
        return run_python(self.root, given, *command, apart=apart)

    def refresh(
        self, receiver: Receiver | None = None
    ) -> subprocess.CompletedProcess[str]:
        environ = alerting_to(receiver) if receiver else {}
        return self.run("-m", "orchestration", "refresh", environ=environ)

    def logs(self) -> str:
        """All that was written down of the runs, by dbt, Dagster and this project."""
        paths = [*self.home.rglob("*"), *(self.root / "logs").rglob("*")]
        return "".join(
            path.read_bytes().decode(errors="replace")
            for path in paths
            if path.is_file() and path.suffix != ".duckdb"
        )

    def land(self, name: str, *session_ids: str) -> None:
        """Lands a file with one event for each session."""
        events = [
            {
                "event_id": f"{name}-{number}",
                "session_id": session_id,
                "timestamp": "2026-01-31T11:00:00Z",
                "action_type": "session_started",
            }
            for number, session_id in enumerate(session_ids)
        ]
        self.land_text(name, "".join(json.dumps(event) + "\n" for event in events))

    def land_text(self, name: str, text: str) -> None:
        folder = self.landing / "agent_events"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    def published(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.current), read_only=True) as connection:
            return connection.execute(query).fetchall()


def alerting_to(receiver: Receiver) -> dict[str, str]:
    """What makes messages, as JSON, and the heartbeat go to a receiver."""
    return {
        "ACSR_ALERT_WEBHOOK": receiver.webhook,
        "ACSR_HEARTBEAT_URL": receiver.heartbeat,
        "ACSR_ALERT_FORMAT": "json",
    }


def environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's environment but what Python needs, and a clock."""
    home.mkdir(exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "ACSR_AS_OF": AS_OF,
        **{k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"},
    }


def run_python(
    folder: Path, environ: dict[str, str], *command: str, apart: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs this Python in a folder, with that environment and no other."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        start_new_session=apart,
    )


def make_tiny(root: Path) -> Tiny:
    """Writes the project into a new folder."""
    root.mkdir(parents=True)
    shutil.copytree(
        project.ROOT / "orchestration",
        root / "orchestration",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(project.ROOT / "profiles.example.yml", root)
    sources = {
        "sources": [
            {
                "name": "raw",
                "schema": "raw",
                "tables": [
                    {
                        "name": feed,
                        "config": {
                            "loaded_at_field": "_loaded_at",
                            "freshness": {
                                "warn_after": {"count": 24, "period": "hour"}
                            },
                        },
                    }
                    for feed in FEEDS
                ],
            }
        ]
    }
    files = {
        "dbt_project.yml": DBT_PROJECT,
        "macros/schema_names.sql": SCHEMA_NAMES,
        "models/sources.yml": json.dumps(sources),
        "models/models.yml": UNIT_TEST,
        "models/sessions.sql": MODEL,
        "models/slow.sql": SLOW_MODEL,
        "tests/assert_no_poison.sql": FAILING_TEST,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Tiny(root)
