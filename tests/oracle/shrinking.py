"""Find the smallest world that the marts still tell differently.

One build judges hundreds of candidates at once: every record taken away alone, and
random halves and quarters taken away together.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.oracle.campaign import (
    NAME,
    Difference,
    build,
    differences,
    expected_answers,
)
from tests.oracle.records import Settings
from tests.oracle.worlds import World

Judge = Callable[[list[World]], set[str]]
CANDIDATES = 300
ROUNDS = 20


def shrink(world: World, judge: Judge) -> World:
    """Take records away for as long as the world still differs."""
    rng = Random(world.name)
    for _ in range(ROUNDS):
        candidates = [
            smaller.renamed(NAME.format(number))
            for number, smaller in enumerate(smaller_worlds(world, rng))
        ]
        differing = judge(candidates)
        left = [candidate for candidate in candidates if candidate.name in differing]
        if not left:
            break
        world = min(left, key=lambda candidate: candidate.size)
    return world


def smaller_worlds(world: World, rng: Random) -> list[World]:
    """Propose every world with one record less, and some with many less."""
    places = [(f, n) for f, records in world.feeds.items() for n in range(len(records))]
    proposals = [{place} for place in places]
    while len(proposals) < CANDIDATES:
        share = rng.choice((0.1, 0.25, 0.5, 0.75, 0.9))
        proposals.append({place for place in places if rng.random() < share})
    return [taken_away(world, proposal) for proposal in proposals]


def taken_away(world: World, places: set[tuple[str, int]]) -> World:
    """Copy a world without the records at some places."""
    feeds = {
        feed: [r for n, r in enumerate(records) if (feed, n) not in places]
        for feed, records in world.feeds.items()
    }
    return World(world.name, feeds)


def differs_alike(like: Difference, folder: Path, now: Settings) -> Judge:
    """Judge by a build whether worlds differ in a column as one did."""
    builds = iter(range(1000))

    def judge(worlds: list[World]) -> set[str]:
        marts = build(worlds, folder / str(next(builds)), now)
        found = differences(expected_answers(worlds, now), marts)
        return {
            difference.world
            for difference in found
            if difference.table == like.table
            and set(difference.columns) & set(like.columns)
        }

    return judge
