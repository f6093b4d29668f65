"""Refreshes that are killed at any moment, and the tick that then comes.

A refresh ends itself and dbt, as a machine that loses its power does, at a seeded step:
when Dagster stores an event, or in the middle of dbt. After them one refresh, as the
schedule begins it, must publish what landed, with nobody's help, and tell of the kills.

    python -m tests.orchestration.kills --kills 100 --seed 1
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.alerting.receiver import receiving
from tests.orchestration.tiny import Tiny, alerting_to, make_tiny

EVENTS = 60  # that the tiny project's refresh stores from its start to its end

# `sys.argv`: the event at which to die; negative: after so many lines of dbt.
REFRESH = """
import os, signal, sys
from dagster import DagsterInstance
from dagster_dbt.core.dbt_cli_invocation import DbtCliInvocation

left = int(sys.argv[1])

def die():
    os.killpg(0, signal.SIGKILL)

def count():
    global left
    left -= 1
    if left == 0:
        die()

if left > 0:
    handle = DagsterInstance.handle_new_event
    def handle_new_event(self, event, **more):
        kind = event.dagster_event.event_type_value if event.dagster_event else ""
        if not kind.endswith("_PLANNED"):
            count()
        return handle(self, event, **more)
    DagsterInstance.handle_new_event = handle_new_event
else:
    left = -left
    stream = DbtCliInvocation._stream_stdout
    def _stream_stdout(self):
        for line in stream(self):
            count()
            yield line
    DbtCliInvocation._stream_stdout = _stream_stdout

from orchestration.run import run_job
run_job("refresh")
"""


@dataclass
class Found:
    """What a campaign came to; `output` is of the refresh after all kills."""

    kills: int
    begun: int
    is_published: bool
    sessions: int
    told: list[str]
    output: str


def campaign(tiny: Tiny, kills: int, seed: int) -> Found:
    """Kills so many refreshes, a file landing before each; then refreshes once."""
    chance = random.Random(seed)
    killed = begun = 0
    with receiving() as receiver:
        while killed < kills:
            tiny.land(f"{begun}.jsonl", f"session {begun}")
            begun += 1
            at = chance.randrange(1, EVENTS)
            if chance.random() < 0.3:
                at = -chance.randrange(1, 40)
            done = tiny.run(
                *("-c", REFRESH, str(at)),
                environ=alerting_to(receiver),
                apart=True,
            )
            killed += done.returncode == -9
        last = tiny.refresh(receiver)
        told = [it["title"] for it in receiver.bodies]
    is_published = last.returncode == 0
    sessions = 0
    if is_published:
        sessions = tiny.published("select count(*) from marts.sessions")[0][0]
    output = last.stdout + last.stderr
    return Found(killed, begun, is_published, sessions, told, output)


def main() -> None:
    """Runs a campaign in a new folder and prints what it came to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny = make_tiny(Path(folder) / "tiny")
        found = campaign(tiny, options.kills, options.seed)
    is_well = found.is_published and found.sessions == found.begun
    print(
        f"seed {options.seed}: {found.kills} of {found.begun} refreshes killed; then "
        f"published: {found.is_published}, {found.sessions} sessions of {found.begun}"
    )
    if not is_well:
        print(found.output)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
