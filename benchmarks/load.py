"""The load: a simulated day, multiplied by giving every plot many names.

The simulator acts out two days of traffic with one case in every many of those wanted.
Its lines are taken in the order of their arrival and cut into files with equally many
agent events; the other feeds are cut at the same moments. Each line is then written
once for every copy, with another number in every id, so that copies share no session,
ticket, customer or event.

What is not as in life: copies of a line carry the same times, figures and texts, and
differ by their ids alone; a file holds a fixed number of events and not a fixed quarter
of an hour; the wrong tickets and customers of corrected records, two names in the
simulator, are named by their plot, or thousands of sessions would meet on them; and of
two records that only the hash of their lines puts in order, the one that loses is left
out, since another id makes another hash.
"""

from __future__ import annotations

import bisect
import json
import math
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from simulator.generate import Settings, plots
from simulator.landing import FEEDS, LOADED, copies
from simulator.plot import Plot
from simulator.scenarios import load as load_scenarios

MAIN = "agent_events"
FILES_A_DAY = 96
MOST_COPIES = 50
FIRST_COPY = 100  # copies are three digits, so that an integer id stays one
UNTIL = date(2026, 3, 4)  # two days before it are acted out, the first is used
SEED = 7

# What the simulator makes of a case, used to choose how many to act out.
EVENTS_PER_CASE = 10.5
# Lines of one copy that stand together in a file before the next copy's follow.
TOGETHER = 40

MARK = b"\x01"
SALT = b'"sim_salt":'
SUM_FILE = "load.json"

Progress = Callable[[str], None]
Line = tuple[int, bytes]


class LoadError(Exception):
    """The load cannot be made as asked."""


@dataclass(frozen=True)
class Plan:
    """How many files, lines and copies make up a load.

    Attributes:
        events: agent events of a day, which is `FILES_A_DAY` files.
        files: number of files of each feed.
    """

    events: int
    files: int

    @property
    def copies(self) -> int:
        """How often each simulated line is written."""
        return min(MOST_COPIES, max(1, round(self.events / 20_000)))

    @property
    def lines_per_file(self) -> int:
        """Simulated agent events in a file."""
        return max(1, round(self.events / FILES_A_DAY / self.copies))

    @property
    def events_per_file(self) -> int:
        """Agent events in a file."""
        return self.lines_per_file * self.copies

    @property
    def cases_per_day(self) -> int:
        """Cases to act out, so that the files hold about as many hours as they say."""
        return math.ceil(FILES_A_DAY * self.lines_per_file / EVENTS_PER_CASE)


@dataclass(frozen=True)
class Load:
    """A load on disk.

    Attributes:
        folder: holds `<feed>/<file>.jsonl`, files numbered in the order of arrival.
        arrivals: the moment of the last arrival in each file, UTC.
        records: lines of each feed, by file.
    """

    folder: Path
    plan: Plan
    arrivals: list[datetime]
    records: dict[str, list[int]]

    def count(self, feed: str, first: int, last: int) -> int:
        """Lines of a feed in files `first` to `last - 1`."""
        return sum(self.records[feed][first:last])

    def bytes(self, first: int, last: int) -> int:
        """Bytes of files `first` to `last - 1`."""
        return sum(path.stat().st_size for _, path in self.paths(first, last))

    def paths(self, first: int, last: int) -> Iterator[tuple[str, Path]]:
        """Feed and path of every file `first` to `last - 1` that holds a line."""
        for feed in FEEDS:
            for number in range(first, last):
                path = self.folder / feed / file_name(number)
                if path.exists():
                    yield feed, path

    def land(self, root: Path, first: int, last: int) -> None:
        """Lets files `first` to `last - 1` arrive in a landing root, as hard links."""
        for feed, path in self.paths(first, last):
            target = root / feed / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)


def file_name(number: int) -> str:
    """The name of a file by its place in the order of arrival, from 0."""
    return f"{number:04d}.jsonl"


def make(folder: Path, plan: Plan, progress: Progress) -> Load:
    """Writes the load, or finds it as an earlier run of the same plan left it."""
    found = _read(folder, plan)
    if found is not None:
        progress(f"the load of an earlier run is in {folder}")
        return found
    shutil.rmtree(folder, ignore_errors=True)
    lines = _simulate(plan, progress)
    cuts = _cuts(lines[MAIN], plan)
    counts = {}
    for feed in FEEDS:
        counts[feed] = _write_feed(folder / feed, lines[feed], cuts, plan, progress)
    load = Load(folder, plan, [_moment(at) for at in cuts], counts)
    _save(load)
    return load


