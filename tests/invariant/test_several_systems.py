"""Two agents and two helpdesks in one warehouse: equal ids, and sessions told twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.invariant.fixed_cases import SPANS_FROM, traced_session
from tests.invariant.warehouses import Line, Warehouse
from tests.oracle.campaign import NAME, vocabulary
from tests.oracle.worlds import AS_OF, draw_world

WORLDS = 30
APART = {"customer_id_scope": "source_system"}
FIGURES = """
    select opened_on, intent, tier, channel, agent_name, agent_version, kpi,
        numerator, denominator
    from marts.kpi_daily
"""
CASES = """
    select count(*), count_if(is_handled), count_if(has_human_touch),
        sum(session_count), sum(handling_seconds)
    from marts.fct_cases
"""
ROWS = """
    select (select count(*) from marts.fct_sessions),
        (select count(*) from marts.fct_actions),
        (select count(*) from marts.fct_policy_checks),
        (select count(*) from marts.fct_escalations),
        (select count(*) from marts.fct_survey_responses where case_key is not null),
        (select count(*) from marts.fct_audits where case_key is not null)
"""

Totals = Counter[tuple[Any, ...]]


def company(system: str, seed: int) -> list[Line]:
    """An agent and a helpdesk, whose ids are the same whatever they are called."""
    rng = Random(seed)
    return [
        (feed, json.dumps(told_by(record, system)))
        for number in range(WORLDS)
        for feed, records in draw_world(
            rng, NAME.format(number), vocabulary()
        ).feeds.items()
        for record in records
    ]


def told_by(record: dict[str, Any], system: str) -> dict[str, Any]:
    """The record as the systems of a company state it."""
    names = {
        name: f"{system}-{record.get(name) or 'default'}"
        for name in ("source_system", "ticket_system")
    }
    return {**record, **names}


def traces_of(lines: list[Line]) -> Iterator[Line]:
    """A trace of each session that is logged, by the name of its own system."""
    records = [json.loads(text) for feed, text in lines if feed == "agent_events"]
    named = {
        (str(record["source_system"]), str(record["session_id"]))
        for record in records
        if record.get("session_id")
    }
    for source, session in sorted(named):
        arrival = traced_session(session, SPANS_FROM, 0, source)
        yield arrival.feed, arrival.text


def figures(warehouse: Warehouse) -> tuple[Totals, Totals, list[int]]:
    """Numerators and denominators of each cell, and how many rows there are."""
    numerators: Totals = Counter()
    denominators: Totals = Counter()
    for *cell, numerator, denominator in warehouse.rows(FIGURES):
        numerators[tuple(cell)] += numerator
        denominators[tuple(cell)] += denominator
    (cases,), (rows,) = warehouse.rows(CASES), warehouse.rows(ROWS)
    return numerators, denominators, [*cases, *rows]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Warehouse]:
    """Two companies, each in a warehouse of its own."""
    found = []
    for seed, system in enumerate(("east", "west")):
        warehouse = Warehouse(tmp_path_factory.mktemp(system))
        warehouse.load(company(system, seed))
        warehouse.build(AS_OF, variables=APART)
        found.append(warehouse)
    return found[0], found[1]


def test_figures_of_two_systems_with_equal_ids_are_the_sum_of_both(
    alone: tuple[Warehouse, Warehouse], tmp_path: Path
) -> None:
    """And sessions that are traced beside their logs change none of them."""
    east, west = (figures(one) for one in alone)
    assert east[2] != west[2]
    together = alone[0].copy(tmp_path)
    lines = company("west", 1)
    together.load([*lines, *traces_of(company("east", 0)), *traces_of(lines)])
    together.build(AS_OF, variables=APART)
    assert not together.last_build()["is_full"]

    numerators, denominators, counts = figures(together)

    assert counts == [one + two for one, two in zip(east[2], west[2], strict=True)]
    assert denominators == pytest.approx(east[1] + west[1])
    assert numerators == pytest.approx(east[0] + west[0])
    (told,) = together.rows(
        "select count(*), count_if(feed = 'agent_events') "
        "from intermediate.int_session_feeds_chosen"
    )
    assert told[0] == told[1] == counts[5]
