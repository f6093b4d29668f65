"""What lands: little worlds of traffic, each with a plan by which its records arrive.

Hypothesis draws which world and which plan; the details follow from the number that
it draws. Records are put off, sent again, corrected under a higher version, and moved
to another session, another ticket or 400 days back.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulator.generate import Settings, simulate
from simulator.landing import FEEDS
from tests.oracle.campaign import NAME, vocabulary
from tests.oracle.worlds import AS_OF, draw_world, moment_of, stamp

Record = dict[str, Any]
Feeds = dict[str, list[Record]]
TIMES = ("timestamp", "sent_at", "audited_at")
LONG_AGO = timedelta(days=400)
SIMULATED = re.compile(r"\b(sim-[a-z-]+?-|SIM-)(\d{6})\b")
MOVES = {"agent_events": ("session_id", "ticket_id"), "ticket_events": ("ticket_id",)}

# how the records of a world spread over the steps
PLANS = (
    "at once",
    "by time",
    "last first",
    "scattered",
    "scattered",
    "one late",
    "feeds in turn",
    "feeds in reverse",
)


@dataclass(frozen=True)
class Arrival:
    """One line that lands in one step."""

    step: int
    feed: str
    text: str


@dataclass(frozen=True)
class Case:
    """A world's lines; its ids carry its name, so that no other world is met."""

    name: str
    arrivals: tuple[Arrival, ...]

    def renamed(self, name: str) -> Case:
        """The same case under another name of the same length."""
        arrivals = (
            replace(one, text=one.text.replace(self.name, name))
            for one in self.arrivals
        )
        return Case(name, tuple(arrivals))

    def without(self, positions: set[int]) -> Case:
        """The case without some of its arrivals."""
        left = (a for n, a in enumerate(self.arrivals) if n not in positions)
        return Case(self.name, tuple(left))


@dataclass(frozen=True)
class Drawn:
    """What Hypothesis draws of a case."""

    is_simulated: bool
    plan: str
    repeats: float
    corrections: int
    number: int


def drawn() -> st.SearchStrategy[Drawn]:
    """All cases."""
    return st.builds(
        Drawn,
        is_simulated=st.booleans(),
        plan=st.sampled_from(PLANS),
        repeats=st.sampled_from((0.0, 0.1, 0.5)),
        corrections=st.integers(0, 6),
        number=st.integers(0, 2**32),
    )


def draw_cases(count: int, steps: int) -> list[Case]:
    """Draws cases, the same ones every time."""
    found: list[Drawn] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn())
    def draw(one: Drawn) -> None:
        found.append(one)

    draw()
    return [make(one, NAME.format(n), steps) for n, one in enumerate(found)]


def make(one: Drawn, name: str, steps: int) -> Case:
    """Makes the case that was drawn."""
    rng = Random(one.number)
    feeds = simulated(rng, name) if one.is_simulated else bent(rng, name)
    feeds = own_agents(feeds, name)
    for _ in range(one.corrections):
        correct(feeds, rng)
    if rng.random() < 0.2:
        happened_long_ago(feeds, rng)
    arrivals = list(arrive(feeds, one.plan, steps, rng))
    again = [
        replace(arrival, step=rng.randrange(steps))
        for arrival in arrivals
        if rng.random() < one.repeats
    ]
    arrivals += again
    rng.shuffle(arrivals)
    return Case(name, tuple(arrivals))


# Traffic


def bent(rng: Random, name: str) -> Feeds:
    """A world as the campaign against the reference draws them."""
    return draw_world(rng, name, vocabulary()).feeds


def simulated(rng: Random, name: str) -> Feeds:
    """One story of the simulator, with what landed late, twice or corrected."""
    feeds = rng.choice(simulated_stories())
    renamed = SIMULATED.sub(rf"\g<1>{name}", json.dumps(feeds))
    return json.loads(renamed)


@cache
def simulated_stories() -> list[Feeds]:
    """Every story of some simulated days, feed by feed."""
    stories: dict[str, Feeds] = defaultdict(lambda: {feed: [] for feed in FEEDS})
    with tempfile.TemporaryDirectory() as folder:
        out, truth = Path(folder) / "landing", Path(folder) / "truth"
        simulate(Settings(20, 5, 1, AS_OF.date(), out, truth))
        for feed in FEEDS:
            for path in sorted((out / feed).rglob("*.jsonl.gz")):
                for line in gzip.decompress(path.read_bytes()).decode().splitlines():
                    story = SIMULATED.search(line)
                    stories[story[2]][feed].append(json.loads(line))
    return [stories[number] for number in sorted(stories)]


def own_agents(feeds: Feeds, name: str) -> Feeds:
    """The same feeds with agents of the world's own, by which daily figures tell it."""
    for record in feeds["agent_events"]:
        if "agent_name" in record:
            record["agent_name"] = f"{name}-{record['agent_name']}"
    return feeds


def correct(feeds: Feeds, rng: Random) -> None:
    """Sends a record corrected: to another time, session or ticket, or just again."""
    feed = rng.choice(sorted(MOVES))
    if not feeds[feed]:
        return
    record = dict(rng.choice(feeds[feed]))
    record["version"] = (record.get("version") or 0) + rng.choice((1, 1, 2))
    field = rng.choice((*MOVES[feed], "timestamp", None))
    if field == "timestamp":
        record[field] = rng.choice(feeds[feed])[field]
    elif field is not None:
        values = {other[field] for other in feeds[feed] if field in other}
        if values:
            record[field] = rng.choice(sorted(values))
    feeds[feed].append(record)


def happened_long_ago(feeds: Feeds, rng: Random) -> None:
    """Puts one event 400 days back: nobody sent it until now."""
    feed = rng.choice(sorted(MOVES))
    written = [r for r in feeds[feed] if str(r["timestamp"]).endswith("Z")]
    if written:
        record = rng.choice(written)
        record["timestamp"] = stamp(moment_of(record) - LONG_AGO)


# Plans


def arrive(feeds: Feeds, plan: str, steps: int, rng: Random) -> Iterator[Arrival]:
    """Tells each record when it lands."""
    records = [(feed, record) for feed in FEEDS for record in feeds[feed]]
    records.sort(key=lambda pair: str(time_of(pair[1])))
    late = rng.randrange(len(records)) if records else 0
    step = rng.randrange(steps)
    for number, (feed, record) in enumerate(records):
        share = number * steps // len(records)
        step = {
            "at once": step,
            "by time": share,
            "last first": steps - 1 - share,
            "scattered": rng.randrange(steps),
            "one late": steps - 1 if number == late else 0,
            "feeds in turn": FEEDS.index(feed) % steps,
            "feeds in reverse": (len(FEEDS) - 1 - FEEDS.index(feed)) % steps,
        }[plan]
        yield Arrival(step, feed, json.dumps(record))


def time_of(record: Record) -> datetime | str:
    """When it happened, as the record writes it."""
    return next(record[name] for name in TIMES if name in record)
