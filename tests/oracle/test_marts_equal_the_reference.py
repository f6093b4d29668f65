"""Thousands of made-up worlds through the product, row by row against the rules.

One build carries all worlds, a second one a fifth of them under other settings.
``ACSR_ORACLE_WORLDS`` says how many (1500), ``ACSR_ORACLE_SEED`` which;
``ACSR_ORACLE_SHRINK=1`` spends further builds on the
smallest world that still differs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.oracle.campaign import (
    Difference,
    Marts,
    build,
    campaign_size,
    differences,
    draw_worlds,
    expected_answers,
    figure_differences,
    report,
    run_data_tests,
)
from tests.oracle.records import Settings
from tests.oracle.reference import Answer
from tests.oracle.shrinking import differs_alike, shrink
from tests.oracle.worlds import AS_OF, World

SHOWN = 10
SETTINGS = {
    "as_shipped": Settings(AS_OF),
    "of_another_company": Settings(
        AS_OF,
        default_ticket_system="desk2",
        case_link=timedelta(days=1),
        recontact_window=timedelta(hours=72),
        abandon_after=timedelta(hours=24),
        customer_id_scope="source_system",
        reporting_timezone="Pacific/Auckland",
    ),
}


@dataclass(frozen=True)
class Campaign:
    """Worlds, what the reference says of them, and what the marts say."""

    worlds: list[World]
    answers: dict[str, Answer]
    marts: Marts
    now: Settings
    folder: Path
    differences: list[Difference]


@pytest.fixture(scope="module", params=SETTINGS)
def campaign(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Campaign:
    now = SETTINGS[request.param]
    count, seed = campaign_size()
    worlds = draw_worlds(count if request.param == "as_shipped" else count // 5, seed)
    answers = expected_answers(worlds, now)
    folder = tmp_path_factory.mktemp("worlds")
    marts = build(worlds, folder, now)
    return Campaign(worlds, answers, marts, now, folder, differences(answers, marts))


@pytest.mark.parametrize("table", ["fct_sessions", "fct_cases", "fct_escalations"])
def test_every_row_is_the_one_that_the_rules_give(
    campaign: Campaign, table: str, tmp_path: Path
) -> None:
    found = [one for one in campaign.differences if one.table == table]
    if found and os.environ.get("ACSR_ORACLE_SHRINK"):
        pytest.fail(shrunk(campaign, found, tmp_path))
    assert not found, report(campaign.worlds, found)


def shrunk(campaign: Campaign, found: list[Difference], folder: Path) -> str:
    """Report the smallest world that differs as the smallest of these does."""
    sizes = {world.name: world for world in campaign.worlds}
    like = min(found, key=lambda one: (sizes[one.world].size, one.world))
    now = campaign.now
    world = shrink(sizes[like.world], differs_alike(like, folder, now))
    marts = build([world], folder / "shrunk", now)
    return report([world], differences(expected_answers([world], now), marts))


def test_every_daily_figure_is_the_one_that_the_rules_give(campaign: Campaign) -> None:
    found = figure_differences(campaign.answers, campaign.marts)
    told = [
        f"{cell}: expected {one}, the mart says {two}; worlds {', '.join(worlds[:3])}"
        for cell, one, two, worlds in found[:SHOWN]
    ]
    assert not found, "\n".join([f"{len(found)} cells differ:", *told])


def test_the_products_own_tests_hold_of_every_world(campaign: Campaign) -> None:
    run_data_tests(campaign.folder, campaign.now)


def test_the_worlds_reach_every_verdict(campaign: Campaign) -> None:
    """A campaign that never meets a rule would prove nothing about it."""
    cases = [row for found in campaign.answers.values() for row in found.cases.values()]
    met = {
        name: {row[name] for row in cases}
        for name in ("outcome", "first_blocker", "resolution_kind", "is_durable")
    }
    assert met == {
        "outcome": {
            "resolved_autonomously",
            "resolved_by_human",
            "escalated",
            "closed_unproven",
            "dropped_off",
            "abandoned",
            "in_progress",
        },
        "first_blocker": {"human", "intent", "policy", "action", "closure", None},
        "resolution_kind": {"action", "informational", "unproven", None},
        "is_durable": {True, False, None},
    }
    sessions = [
        s for found in campaign.answers.values() for s in found.sessions.values()
    ]
    assert {row["link_rule"] for row in sessions} == {
        "ticket",
        "continued",
        "same_customer_and_intent",
        None,
    }
