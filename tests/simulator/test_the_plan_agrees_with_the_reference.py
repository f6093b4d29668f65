"""The scenarios' hand-written results against the rules in plain Python.

Two readings of the same definitions: the reference computes from a plot's
records, the scenario says beforehand. Where they differ, one of them is wrong
before any SQL is. Plots never meet each other, so each is a world of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.clock import DAY, SECOND, midnight, zulu
from simulator.generate import Settings as Simulation
from simulator.generate import plots
from simulator.landing import FEEDS
from simulator.plot import CasePlan, Plot
from simulator.scenarios import load
from simulator.truth import (
    KpiTotals,
    case_row,
    escalation_row,
    session_row,
)
from simulator.vocabulary import INTENTS, QUESTION_INTENTS, REASON_ALIASES, REASONS
from tests.oracle.records import Seeds, Settings
from tests.oracle.reference import Answer, answer
from tests.simulator.comparing import Row, differences, multiset_differences
from tests.simulator.conftest import UNTIL

READS = ("get_*", "find_*", "search_*", "list_*", "check_*", "calculate*", "transfer_*")
WRITES = (
    *("cancel_*", "return_*", "exchange_*", "modify_*", "update_*", "book_*"),
    *("refund_*", "enable_*", "disable_*", "resume_*", "toggle_*"),
    *("make_payment", "send_certificate"),
)
# The simulator's own vocabulary, so that the test stands without the seeds.
SEEDS = Seeds(
    intents_without_action=frozenset(intent.code for intent in QUESTION_INTENTS),
    intent_tiers={intent.code: intent.tier for intent in INTENTS},
    intent_aliases={
        "where_is_my_order": "order_status",
        **{intent.alias: intent.code for intent in INTENTS if intent.alias},
    },
    action_patterns={
        **dict.fromkeys(READS, False),
        **dict.fromkeys(WRITES, True),
    },
    reasons=frozenset(REASONS),
    reason_aliases=REASON_ALIASES,
)
AS_OF = midnight(UNTIL)
TIME_FIELDS = ("timestamp", "sent_at", "responded_at", "audited_at")


def in_utc(value: object) -> object:
    """A time as the reference reads it: epoch numbers are spelled out."""
    if not isinstance(value, int):
        return value
    for unit in (1, SECOND, SECOND * 1_000_000):
        at = value * SECOND // unit
        if at < AS_OF + DAY:
            return zulu(at)
    raise ValueError(f"no epoch time: {value}")


def feeds_of(plot: Plot) -> dict[str, list[Row]]:
    """The records of a plot as they stand after all corrections."""
    feeds: dict[str, list[Row]] = {feed: [] for feed in FEEDS}
    for record in plot.records:
        body = {
            name: in_utc(value) if name in TIME_FIELDS else value
            for name, value in record.body.items()
        }
        feeds[record.feed].append(body)
    return feeds


def spelled(row: Row) -> Row:
    """A row of the reference with times and customers named as the truth does."""
    renamed = {"customer_id" if k == "customer" else k: v for k, v in row.items()}
    return {
        name: zulu(int(value.replace(tzinfo=UTC).timestamp() * SECOND))
        if isinstance(value, datetime)
        else str(value)
        if name == "opened_on"
        else value
        for name, value in renamed.items()
    }


def case_differences(cases: list[CasePlan], found: Answer) -> list[str]:
    """Cases, row by row."""
    planned = [case_row(case, AS_OF) for case in cases]
    got = [spelled(row) for row in found.cases.values()]
    return differences(planned, got, ("case_id", "opened_at"))


def session_differences(cases: list[CasePlan], found: Answer) -> list[str]:
    """Sessions, row by row."""
    planned = [session_row(item, "") for case in cases for item in case.sessions]
    got = [
        {
            **spelled({k: v for k, v in row.items() if k != "root"}),
            "case_id": "",
            "source_system": source,
            "session_id": session_id,
        }
        for (source, session_id), row in found.sessions.items()
    ]
    return differences(planned, got, ("source_system", "session_id"))


def escalation_differences(cases: list[CasePlan], found: Answer) -> list[str]:
    """Escalations, row by row; who began one is told by `escalated` alone."""
    planned = [
        escalation_row(row, case, "") for case in cases for row in case.escalations
    ]
    got = [spelled(row) for row in found.escalations]
    for row in planned:
        del row["case_id"], row["is_eligible"]
    for row in got:
        session = row.pop("session")
        del row["case"]
        row["session_id"] = session and session[1]
        if row["source"] != "escalated":
            row["initiated_by"] = None
    return multiset_differences(planned, got)


def figure_differences(cases: list[CasePlan], found: Answer) -> list[str]:
    """The daily figures, cell by cell."""
    sums = KpiTotals()
    for case in cases:
        sums.add(case, case_row(case, AS_OF))
    names = ("intent", "tier", "channel", "agent_name", "agent_version", "kpi")
    got = [
        {
            "opened_on": str(opened_on),
            **dict(zip(names, rest, strict=True)),
            "numerator": float(numerator),
            "denominator": float(denominator),
        }
        for (opened_on, *rest), (numerator, denominator) in found.figures.items()
    ]
    planned = [
        {
            **row,
            "numerator": float(row["numerator"]),
            "denominator": float(row["denominator"]),
        }
        for row in sums.cell_rows()
    ]
    return differences(planned, got, ("opened_on", *names))


PARTS = {
    "cases": case_differences,
    "sessions": session_differences,
    "escalations": escalation_differences,
    "figures": figure_differences,
}


@pytest.fixture(scope="module")
def acted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Plot, Answer]]:
    load()
    nowhere: Path = tmp_path_factory.mktemp("nowhere")
    simulation = Simulation(30, 30, 5, UNTIL, nowhere / "a", nowhere / "b")
    now = Settings(datetime(UNTIL.year, UNTIL.month, UNTIL.day))
    return [
        (scenario.name, plot, answer(feeds_of(plot), SEEDS, now))
        for scenario, plot in plots(simulation)
    ]


@pytest.mark.parametrize("part", PARTS)
def test_what_is_planned_is_what_the_rules_give(
    acted: list[tuple[str, Plot, Answer]], part: str
) -> None:
    found = [
        f"[{name}] {line}"
        for name, plot, reference in acted
        for line in PARTS[part](plot.cases, reference)
    ]
    assert not found, "\n".join(found[:25])
