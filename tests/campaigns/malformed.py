"""Malformed lines and files among good ones: none is lost, none stops a load.

They are loaded by a process of its own, whose memory, with that of its children, must
stay below a cap. A last landing root has a thousand files and one poisonous one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import duckdb

from orchestration import project
from orchestration.loading import FEEDS, load_all
from tests.campaigns import corpus
from tests.campaigns.corpus import (
    DOCUMENTS,
    HEAVY,
    LINES,
    READABLE,
    UNREADABLE,
    Line,
)
from tests.campaigns.row import Progress, Row
from tests.loading.support import NOW, SETTINGS

FULL = 10_000
FEED = "agent_events"
# of each feed: its records and what became of them, its rejected ones and those kept,
# its files, its rows
BALANCE = """
    select
        feed, sum(records), sum(loaded + duplicates + rejected), sum(rejected),
        (
            select count(*) from raw.rejected_records as kept
            where kept.feed = history.feed and reason is not null and detail is not null
        ),
        count(*), sum(loaded - replaced)
    from raw.load_history as history
    group by feed
"""
HEAVY_SHARE = 0.004
MEMORY_MIB = 1_024  # of the loader and its largest child, with Python and the engine
NEIGHBOURS = 1_000
KEPT_BYTES = 4_096  # of a rejected text


@dataclass
class Landed:
    """What must become of the files of a landing root: rows, and rejected lines.

    `rejected` has a file and a line, or none for a whole file; and what may be said.
    """

    root: Path
    rows: set[str] = field(default_factory=set)
    rejected: dict[tuple[str, int | None], Line] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    contents: set[bytes] = field(default_factory=set)

    def has(self, content: bytes) -> bool:
        """Whether the same landed before: it would be known, and no file of its own."""
        is_known = content in self.contents
        self.contents.add(content)
        return is_known

    def write(self, name: str, content: bytes, feed: str = FEED) -> None:
        path = self.root / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def run(number: int, seed: int, progress: Progress) -> Row:
    """Lands so many malformed records and files, each among good ones."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        landed = Landed(Path(folder) / "landing")
        while landed.classes.total() < number:
            left = number - landed.classes.total()
            draw = chance.random()
            if draw < 0.1:
                _add_document(landed, chance)
            elif draw < 0.35:
                _add_file(landed, chance)
            else:
                _add_lines(landed, chance, left)
        progress(
            f"{landed.classes.total():,} malformed of {len(landed.classes)} classes, "
            f"{len(landed.rows):,} good, in {len(landed.records)} files"
        )
        row = _judged(landed, Path(folder) / "warehouse.duckdb", progress)
    row.add(_bitten(max(1, number // 5), seed, progress))
    if number >= FULL:
        row.add(_poisoned(seed, progress))
    return row


def _add_lines(landed: Landed, chance: Random, left: int) -> None:
    """A file of good lines with malformed ones hidden among them."""
    number = len(landed.records)
    name = f"{FEED}/{number}.jsonl"
    many = 1_200 if chance.random() < 0.15 else 60  # the engine reads what is large
    lines = []
    for place in range(min(left, chance.randint(1, 40))):
        kinds = HEAVY if chance.random() < HEAVY_SHARE else LINES
        kind = chance.choice(list(kinds))
        landed.classes[kind] += 1
        lines.append(kinds[kind](chance, f"m{number}-{place}"))
    for place in range(chance.randint(1, many)):
        event_id = f"g{number}-{place}"
        lines.append([Line(corpus.record(event_id), id=event_id)])
    chance.shuffle(lines)
    whole = [line for made in lines for line in made]
    for place, line in enumerate(whole, start=1):
        landed.records[name] += 1
        if line.reasons:
            landed.rejected[name, place] = line
        else:
            landed.rows.add(
                json.loads(line.content.lstrip(b"\xef\xbb\xbf"))["event_id"]
            )
    landed.write(f"{number}.jsonl", b"\n".join(line.content for line in whole) + b"\n")


def _add_file(landed: Landed, chance: Random) -> None:
    """A file whose form is the malformed thing about it."""
    number = len(landed.records)
    kinds = UNREADABLE if chance.random() < 0.6 else READABLE
    kind = chance.choice(list(kinds))
    if "bomb" in kind and chance.random() < 0.9:  # they take a second each
        kind = "a truncated gzip"
    ids = [f"f{number}-{place}" for place in range(chance.randint(2, 80))]
    content = b"".join(corpus.record(it) + b"\n" for it in ids)
    suffix, made = kinds[kind](chance, content)
    if landed.has(made):
        return
    name = f"{number}{suffix}"
    landed.write(name, made)
    landed.classes[kind] += 1
    if kinds is READABLE:
        landed.rows.update(ids)
        landed.records[f"{FEED}/{name}"] = len(ids)
    else:
        _expect_none_of(landed, f"{FEED}/{name}")


def _add_document(landed: Landed, chance: Random) -> None:
    """A file of another feed that is none of its kind."""
    kind = chance.choice(list(DOCUMENTS))
    feed, suffix, make = DOCUMENTS[kind]
    content = make(chance)
    if landed.has(content):
        return
    name = f"{len(landed.records)}{suffix}"
    landed.write(name, content, feed)
    landed.classes[kind] += 1
    _expect_none_of(landed, f"{feed}/{name}")


def _expect_none_of(landed: Landed, path: str) -> None:
    landed.rejected[path, None] = Line(b"", frozenset({"unreadable_file"}))
    landed.records[path] = 1


def _judged(landed: Landed, warehouse: Path, progress: Progress) -> Row:
    """Loads, and holds what is in the warehouse against what must be there."""
    row = Row(tried=landed.classes.total())
    told = _load_apart(landed.root, warehouse)
    progress(
        f"the loader held {told['memory']:,} MiB, its children {told['children']:,}"
    )
    row.problems += told["skipped"]
    if max(told["memory"], told["children"]) > MEMORY_MIB:
        row.problems.append(f"{told} is above the cap of {MEMORY_MIB:,} MiB")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ids = connection.execute(f"select event_id from raw.{FEED}").fetchall()
        history = connection.execute(
            "select path, records, loaded + duplicates + rejected from raw.load_history"
        ).fetchall()
        rejects = connection.execute(
            "select path, line_number, reason, text, detail from raw.rejected_records"
        ).fetchall()
    found = Counter(event_id for (event_id,) in ids)
    numbers = {it for it in landed.rows if not isinstance(it, str)}
    wanted = (landed.rows - numbers) | {str(it) for it in numbers}
    missing = [it for it in wanted if not found[it]]
    more = [it for it, count in found.items() if count > 1 or it not in wanted]
    wrong = _wrong_rejects(landed, rejects)
    uneven = [
        it for it in history if it[1] != it[2] or it[1] != landed.records.pop(it[0])
    ]
    row.lost += len(missing) + len(landed.records)
    row.doubled += len(more)
    for told_of in (missing, list(landed.records), more, wrong, uneven):
        row.problems += map(str, told_of[:5])
    if not row.problems:
        row.survived = row.tried
    return row


def _bitten(number: int, seed: int, progress: Progress) -> Row:
    """Files of all feeds with a few bytes changed: nobody knows what is left of them.

    Whatever that is, each record must be loaded, a duplicate or rejected.
    """
    chance, feeds = Random(seed), list(FEEDS)
    with tempfile.TemporaryDirectory() as folder:
        landed = Landed(Path(folder) / "landing")
        for place in range(number):
            feed = feeds[place % len(feeds)]
            content = corpus.bitten(chance, corpus.sound(feed, chance))
            suffix, made = corpus.packed(chance, content)
            landed.write(f"ticket/{place}{suffix}", made, feed)
        warehouse = Path(folder) / "warehouse.duckdb"
        told = _load_apart(landed.root, warehouse)
        row = Row(tried=number, problems=told["skipped"])
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute(BALANCE).fetchall()
            held = {
                feed: connection.execute(f"select count(*) from raw.{feed}").fetchone()
                for feed in feeds
            }
    uneven = [it for it in found if it[1:5:2] != it[2:6:2] or held[it[0]] != (it[6],)]
    progress(f"{number:,} bitten files of {len(feeds)} feeds")
    row.problems += map(str, uneven[:5])
    row.lost += len(uneven) + number - sum(it[5] for it in found)
    row.survived = number if not row.problems else 0
    return row


def _wrong_rejects(landed: Landed, rejects: list[tuple]) -> list[str]:
    """Rejects that are not as they must be, and those that are missing."""
    wanted, wrong = dict(landed.rejected), []
    for path, number, reason, text, detail in rejects:
        line = wanted.pop((path, number), None)
        if line is None:
            wrong.append(f"{path}, line {number}: rejected ({reason}: {detail})")
            continue
        if reason not in line.reasons or not detail:
            wrong.append(f"{path}, line {number}: {reason} ({detail}), {line.reasons}")
        begin = line.content[:2_000]
        if number is not None and not text:
            wrong.append(f"{path}, line {number}: no text")
        elif line.id and line.id.encode() in begin and line.id not in text:
            wrong.append(f"{path}, line {number}: another text: {text[:80]}")
        elif text and len(text.encode()) > KEPT_BYTES:
            wrong.append(f"{path}, line {number}: {len(text):,} letters of text")
    wrong += [f"{path}, line {number}: not rejected" for path, number in wanted]
    return wrong


def _poisoned(seed: int, progress: Progress) -> Row:
    """One poisonous file of each heavy kind in turn among a thousand good ones."""
    chance, total = Random(seed), Row()
    for kind, make in HEAVY.items():
        with tempfile.TemporaryDirectory() as folder:
            landed = Landed(Path(folder) / "landing")
            landed.classes[kind] += 1
            poison = make(chance, "poison")
            for place, line in enumerate(poison, start=1):
                if line.reasons:
                    landed.rejected[f"{FEED}/0500-poison.jsonl", place] = line
                else:
                    landed.rows.add("poison")
            landed.records[f"{FEED}/0500-poison.jsonl"] = len(poison)
            landed.write("0500-poison.jsonl", b"\n".join(it.content for it in poison))
            for number in range(NEIGHBOURS):
                event_id = f"n{number}"
                landed.rows.add(event_id)
                landed.records[f"{FEED}/{number:04d}.jsonl"] = 1
                landed.write(f"{number:04d}.jsonl", corpus.record(event_id))
            total.add(_judged(landed, Path(folder) / "warehouse.duckdb", progress))
    return total


def _load_apart(landing: Path, warehouse: Path) -> dict[str, object]:
    """Loads in a process of its own; what it left, and the MiB that it held at most."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(landing), str(warehouse)],
        cwd=project.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


def main(landing: str, warehouse: str) -> None:
    """The process that loads."""
    report = load_all(Path(landing), Path(warehouse), SETTINGS, "load-1", NOW)
    children = [
        pid
        for listed in Path("/proc/self/task").glob("*/children")
        for pid in listed.read_text().split()
    ]
    told = {
        "skipped": [f"{it.path}: {it.problem}" for it in report.skipped],
        "memory": _held("self"),
        "children": max(map(_held, children), default=0),
    }
    print(json.dumps(told))


def _held(process: str) -> int:
    """The MiB that a process held at most; 0 where there is no /proc to ask.

    What getrusage(2) says of a child begins with what its parent held.
    """
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peaks[0]) // 1024 if peaks else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
