"""Readers in a loop while publications and rollbacks come and are killed.

The warehouse of a campaign has two marts whose rows all hold its number: a reader that
finds two numbers, or a ledger that tells of other row counts, has read a mix. Every
publication is a process of its own; the killed ones end themselves at a line of
publish.py or at a named point, so that a seed gives the same campaign again.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import project, publish
from orchestration.kill_points import kill_at
from tests.campaigns.processes import die_at_line, in_child

LINES = 260  # about as many lines of publish.py run in a publication
READER = "from tests.orchestration.readers import read; read()"


@dataclass
class Found:
    """What a campaign came to."""

    moves: int = 0
    kills: int = 0
    reads: int = 0
    seen: int = 0
    problems: list[str] = field(default_factory=list)


def campaign(
    folder: Path, kills: int, seed: int, readers: int, points: Sequence[str]
) -> Found:
    """Publishes and rolls back beside readers until so many moves were killed.

    Two of three are to die, at one of the named points or at any line.
    """
    chance = random.Random(seed)
    warehouse, published = folder / "warehouse.duckdb", folder / "published"
    found = Found()
    _fill(warehouse, 0)
    _publish(warehouse, published)
    current = str(published / "current.duckdb")
    environ = {**os.environ, "PYTHONPATH": str(project.ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", READER, current],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            cwd=project.ROOT,
        )
        for _ in range(readers)
    ]
    try:
        for reader in running:
            reader.stdout.readline()  # it has read once
        while found.kills < kills:
            found.moves += 1
            _fill(warehouse, found.moves)
            move = _rollback if chance.random() < 0.25 else _publish
            places = (None, chance.choice(points), chance.randrange(1, LINES))
            at = chance.choice(places)
            found.kills += in_child(_make, move, warehouse, published, at)
    finally:
        told = [json.loads(it.communicate(b"stop\n")[0]) for it in running]
    for it in told:
        found.reads += it["reads"]
        found.seen += it["seen"]
        found.problems += it["problems"]
    return found


def _fill(warehouse: Path, number: int) -> None:
    """Two marts that tell of one build: its number, in as many rows."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute(
            "create table if not exists raw.load_history (last_timestamp timestamp)"
        )
        connection.execute("create schema if not exists marts")
        for name, more in (("cases", 1), ("rates", 2)):
            connection.execute(
                f"create or replace table marts.{name} as "
                f"select {number} as build from range({number + more})"
            )


def _publish(warehouse: Path, published: Path) -> None:
    publish.publish(
        warehouse,
        published,
        as_of=datetime(2026, 1, 31, tzinfo=UTC),
        git_revision=None,
        is_sample=False,
        after_rollback=True,
    )


def _rollback(_: Path, published: Path) -> None:
    try:
        publish.roll_back(published)
    except publish.PublicationError as problem:
        if "is kept" not in str(problem):  # or there is none before
            raise


def _make(
    move: Callable[[Path, Path], None],
    warehouse: Path,
    published: Path,
    at: int | str | None,
) -> None:
    """Makes a move, and dies at a line of publish.py or at a named point."""
    if isinstance(at, int):
        die_at_line(at, Path(publish.__file__))
    elif at:
        kill_at(at)
    move(warehouse, published)


def read() -> None:
    """A reader: opens what is published, again and again, until it is told to stop."""
    import select

    current, reads, problems, seen = sys.argv[1], 0, [], set()
    while True:
        try:
            problems += _look(current, seen)
        except Exception as problem:
            problems.append(f"{type(problem).__name__}: {problem}")
        reads += 1
        if reads == 1:
            print("reading", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    print(json.dumps({"reads": reads, "seen": len(seen), "problems": problems[:5]}))


def _look(current: str, seen: set[str]) -> list[str]:
    with duckdb.connect(current, read_only=True) as connection:

        def ask(query: str) -> list[tuple]:
            return connection.execute(query).fetchall()

        cases = ask("select min(build), max(build), count(*) from marts.cases")[0]
        schemas = ask(
            "select distinct schema_name from duckdb_tables() union "
            "select schema_name from duckdb_views() where not internal"
        )
        told = ask(
            "select publication_id, row_counts from marts.publications "
            "order by published_at desc, publication_id desc limit 1"
        )[0]
        rates = ask("select min(build), max(build), count(*) from marts.rates")[0]
    seen.add(told[0])
    build = cases[0]
    counts = {"cases": build + 1, "rates": build + 2}
    wanted = [(build, build, build + 1), (build, build, build + 2)]
    wrong = []
    if [cases, rates] != wanted or json.loads(told[1]) != counts:
        wrong.append(f"a mix: {cases}, {rates}, {told}")
    if schemas != [("marts",)]:
        wrong.append(f"more than the marts: {schemas}")
    return wrong
