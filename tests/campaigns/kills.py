"""Processes that are killed at a point or a moment, and what the next run makes of it.

Half are loads, a third publications beside readers, the others whole refreshes of a
small project. Beside each disturbed warehouse stands a calm one, into which the same
files are loaded without any kill: after the next ordinary run both must say the same.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from random import Random

import duckdb

from orchestration import loading, project, publish
from orchestration.fingerprint import fingerprint
from orchestration.kill_points import KILL_AT, POINTS, kill_at
from orchestration.loading import duckdb_store, load_all
from tests.campaigns.processes import die_at_line, in_child
from tests.campaigns.row import Progress, Row
from tests.loading.support import EVENT, NOW, SETTINGS, TICKET, Here
from tests.orchestration import readers
from tests.orchestration.tiny import Tiny, environment, make_tiny

FULL = 500
OF_LOADS = POINTS[: POINTS.index("batch committed") + 1]
OF_BUILDS = POINTS[len(OF_LOADS) : POINTS.index("verdict recorded") + 1]
OF_PUBLICATIONS = POINTS[len(OF_LOADS) + len(OF_BUILDS) :]

FEEDS = {"agent_events": (EVENT, "session_id"), "ticket_events": (TICKET, "ticket_id")}

# What says when and by which load a row came; a calm warehouse has others.
VOLATILE = {
    *("_load_id", "_loaded_at", "load_id", "rejected_at", "started_at", "finished_at"),
}
Rows = Counter[tuple[object, ...]]


def run(number: int, seed: int, progress: Progress) -> Row:
    """Kills so many processes."""
    refreshes = -(-number // 6)
    publications = min(number - refreshes, number // 3)
    row = Row()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        row.add(loads(place / "loads", number - refreshes - publications, seed))
        progress(f"{row.survived} loads survived")
        if publications:
            row.add(published(place / "published", publications, seed))
            progress(f"{row.survived} loads and publications survived")
        tinies = make_tiny(place / "tiny"), make_tiny(place / "calm")
        row.add(refreshed(*tinies, refreshes, seed, progress))
        row.problems += at_once(tinies[0])
    return row


def loads(folder: Path, number: int, seed: int) -> Row:
    """Kills loads; after each, an ordinary load must make up for it."""
    chance, row = Random(seed), Row()
    landing = folder / "landing"
    warehouse, calm = folder / "warehouse.duckdb", folder / "calm.duckdb"
    while row.tried < number:
        for name in range(chance.randint(1, 4)):
            _land(landing, f"{row.tried:04d}-{name}", chance)
        moment = _drawn(chance)
        is_large = chance.random() < 0.3  # whether a batch enters as a whole
        is_apart = chance.random() < 0.1  # whether files are validated elsewhere
        killed = in_child(_load, landing, warehouse, moment, is_large, is_apart)
        for path in (warehouse, calm):
            if in_child(_load, landing, path):
                row.problems.append(f"an ordinary load died after {killed}")
        if killed:
            row.tried += 1
            compare(row, raw_rows(warehouse), raw_rows(calm))
    return row


def _load(
    landing: Path,
    warehouse: Path,
    moment: Callable[[], None] | None = None,
    is_large: bool = False,
    is_apart: bool = False,
) -> None:
    duckdb_store.LARGE_ROWS = 1 if is_large else 1_000
    duckdb_store.DuckDbStore.batch_files = 3
    if not is_apart:
        load_here()
    if moment:
        moment()
    load_all(landing, warehouse, SETTINGS, f"load-{os.getpid()}", NOW, list(FEEDS))


def load_here() -> None:
    """Has this process validate files itself: to start others is most of the work."""
    import_module("orchestration.loading.load").shared = lambda _: Here()


def _drawn(chance: Random) -> Callable[[], None]:
    """When a load is to die: at a named point, or at a line of its code."""
    if chance.random() < 0.6:
        point, nth = chance.choice(OF_LOADS), chance.randint(1, 4)
        return lambda: kill_at(point, nth)
    line = int(10 ** chance.uniform(1, 4))
    return lambda: die_at_line(line, Path(loading.__file__).parent)


def _land(landing: Path, name: str, chance: Random) -> None:
    """A file of two feeds, of few identities, so that many give way to others."""
    feed = chance.choice(list(FEEDS))
    template, key = FEEDS[feed]
    lines = []
    for _ in range(chance.randint(1, 12)):
        record = {**template, "event_id": f"e{chance.randrange(300)}"}
        record[key] = f"of {record['event_id']}"
        record["version"] = chance.randint(0, 3)
        lines.append(json.dumps(record) if chance.random() < 0.9 else "nonsense")
    folder = landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def raw_rows(warehouse: Path) -> Rows:
    """Every row of every raw table, but for what says when it came."""
    rows: Rows = Counter()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'raw' order by all"
        ).fetchall()
        for (table,) in tables:
            found = connection.execute(f"from raw.{table}")
            kept = [
                at
                for at, column in enumerate(found.description)
                if column[0] not in VOLATILE
            ]
            for held in found.fetchall():
                rows[(table, *(held[at] for at in kept))] += 1
    return rows


def compare(row: Row, found: Rows, wanted: Rows) -> None:
    lost, more = wanted - found, found - wanted
    row.lost += lost.total()
    row.doubled += more.total()
    row.survived += not lost and not more
    for told, rows in (("lost", lost), ("more than once, or wrong", more)):
        row.problems += [f"{told}: {it}" for it in list(rows)[:3]]


def published(folder: Path, number: int, seed: int) -> Row:
    """Kills publications beside readers, none of which may see half of one."""
    folder.mkdir(parents=True)
    found = readers.campaign(folder, number, seed, readers=2, points=OF_PUBLICATIONS)
    survived = 0 if found.problems else found.kills
    return Row(found.kills, survived, problems=found.problems)


# `sys.argv`: the event at which to die, negative: the line of dbt's; with the group?
REFRESH = """
import os, signal, sys
from dagster import DagsterInstance
from dagster_dbt.core.dbt_cli_invocation import DbtCliInvocation

