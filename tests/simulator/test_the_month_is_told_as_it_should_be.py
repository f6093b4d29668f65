"""The simulated month holds every scenario, and looks like support traffic."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date

import pytest

from orchestration import project
from simulator.scenarios import EDGES, EVERYDAY, load
from simulator.truth import LEGS
from simulator.vocabulary import INTENTS, NEW_VERSION, OLD_VERSION, WORSENED_INTENT
from tests.simulator.comparing import Month, Row
from tests.simulator.conftest import simulate_into


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """A month large enough for shares to be what they are meant to be."""
    return simulate_into(tmp_path_factory.mktemp("busy"), cases_per_day=300)


def handled(month: Month) -> list[Row]:
    """The cases that the agent's rates are about."""
    rows = month.rows("cases")
    return [row for row in rows if row["is_eligible"] and row["is_handled"]]


def ordinary(month: Month) -> list[Row]:
    """Of those, what happens on ordinary days: edge scenarios end as they must."""
    load()
    return [row for row in handled(month) if row["scenario"] in EVERYDAY]


def share(rows: list[Row], column: str) -> float:
    """The share of rows in which a flag is true."""
    return sum(row[column] is True for row in rows) / len(rows)


def test_every_scenario_is_told(month: Month) -> None:
    load()
    told = month.manifest["scenarios"]
    assert month.manifest["scenarios_left_out"] == []
    assert set(told) >= set(EDGES)
    assert set(told) >= {name for name in EVERYDAY if name != "automation_only_ticket"}
    assert all(told[name] >= 1 for name in EDGES)


def test_every_value_that_a_rule_can_give_is_there(month: Month) -> None:
    rows = month.rows("cases")
    values = {
        "outcome": 7,
        "first_blocker": 6,
        "resolution_kind": 4,
        "is_durable": 3,
        "is_resolved_autonomously": 3,
        **{leg: {"intent_leg": 3, "action_leg": 3}.get(leg, 3) for leg in LEGS},
    }
    found = {name: len({row[name] for row in rows}) for name in values}
    assert found == values
    assert {row["source"] for row in month.rows("escalations")} == {
        "escalated",
        "resolution_attempt",
        "session_ended",
        "human_touch",
    }
    assert {row["link_rule"] for row in month.rows("sessions")} == {
        None,
        "ticket",
        "continued",
        "same_customer_and_intent",
    }


def test_every_reason_is_given(month: Month) -> None:
    assert len({row["reason_code"] for row in month.rows("escalations")}) == 15


def test_every_intent_is_asked(month: Month) -> None:
    asked = {row["intent"] for row in month.rows("cases")}
    assert asked >= {intent.code for intent in INTENTS}


def test_the_release_makes_one_intent_worse(busy: Month) -> None:
    rows = [row for row in ordinary(busy) if row["intent"] == WORSENED_INTENT]
    old, new = (
        share(
            [row for row in rows if row["agent_version"] == version],
            "is_resolved_autonomously",
        )
        for version in (OLD_VERSION, NEW_VERSION)
    )
    assert new < old - 0.1


def test_the_release_comes_in_the_middle(month: Month) -> None:
    days = {
        version: [
            row["opened_on"]
            for row in handled(month)
            if row["agent_version"] == version
        ]
        for version in (OLD_VERSION, NEW_VERSION)
    }
    assert max(days[OLD_VERSION]) < month.manifest["release_at"][:10]
    assert min(days[NEW_VERSION]) >= month.manifest["release_at"][:10]


def test_a_question_is_never_an_autonomous_resolution(month: Month) -> None:
    questions = {intent.code for intent in INTENTS if not intent.requires_action}
    rows = [row for row in handled(month) if row["intent"] in questions]
    assert share(rows, "is_resolved_autonomously") == 0
    assert any(row["resolution_kind"] == "informational" for row in rows)


def test_most_cases_that_need_an_action_are_resolved(busy: Month) -> None:
    actions = {intent.code for intent in INTENTS if intent.requires_action}
    rows = [row for row in ordinary(busy) if row["intent"] in actions]
    assert 0.5 < share(rows, "is_resolved_autonomously") < 0.85
    worst = [row for row in rows if row["intent"] == "mobile_data_issue"]
    assert share(worst, "is_resolved_autonomously") < 0.5


def test_nights_and_weekends_are_quiet(busy: Month) -> None:
    opened = [row["opened_at"] for row in busy.rows("cases")]
    hours = Counter(int(at[11:13]) for at in opened)
    assert sum(hours[hour] for hour in range(6)) < 0.15 * len(opened)
    days = Counter(date.fromisoformat(at[:10]).weekday() >= 5 for at in opened)
    weekend_days = sum(
        date.fromisoformat(day).weekday() >= 5 for day in {at[:10] for at in opened}
    )
    workdays = len({at[:10] for at in opened}) - weekend_days
    assert days[True] / weekend_days < 0.8 * days[False] / workdays


def test_the_truth_is_of_a_whole(month: Month) -> None:
    """Outcomes add up, and no rate has more hits than cases."""
    rows = month.rows("cases")
    assert len({(row["case_id"], row["opened_at"]) for row in rows}) == len(rows)
    for row in rows:
        legs = [row[leg] for leg in LEGS]
        passed = legs == ["pass"] * 4 and not row["has_human_touch"]
        assert (row["is_resolved_autonomously"] is True) == passed, row
        assert (row["first_blocker"] is None) == passed, row
        if row["is_involved"]:
            has_row = row["primary_escalation_reason"] is not None
            assert has_row == row["has_human_touch"], row
    for total in month.rows("kpi_totals"):
        unbound = total["kpi"].startswith(("aht_", "cost_", "ces_mean", "tokens_"))
        assert unbound or total["numerator"] <= total["denominator"], total


def test_every_kpi_of_the_table_has_a_total(month: Month) -> None:
    totals = {row["kpi"] for row in month.rows("kpi_totals")}
    catalog = (project.ROOT / "seeds" / "kpi_catalog.csv").read_text("utf-8")
    assert totals == {row["kpi"] for row in csv.DictReader(catalog.splitlines())}
    cells = Counter[str]()
    for row in month.rows("kpi_cells"):
        cells[row["kpi"]] += row["denominator"]
    for total in month.rows("kpi_totals"):
        assert abs(cells[total["kpi"]] - total["denominator"]) < 1e-6, total