def _simulate(plan: Plan, progress: Progress) -> dict[str, list[Line]]:
    """Every line of the simulated days with its arrival, in the order of arrival."""
    load_scenarios()
    settings = Settings(2, plan.cases_per_day, SEED, UNTIL, Path(), Path())
    until = settings.period.until
    lines: dict[str, list[Line]] = defaultdict(list)
    cases = 0
    for _, plot in plots(settings):
        cases += len(plot.cases)
        for record in plot.records:
            for arrives_at, text, fate in copies(record, plot, until):
                if SALT in text and fate == LOADED:
                    continue
                lines[record.feed].append((arrives_at, marked(text, plot)))
    for feed in FEEDS:
        lines[feed].sort(key=lambda line: line[0])
    progress(f"acted out {cases:,} cases, {len(lines[MAIN]):,} agent events")
    return lines


def marked(text: bytes, plot: Plot) -> bytes:
    """A line with a mark in every id, where the number of the copy goes."""
    tag = plot.tag.encode()
    name = MARK + tag
    text = re.sub(rb"(?<=-)%b(?![0-9])" % tag, name, text)
    text = text.replace(b"SIM-WRONG", b"SIM-WRONG-" + name)
    text = text.replace(b"sim-customer-wrong", b"sim-customer-wrong-" + name)
    whole = b"9%06d" % plot.number  # ids that are integers
    return re.sub(rb"(?<![0-9])%b(?=[0-9]{0,3}[,\"])" % whole, MARK + whole, text)


def _cuts(lines: list[Line], plan: Plan) -> list[int]:
    """The arrival of the last line of each file, in milliseconds since 1970."""
    wanted = plan.files * plan.lines_per_file
    if len(lines) < wanted:
        raise LoadError(
            f"the simulator made {len(lines):,} agent events, {wanted:,} are needed: "
            "EVENTS_PER_CASE in benchmarks/load.py no longer fits it"
        )
    ends = range(plan.lines_per_file, wanted + 1, plan.lines_per_file)
    return [lines[end - 1][0] for end in ends]


def _write_feed(
    folder: Path, lines: list[Line], cuts: list[int], plan: Plan, progress: Progress
) -> list[int]:
    """Writes a feed's files; how many lines each has."""
    folder.mkdir(parents=True)
    if folder.name == MAIN:
        ends = [(n + 1) * plan.lines_per_file for n in range(len(cuts))]
    else:
        arrivals = [line[0] for line in lines]
        ends = [bisect.bisect_right(arrivals, cut) for cut in cuts]
    counts, begin = [], 0
    for number, end in enumerate(ends):
        if end > begin:
            _write_file(folder / file_name(number), lines[begin:end], plan.copies)
        counts.append((end - begin) * plan.copies)
        begin = end
    progress(f"{folder.name}: {sum(counts):,} records in {len(cuts):,} files")
    return counts


def _write_file(path: Path, lines: list[Line], copies_wanted: int) -> None:
    names = [b"%d" % (FIRST_COPY + copy) for copy in range(copies_wanted)]
    with path.open("wb") as file:
        for begin in range(0, len(lines), TOGETHER):
            block = b"".join(
                text + b"\n" for _, text in lines[begin : begin + TOGETHER]
            )
            for name in names:
                file.write(block.replace(MARK, name))


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _save(load: Load) -> None:
    text = json.dumps(
        {
            "events": load.plan.events,
            "files": load.plan.files,
            "copies": load.plan.copies,
            "arrivals": [moment.isoformat() for moment in load.arrivals],
            "records": load.records,
        }
    )
    (load.folder / SUM_FILE).write_text(text, encoding="utf-8")


def _read(folder: Path, plan: Plan) -> Load | None:
    path = folder / SUM_FILE
    if not path.exists():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    if (said["events"], said["files"], said["copies"]) != (
        plan.events,
        plan.files,
        plan.copies,
    ):
        return None
    arrivals = [datetime.fromisoformat(text) for text in said["arrivals"]]
    return Load(folder, plan, arrivals, said["records"])
