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

WORLDS = 20
FIGURES = """
    select opened_on, intent, tier, channel, agent_name, agent_version, kpi,
        numerator, denominator
    from marts.kpi_daily
"""
COUNTS = """
    select
        (select count(*) from marts.fct_sessions),
        (select count(*) from marts.fct_cases where is_handled),
        (select count(*) from marts.fct_cases where has_human_touch),
        (select count(*) from marts.fct_actions),
        (select count(*) from marts.fct_policy_checks),
        (select count(*) from marts.fct_escalations),
        (select count(*) from marts.fct_survey_responses where case_key is not null),
        (select count(*) from marts.fct_audits where case_key is not null)
"""

Figures = dict[str, Counter[tuple[Any, ...]]]


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
    """The record as the systems of a company state it; people are different ones."""
    names = {
        name: f"{system}-{record.get(name) or 'default'}"
        for name in ("source_system", "ticket_system")
    }
    if record.get("customer_id"):
        names["customer_id"] = f"{system}-{record['customer_id']}"
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


def figures(*warehouses: Warehouse) -> tuple[Figures, list[int]]:
    """Numerators and denominators of each cell, and how many rows there are, summed."""
    found: Figures = {"numerator": Counter(), "denominator": Counter()}
    counts = []
    for warehouse in warehouses:
        for *cell, numerator, denominator in warehouse.rows(FIGURES):
            found["numerator"][tuple(cell)] += numerator
            found["denominator"][tuple(cell)] += denominator
        counts += warehouse.rows(COUNTS)
    return found, [sum(some) for some in zip(*counts, strict=True)]


def test_figures_of_two_systems_with_equal_ids_are_the_sum_of_both(
    tmp_path: Path,
) -> None:
    """And sessions that are traced beside their logs, before or after, change none."""
    east, west = company("east", 0), company("west", 1)
    alone = [Warehouse(tmp_path / name) for name in ("east", "west")]
    alone[0].load(east)
    alone[1].load([*west, *traces_of(west)])
    for warehouse in alone:
        warehouse.build(AS_OF)
    apart, counts = figures(*alone)
    together = alone[0].copy(tmp_path / "together")
    together.load([*west, *traces_of(east)])
    together.build(AS_OF)
    assert not together.last_build()["is_full"]

    found, found_counts = figures(together)

    assert min(found_counts) > 0
    assert found_counts == counts
    for side, cells in apart.items():
        assert dict(found[side]) == pytest.approx(dict(cells))
    sessions = [
        warehouse.rows(
            "select count(*), count_if(feed = 'agent_events') "
            "from intermediate.int_session_feeds_chosen"
        )
        for warehouse in (alone[1], together)
    ]
    in_west = alone[1].rows("select count(*) from marts.fct_sessions")[0][0]
    assert sessions == [[(in_west,) * 2], [(counts[0] - in_west,) * 2]]
