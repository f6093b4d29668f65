"""Sequences of loads and builds, and the smallest one that still goes wrong.

A build takes seconds, whatever it holds. So many cases, which cannot meet, go through
one sequence together, and so do all the candidates of a round of shrinking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as List
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from random import Random

from tests.invariant.cases import Case
from tests.invariant.warehouses import (
    NO_TESTS,
    NO_UNIT_TESTS,
    Line,
    Warehouse,
    differing_rows,
)
from tests.oracle.campaign import NAME
from tests.oracle.worlds import AS_OF

WORLD = re.compile(r"w\d{5}")
CANDIDATES = 150
ROUNDS = 12
SHOWN = 12

# "now" of each build: what is abandoned or mature by then comes and goes
MOMENTS = (
    AS_OF,
    AS_OF - timedelta(days=8),
    AS_OF + timedelta(days=3),
    AS_OF - timedelta(days=1),
    AS_OF + timedelta(days=30),
    AS_OF - timedelta(days=20),
    AS_OF + timedelta(days=500),
)

# where a build stops: this model and all that follow from it are not built
CUTS = (
    "fct_cases",
    "int_links_kept",
    "int_cases_measured",
    "fct_sessions",
    "int_days_touched",
    "stg_ticket_events__events",
    "kpi_daily",
    "int_hours_touched",
    "int_sessions_linked",
    "agent_health_hourly",
    "fct_escalations",
)


@dataclass(frozen=True)
class Step:
    """One load and one build, which is cut short before the model `cut`."""

    as_of: datetime
    cut: str | None = None


@dataclass(frozen=True)
class Sequence:
    """Steps, and the cases whose lines land in them."""

    steps: tuple[Step, ...]
    cases: tuple[Case, ...]

    def landing_in(self, step: int) -> list[Line]:
        """The lines of a step, out of order."""
        lines = [
            (one.feed, one.text)
            for case in self.cases
            for one in case.arrivals
            if one.step == step
        ]
        Random(step).shuffle(lines)
        return lines

    @property
    def every_line(self) -> list[Line]:
        """Each line once, in an order that has nothing to do with the steps."""
        arrivals = (one for case in self.cases for one in case.arrivals)
        return sorted({(one.feed, one.text) for one in arrivals})

    def only(self, cases: List[Case]) -> Sequence:
        """The same steps for other cases."""
        return replace(self, cases=tuple(cases))

    def without_step(self, number: int) -> Sequence:
        """One step less: what landed in it lands in the next."""
        steps = self.steps[:number] + self.steps[number + 1 :]
        moved = [
            replace(
                case,
                arrivals=tuple(
                    replace(one, step=one.step - (one.step > number))
                    for one in case.arrivals
                ),
            )
            for case in self.cases
        ]
        return Sequence(steps, tuple(moved))


def draw_steps(rng: Random, count: int) -> tuple[Step, ...]:
    """Draws steps; some are cut short, but neither the first nor the last.

    What follows the first is built as a batch: where nothing is complete, all is new.
    """
    moments = [rng.choice(MOMENTS) for _ in range(count)]
    cuts = [rng.choice((None, rng.choice(CUTS))) for _ in range(count - 1)]
    cuts[:1] = [None] * bool(cuts)
    return tuple(Step(*pair) for pair in zip(moments, [*cuts, None], strict=True))


@dataclass
class Trial:
    """A sequence that was run, beside one load and one build of the same lines."""

    sequence: Sequence
    stepwise: Warehouse
    at_once: Warehouse
    found: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def worlds(self) -> set[str]:
        """The worlds that are named in rows that differ."""
        texts = (text for rows in self.found.values() for _, text in rows)
        return {name for text in texts for name in WORLD.findall(text)}


def run(sequence: Sequence, folder: Path, *, with_tests: bool = False) -> Trial:
    """Takes a sequence step by step, and all its lines at once in a new warehouse."""
    one = stepwise(sequence, folder / "stepwise", with_tests=with_tests)
    two = at_once(sequence, folder / "at_once")
    trial = Trial(sequence, one, two)
    if one.fingerprint() != two.fingerprint():
        trial.found = differing_rows(one, two)
    return trial


def stepwise(
    sequence: Sequence,
    folder: Path,
    warehouse: Warehouse | None = None,
    first: int = 0,
    *,
    with_tests: bool = False,
) -> Warehouse:
    """Takes a sequence step by step; a warehouse that took some begins at `first`."""
    warehouse = warehouse or Warehouse(folder)
    last = len(sequence.steps) - 1
    for number, step in enumerate(sequence.steps[first:], start=first):
        warehouse.load(sequence.landing_in(number))
        cut = () if step.cut is None else ("--exclude", f"{step.cut}+")
        kinds = NO_UNIT_TESTS if with_tests and number == last else NO_TESTS
        warehouse.build(step.as_of, *cut, kinds=kinds)
    return warehouse


def at_once(sequence: Sequence, folder: Path) -> Warehouse:
    """Loads and builds all lines of a sequence at once, each of them once."""
    warehouse = Warehouse(folder)
    warehouse.load(sequence.every_line, files=1)
    warehouse.build(sequence.steps[-1].as_of)
    return warehouse


# Shrinking


def shrink(trial: Trial, folder: Path) -> Trial:
    """The smallest trial that still differs: one case, few lines, few steps."""
    smallest = shrink_steps(shrink_lines(one_case(trial, folder), folder), folder)
    return smallest if smallest.found else trial


def one_case(trial: Trial, folder: Path) -> Trial:
    """The smallest case that differs alone; figures that name none are halved."""
    named = [case for case in trial.sequence.cases if case.name in trial.worlds]
    for case in sorted(named, key=lambda case: len(case.arrivals))[:3]:
        alone = run(trial.sequence.only([case]), folder / f"alone-{case.name}")
        if alone.found:
            return alone
    while len(cases := trial.sequence.cases) > 1:
        halves = cases[: len(cases) // 2], cases[len(cases) // 2 :]
        for number, half in enumerate(halves):
            place = folder / f"half-{len(cases)}-{number}"
            tried = run(trial.sequence.only(half), place)
            if tried.found:
                trial = tried
                break
        else:
            break
    return trial


def shrink_lines(trial: Trial, folder: Path) -> Trial:
    """Takes lines away for as long as the rest still differs."""
    if len(trial.sequence.cases) > 1:
        return trial
    (smallest,) = trial.sequence.cases
    for number in range(ROUNDS):
        candidates = [
            smaller.renamed(NAME.format(place))
            for place, smaller in enumerate(smaller_cases(smallest))
        ]
        tried = run(trial.sequence.only(candidates), folder / f"round-{number}")
        differing = [c for c in candidates if c.name in tried.worlds]
        if not differing:
            break
        smallest = min(differing, key=lambda case: len(case.arrivals))
    alone = run(trial.sequence.only([smallest]), folder / "smallest")
    return alone if alone.found else trial


def smaller_cases(case: Case) -> list[Case]:
    """Every case with one line or two less, and some with many less."""
    rng = Random(len(case.arrivals))
    every = range(len(case.arrivals))
    proposals = {frozenset(some) for n in (1, 2) for some in combinations(every, n)}
    proposals = set(sorted(proposals, key=sorted)[:CANDIDATES])
    for _ in range(CANDIDATES):
        share = rng.choice((0.1, 0.25, 0.5, 0.75, 0.9))
        proposals.add(frozenset(n for n in every if rng.random() < share))
    return [case.without(some) for some in sorted(proposals, key=sorted) if some]


def shrink_steps(trial: Trial, folder: Path) -> Trial:
    """Leaves steps out, and builds whole what was cut short, where it still differs."""
    number = 0
    while number < len(trial.sequence.steps) - 1:
        tried = run(
            trial.sequence.without_step(number),
            folder / f"less-{len(trial.sequence.steps)}-{number}",
        )
        if tried.found:
            trial = tried
        else:
            number += 1
    for number, step in enumerate(trial.sequence.steps):
        if step.cut is not None:
            steps = list(trial.sequence.steps)
            steps[number] = replace(step, cut=None)
            whole = replace(trial.sequence, steps=tuple(steps))
            tried = run(whole, folder / f"whole-{number}")
            trial = tried if tried.found else trial
    return trial


def report(trial: Trial) -> str:
    """Tells a sequence step by step, and the rows that come out otherwise."""
    told = []
    for number, step in enumerate(trial.sequence.steps):
        cut = f", stopped before {step.cut}" if step.cut else ""
        told.append(f"Step {number + 1}, as of {step.as_of}{cut}:")
        lines = trial.sequence.landing_in(number)
        told += [f"  {feed}: {text}" for feed, text in lines[:SHOWN]]
        told += [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    for table, rows in trial.found.items():
        told.append(f"{table}: {len(rows)} rows differ")
        for whose, text in rows[:4]:
            told.append(f"  {'stepwise' if whose == 'one' else 'at once '}: {text}")
    return "\n".join(told)