left, with_children = int(sys.argv[1]), sys.argv[2] == "group"

def count():
    global left
    left -= 1
    if left == 0:
        (os.killpg if with_children else os.kill)(os.getpid(), signal.SIGKILL)

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
EVENTS = 60  # that the tiny project's refresh stores from its start to its end
LINES = 40  # that dbt says in it
IN_A_ROW = 6


def refreshed(
    tiny: Tiny,
    calm: Tiny,
    number: int,
    seed: int,
    progress: Progress,
    environ: dict[str, str] | None = None,
) -> Row:
    """Kills refreshes, a few in a row; then one must publish, with nobody's help."""
    chance, row = Random(seed), Row()
    begun = 0
    while row.tried < number:
        before = row.tried
        while row.tried - before < min(IN_A_ROW, number - before):
            for each in (tiny, calm):
                each.land(f"{begun:04d}.jsonl", "all", f"session {begun}")
            begun += 1
            row.tried += _killed(tiny, chance, environ or {})
        for each in (tiny, calm):
            done = each.run("-m", "orchestration", "refresh", environ=environ)
            if done.returncode != 0:
                row.problems.append(done.stdout + done.stderr)
                return row
        judged = Row()
        compare(judged, _all_rows(tiny), _all_rows(calm))
        judged.problems += _left_over(tiny)
        judged.survived = (row.tried - before) * (not judged.problems)
        row.add(judged)
        progress(f"{row.tried} refreshes killed")
    return row


def at_once(tiny: Tiny) -> list[str]:
    """Begins a refresh while another one is held in its midst."""
    command = [sys.executable, "-m", "orchestration", "refresh"]
    first = subprocess.Popen(
        command,
        cwd=tiny.root,
        env=environment(tiny.root / "empty home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    first.stdout.readline()  # it is at work
    first.send_signal(signal.SIGSTOP)
    second = tiny.run("-m", "orchestration", "refresh")
    first.send_signal(signal.SIGCONT)
    said, _ = first.communicate()
    if (first.returncode, second.returncode) == (0, project.BusyError.exit_code):
        return []
    return [f"of two at once: {said}", f"the second: {second.stdout}{second.stderr}"]


def _killed(tiny: Tiny, chance: Random, environ: dict[str, str]) -> bool:
    """Begins a refresh that dies at some point; with its processes, or alone."""
    draw = chance.random()
    if draw < 0.5:
        point = chance.choice(POINTS)
        nth = chance.randint(1, 3) if point in ("file hashed", "model built") else 1
        at = {KILL_AT: f"{point}:{nth}"}
        command = ["-m", "orchestration", "refresh"]
    else:
        at = {}
        event = chance.randrange(1, EVENTS)
        if draw < 0.75:
            event = -chance.randrange(1, LINES)
        command = ["-c", REFRESH, str(event), chance.choice(["group", "alone"])]
    done = tiny.run(*command, environ={**environ, **at}, apart=True)
    return done.returncode == -signal.SIGKILL


def _all_rows(tiny: Tiny) -> Rows:
    """Raw tables, a hash of the marts, and what is published of them."""
    warehouse = tiny.home / "warehouse.duckdb"
    rows = raw_rows(warehouse)
    rows[("marts", fingerprint(warehouse).hash)] += 1
    rows.update(("published", *it) for it in tiny.published("from marts.sessions"))
    ledger = (
        "select row_counts from marts.publications "
        "order by published_at desc, publication_id desc limit 1"
    )
    rows.update(("ledger", *it) for it in tiny.published(ledger))
    return rows


def _left_over(tiny: Tiny) -> list[str]:
    """Files of publications that were never shown, and drafts."""
    files = sorted(path.name for path in tiny.current.parent.iterdir())
    drafts = [name for name in files if ".tmp" in name]
    versions = [name for name in files if name.startswith("marts-")]
    is_newest = tiny.current.samefile(tiny.current.parent / versions[-1])
    if drafts or len(versions) > publish.KEPT_VERSIONS or not is_newest:
        return [f"left over: {files}"]
    return []
