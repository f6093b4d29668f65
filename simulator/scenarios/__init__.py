"""Scenarios: what happens, and what the KPIs must say about it, by hand.

`EVERYDAY` scenarios make up the bulk of the traffic. `EDGES` each hold one point
of the definitions and come round in turn, so that a small run has all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.plot import Plot

Act = Callable[[Plot], None]


@dataclass(frozen=True)
class Scenario:
    """A story that can be acted out, and what it needs.

    `about` is `action`, `question` or `any`: the intents it can be told of.
    `days` is the longest time that it takes. `near_end` puts it into the last
    hours of the period.
    """

    name: str
    act: Act
    about: str = "action"
    days: float = 1.0
    near_end: bool = False


EVERYDAY: dict[str, Scenario] = {}
EDGES: dict[str, Scenario] = {}


def _register(
    shelf: dict[str, Scenario], about: str, days: float, near_end: bool
) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        name = act.__name__
        if name in EVERYDAY or name in EDGES:
            raise ValueError(f"two scenarios are called {name}")
        shelf[name] = Scenario(name, act, about, days, near_end)
        return act

    return keep


def everyday(*, about: str = "action", days: float = 1.0) -> Callable[[Act], Act]:
    """Register a scenario of the bulk."""
    return _register(EVERYDAY, about, days, False)


def edge(
    *, about: str = "action", days: float = 1.0, near_end: bool = False
) -> Callable[[Act], Act]:
    """Register a scenario that holds one point of the definitions."""
    return _register(EDGES, about, days, near_end)


def add_edge(name: str, act: Act, *, about: str = "action", days: float = 1.0) -> None:
    """Register one of a family of edge scenarios under its own name."""
    act.__name__ = name
    _register(EDGES, about, days, False)(act)


def load() -> None:
    """Import every family, which registers its scenarios."""
    from simulator.scenarios import (  # noqa: F401
        actions,
        bulk,
        checks,
        closures,
        intents,
        judgements,
        links,
        merges,
        people,
        records,
        traffic,
    )
