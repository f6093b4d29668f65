"""The reference itself, held against small examples worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.oracle.records import Record, Seeds, Settings
from tests.oracle.reference import Answer, answer

DAY = datetime(2026, 1, 5)
LATER = Settings(as_of=DAY + timedelta(days=30))
SEEDS = Seeds(
    intents_without_action=frozenset({"hours"}),
    intent_tiers={"refund": "tier_2"},
    intent_aliases={"money_back": "refund"},
    action_patterns={"get_*": False, "*": False, "issue_*": True},
    reasons=frozenset({"low_confidence", "customer_request"}),
    reason_aliases={"unsure": "low_confidence"},
)
FIELDS = {
    "ticket_id",
    "ticket_system",
    "previous_session_id",
    "customer_id",
    "channel",
    "agent_name",
    "agent_version",
    "environment",
    "is_test",
    "source_system",
    "sequence",
    "version",
    "actor_type",
    "session_id",
}
NUMBERS = count()


def at(minutes: float) -> str:
    """Write a time, in minutes from the day's start."""
    return (DAY + timedelta(minutes=minutes)).isoformat() + "+00:00"


def log(minutes: float, action: str, outcome: str | None = None, **said: Any) -> Record:  # noqa: ANN401
    """Write an agent event; what is no field of the contract is an attribute."""
    return {
        "event_id": f"e{next(NUMBERS):06d}",
        "session_id": "s1",
        "timestamp": at(minutes),
        "action_type": action,
        "outcome": outcome,
        **{name: value for name, value in said.items() if name in FIELDS},
        "attributes": {k: v for k, v in said.items() if k not in FIELDS},
    }


def desk(
    minutes: float,
    event: str,
    ticket_id: str = "t1",
    actor_type: str = "system",
    **said: Any,  # noqa: ANN401
) -> Record:
    """Write a ticket event."""
    return {
        "event_id": f"k{next(NUMBERS):06d}",
        "ticket_id": ticket_id,
        "timestamp": at(minutes),
        "event_type": event,
        "actor_type": actor_type,
        **said,
    }


def told(*records: Record, now: Settings = LATER) -> Answer:
    """Ask the reference about some records."""
    feeds: dict[str, list[Record]] = {
        "agent_events": [r for r in records if "action_type" in r],
        "ticket_events": [r for r in records if "event_type" in r],
        "survey_responses": [r for r in records if "response_id" in r],
        "compliance_audits": [r for r in records if "audit_id" in r],
    }
    return answer(feeds, SEEDS, now)


def case(*records: Record, now: Settings = LATER) -> Record:
    """Ask about records that make one case."""
    cases = told(*records, now=now).cases
    assert len(cases) == 1, sorted(cases)
    return next(iter(cases.values()))


def figure(found: Answer, kpi: str) -> tuple[float, float]:
    """Sum a KPI over its cells."""
    cells = [pair for cell, pair in found.figures.items() if cell[-1] == kpi]
    return (sum(pair[0] for pair in cells), sum(pair[1] for pair in cells))


def good(start: float = 0, **said: Any) -> list[Record]:  # noqa: ANN401
    """Tell a session that is resolved autonomously, five minutes long."""
    said = {"ticket_id": "t1", "customer_id": "c1", "session_id": "s1"} | said
    write = {"action_id": "x1", "is_write": True}
    intent = said.pop("intent", "refund")
    return [
        log(start, "message_received", actor_type="customer", **said),
        log(start + 1, "intent_classified", "success", intent=intent, **said),
        log(start + 2, "policy_checked", "pass", policy_id="p1", **said),
        log(start + 3, "action_executed", "success", **write, **said),
        log(start + 5, "session_ended", "resolved", **said),
    ]


def closed(minutes: float = 4) -> list[Record]:
    """Tell a ticket that the system creates and solves."""
    return [desk(0, "created"), desk(minutes, "solved")]


def test_all_four_legs_make_a_resolution() -> None:
    """The guide's happy path, its time and its figures."""
    row = case(*good(), *closed())
    assert row["outcome"] == "resolved_autonomously"
    assert row["first_blocker"] is None
    assert row["resolution_kind"] == "action"
    assert row["handling_seconds"] == 240
    assert row["is_durable"] is True
    assert row["tier"] == "tier_2"
    found = told(*good(), *closed())
    assert figure(found, "autonomous_resolution_rate") == (1, 1)
    assert figure(found, "aht_automated_seconds") == (240, 1)


def test_a_leg_that_nothing_speaks_of_leaves_the_verdict_open() -> None:
    """No classification: neither true nor false, and the upper rate counts it."""
    records = [r for r in good() if r["action_type"] != "intent_classified"]
    row = case(*records, *closed())
    assert row["intent_leg"] == "missing"
    assert row["is_resolved_autonomously"] is None
    assert row["first_blocker"] == "intent"
    assert row["outcome"] == "closed_unproven"
    found = told(*records, *closed())
    assert figure(found, "autonomous_resolution_rate_upper") == (1, 1)
    assert figure(found, "evidence_coverage") == (0, 1)


def test_what_makes_it_false_is_named_before_what_is_missing() -> None:
    """An answer alone is no resolution: action blocks, though intent is missing."""
    row = case(log(0, "message_received", ticket_id="t1"), *closed())
    assert (row["intent_leg"], row["action_leg"]) == ("missing", "none")
    assert row["first_blocker"] == "action"


def test_a_nameless_classification_is_a_failure() -> None:
    """Success without an intent fails the leg and gives no intent."""
    row = case(*good(), log(2, "intent_classified", "success"), *closed())
    assert row["intent_leg"] == "fail"
    assert row["intent"] == "refund"


def test_people_do_not_fill_the_agents_legs() -> None:
    """A person's classification names the intent but is no leg."""
    said = {"actor_type": "human_agent", "intent": "hours"}
    row = case(
        log(0, "session_started"), log(1, "intent_classified", "success", **said)
    )
    assert (row["intent"], row["intent_leg"]) == ("hours", "missing")


@pytest.mark.parametrize(
    ("checks", "leg"),
    [
        ([("fail", {}), ("pass", {})], "pass"),
        ([("pass", {}), ("error", {})], "fail"),
        ([("fail", {"policy_id": "p2"}), ("pass", {})], "fail"),
        ([("fail", {}), ("not_applicable", {})], "fail"),
        ([("not_applicable", {})], "missing"),
        ([("fail", {"is_required": False})], "missing"),
        ([("pass", {"is_required": "false"})], "pass"),
        ([(None, {})], "missing"),
    ],
)
def test_the_last_outcome_of_every_chain_decides(
    checks: list[tuple[str | None, Record]], leg: str
) -> None:
    """Chains go by policy; what is not applicable mends nothing."""
    events = [
        log(minute, "policy_checked", outcome, **{"policy_id": "p1"} | said)
        for minute, (outcome, said) in enumerate(checks)
    ]
    assert case(*events)["policy_leg"] == leg


@pytest.mark.parametrize(
    ("events", "leg", "compliance"),
    [
        ([("check", "pass", {}), ("write", "x1", {})], "pass", (1, 1)),
        (
            [("check", "fail", {}), ("write", "x1", {}), ("check", "pass", {})],
            "fail",
            (0, 1),
        ),
        (
            [("write", "x1", {}), ("check", "pass", {"action_id": "x1"})],
            "fail",
            (0, 1),
        ),
        ([("write", "x1", {}), ("check", "pass", {})], "pass", (0, 0)),
        (
            [("check", "fail", {"action_id": "x2"}), ("write", "x1", {})],
            "fail",
            (0, 0),
        ),
        (
            [
                ("check", "fail", {}),
                ("write", "x1", {}),
                ("check", "pass", {}),
                ("write", "x1", {}),
            ],
            "fail",
            (0, 1),
        ),
    ],
)
def test_a_write_waits_for_the_checks_that_bind_it(
    events: list[tuple[str, str, Record]], leg: str, compliance: tuple[int, int]
) -> None:
    """Checks bind what comes after them; those that name an action, always."""
    records = [
        log(minute, "policy_checked", word, **{"policy_id": "p1"} | said)
        if kind == "check"
        else log(minute, "action_executed", "success", action_id=word, is_write=True)
        for minute, (kind, word, said) in enumerate(events)
    ]
    found = told(log(-1, "message_received"), *records)
    assert next(iter(found.cases.values()))["policy_leg"] == leg
    assert figure(found, "action_compliance_rate") == compliance


@pytest.mark.parametrize(
    ("attempts", "leg"),
    [
        ([("timeout", {}), ("success", {})], "pass"),
        ([("success", {}), (None, {})], "fail"),
        ([("success", {"is_required": False})], "none"),
        ([("success", {"is_write": "true"})], "none"),
        ([("success", {"is_write": None, "action_name": "issue_refund"})], "pass"),
        ([("success", {"is_write": None, "action_name": "get_refund"})], "none"),
        ([("success", {"action_id": 1}), ("failure", {"action_id": 2})], "fail"),
        ([("failure", {}), ("success", {"is_required": False})], "none"),
    ],
)
def test_the_last_attempt_of_every_logical_action_decides(
    attempts: list[tuple[str | None, Record]], leg: str
) -> None:
    """On its flags, too; an unsaid outcome is no success."""
    base = {"action_id": "x1", "is_write": True}
    events = [
        log(
            minute,
            "action_executed",
            outcome,
            **{k: v for k, v in (base | said).items() if v is not None},
        )
        for minute, (outcome, said) in enumerate(attempts)
    ]
    assert case(*events)["action_leg"] == leg


@pytest.mark.parametrize(
    ("events", "leg", "resolved", "reopened"),
    [
        ([("created", None)], "fail", None, None),
        ([("solved", None), ("closed", None)], "pass", 0, None),
        ([("closed", None), ("reopened", None), ("solved", None)], "pass", 2, 1),
        ([("status_changed", "resolved")], "pass", 0, None),
        ([("solved", None), ("status_changed", "open")], "fail", None, 1),
        ([("status_changed", "open")], "fail", None, None),
        ([("solved", None), ("status_changed", None)], "pass", 0, None),
        ([("solved", None), ("replied", None)], "pass", 0, None),
    ],
)
def test_the_ticket_says_whether_a_case_is_closed(
    events: list[tuple[str, str | None]],
    leg: str,
    resolved: int | None,
    reopened: int | None,
) -> None:
    """The first closing act of the closed spell that stands."""
    records = [
        desk(minute, event, status=status)
        for minute, (event, status) in enumerate(events)
    ]
    row = case(*records)
    times = [
        None if minute is None else DAY + timedelta(minutes=minute)
        for minute in (resolved, reopened)
    ]
    assert row["closure_leg"] == leg
    assert [row["resolved_at"], row["reopened_at"]] == times


def test_the_log_counts_only_where_no_feed_knows_the_ticket() -> None:
    """A logged closure closes an unknown ticket and not a known one."""
    logged = log(6, "case_closed", ticket_id="t1")
    assert case(*good(), logged)["closure_leg"] == "pass"
    assert case(*good(), logged, desk(0, "created"))["closure_leg"] == "fail"
    assert case(*good())["closure_leg"] == "missing"


def test_a_customer_cannot_close_a_case_in_the_log() -> None:
    """A logged closure by the customer is no confirmation of the ticket system."""
    logged = log(6, "case_closed", ticket_id="t1", actor_type="customer")
    assert case(*good(), logged)["closure_leg"] == "missing"


def test_a_denial_after_the_closure_fails_the_leg_but_closed_it_stays() -> None:
    """And what people do after it is a touch again."""
    denied = log(10, "customer_confirmed", "denied", ticket_id="t1")
    row = case(*good(), *closed(), denied)
    assert (row["closure_leg"], row["has_human_touch"]) == ("fail", False)
    assert row["outcome"] == "closed_unproven"
    row = case(
        *good(), *closed(), denied, desk(11, "replied", actor_type="human_agent")
    )
    assert row["outcome"] == "resolved_by_human"


def test_a_return_to_a_closed_case_is_a_reopening() -> None:
    """A later session on the ticket fails the closure and is never forgotten."""
    back = log(60, "message_received", session_id="s2", ticket_id="t1")
    row = case(*good(), *closed(), back)
    assert row["session_count"] == 2
    assert row["closure_leg"] == "fail"
    assert row["reopened_at"] == DAY + timedelta(minutes=60)
    again = [desk(61, "reopened"), desk(62, "closed")]
    assert case(*good(), *closed(), back, *again)["closure_leg"] == "pass"
    found = told(*good(), *closed(), back, *again)
    assert figure(found, "reopen_rate") == (1, 1)
    assert figure(found, "durable_resolution_rate") == (0, 1)


def test_people_after_the_closure_do_not_undo_it() -> None:
    """A quality review is no touch; one at the very moment of closing is."""
    review = desk(5, "replied", actor_type="human_agent")
    assert case(*good(), *closed(), review)["outcome"] == "resolved_autonomously"
    at_once = desk(4, "replied", actor_type="human_agent")
    assert case(*good(), *closed(), at_once)["outcome"] == "resolved_by_human"


def test_a_human_check_is_an_approval() -> None:
    """It is a touch, and the escalation row says which."""
    check = log(2, "policy_checked", "pass", evaluator="human", ticket_id="t1")
    found = told(*good(), *closed(), check)
    [row] = found.escalations
    assert (row["reason_code"], row["source"]) == ("human_approval", "human_touch")
    assert figure(found, "containment_rate") == (0, 1)


@pytest.mark.parametrize(
    ("events", "sources"),
    [
        ([("escalated", None, {}), ("session_ended", "escalated", {})], ["escalated"]),
        (
            [
                ("resolution_attempt", "escalated", {"escalation_reason": "Unsure"}),
                ("session_ended", "escalated", {}),
            ],
            ["resolution_attempt"],
        ),
        ([("session_ended", "escalated", {})], ["session_ended"]),
        ([("human_joined", None, {})], ["human_touch"]),
        (
            [
                ("escalated", None, {"escalation_id": "g"}),
                ("escalated", None, {"escalation_id": "g"}),
            ],
            ["escalated"],
        ),
        ([("escalated", None, {}), ("escalated", None, {})], ["escalated"] * 2),
        ([("session_ended", "abandoned", {})], []),
    ],
)
def test_every_touch_of_an_involved_case_has_its_rows(
    events: list[tuple[str, str | None, Record]], sources: list[str]
) -> None:
    """Logged escalations, else the first touch."""
    records = [
        log(minute, action, outcome, **said)
        for minute, (action, outcome, said) in enumerate(events)
    ]
    found = told(*records)
    assert [row["source"] for row in found.escalations] == sources
    [row] = found.cases.values()
    assert row["has_human_touch"] is bool(sources)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (" Customer-Request", "customer_request"),
        ("unsure", "low_confidence"),
        ("because", "unrecognised"),
        (" ", "unstated"),
        (5, "unstated"),
    ],
)
def test_reasons_come_from_the_seed(code: object, reason: str) -> None:
    """Unrecognised is not unstated."""
    row = case(log(0, "escalated", reason_code=code))
    assert row["primary_escalation_reason"] == reason


def test_dropped_off_waits_for_nothing_and_counts_nowhere() -> None:
    """A greeting only, an hour ago."""
    now = replace(LATER, as_of=DAY + timedelta(hours=1))
    greeting = log(0, "message_received", is_substantive=False)
    found = told(log(0, "session_started"), greeting, now=now)
    [row] = found.cases.values()
    assert (row["outcome"], row["is_handled"]) == ("dropped_off", False)
    assert found.figures == {}


def test_silence_of_72_hours_abandons_a_case() -> None:
    """To the microsecond, the window's end included."""
    asked = log(0, "message_received")
    silent = DAY + timedelta(hours=72)
    for as_of, outcome in (
        (silent, "abandoned"),
        (silent - timedelta(microseconds=1), "in_progress"),
    ):
        assert case(asked, now=Settings(as_of))["outcome"] == outcome


def test_the_agents_opinion_is_not_closure() -> None:
    """It makes the case closed_unproven while nothing else speaks."""
    row = case(*good())
    assert row["closure_leg"] == "missing"
    assert row["outcome"] == "closed_unproven"
    assert row["resolution_kind"] is None


def test_one_ticket_is_one_case_over_merges_and_source_systems() -> None:
    """Merged tickets count as the one they were merged into."""
    merged = desk(1, "merged", "t2", merged_into_ticket_id="t1")
    other = log(9, "message_received", session_id="s2", ticket_id="t2")
    found = told(*good(), desk(0, "created"), merged, other | {"source_system": "crm"})
    [row] = found.cases.values()
    assert (row["case_id"], row["session_count"]) == ("t1", 2)
    assert found.sessions["crm", "s2"]["link_rule"] == "ticket"


def test_a_ring_of_merges_takes_the_smallest_name() -> None:
    """And a chain into the ring ends there."""
    ring = [("t9", "t3"), ("t3", "t2"), ("t2", "t3")]
    events = [desk(0, "merged", one, merged_into_ticket_id=two) for one, two in ring]
    assert case(*events)["case_id"] == "t2"


def test_a_ticket_merged_twice_follows_the_last_merge() -> None:
    """By time, whatever the order of arrival."""
    last = desk(2, "merged", "t1", merged_into_ticket_id="t3")
    first = desk(1, "merged", "t1", merged_into_ticket_id="t2")
    assert case(last, first)["case_id"] == "t3"


def test_a_continued_session_has_an_earlier_parent_only() -> None:
    """A session that names a later one is a case of its own."""
    first = log(0, "message_received", previous_session_id="s2")
    second = log(1, "message_received", session_id="s2", previous_session_id="s1")
    found = told(first, second)
    assert len(found.cases) == 1
    assert found.sessions["default", "s2"]["link_rule"] == "continued"
    assert found.sessions["default", "s1"]["link_rule"] is None


@pytest.mark.parametrize(
    ("gap", "tickets", "closing", "cases"),
    [
        (timedelta(days=7), (None, None), [], 1),
        (timedelta(days=7, microseconds=1), (None, None), [], 2),
        (timedelta(days=1), ("t1", "t2"), [], 2),
        (timedelta(days=1), ("t1", None), [], 1),
        (timedelta(days=1), ("t1", None), [desk(4, "solved")], 2),
        (timedelta(days=1), (None, None), [log(5, "case_closed")], 2),
        (
            timedelta(days=1),
            (None, None),
            [log(4, "case_closed"), log(5, "case_reopened")],
            1,
        ),
    ],
)
def test_a_customer_who_asks_again_goes_on_with_an_open_case(
    gap: timedelta,
    tickets: tuple[str | None, str | None],
    closing: list[Record],
    cases: int,
) -> None:
    """At most seven days later, not both with a ticket, not after a closure."""
    start = (timedelta(minutes=5) + gap) / timedelta(minutes=1)
    first = good(ticket_id=tickets[0])
    second = good(start, ticket_id=tickets[1], session_id="s2")
    assert len(told(*first, *second, *closing).cases) == cases


def test_tests_and_staging_never_meet_real_sessions() -> None:
    """One ticket, two cases; the test ticket's sessions are tests."""
    staging = log(9, "message_received", session_id="s2", ticket_id="t1")
    found = told(*good(), *closed(), staging | {"environment": "staging"})
    eligible = {
        row["session_count"]: row["is_eligible"] for row in found.cases.values()
    }
    assert len(found.cases) == 2
    assert eligible == {1: False}
    assert sorted(row["is_eligible"] for row in found.cases.values()) == [False, True]
    row = case(*good(), *closed(), desk(9, "tagged", is_test=True))
    assert row["is_eligible"] is False


@pytest.mark.parametrize(
    ("minutes", "seen"),
    [
        (4, False),
        (4 + 1e-6 / 60, True),
        (4 + 168 * 60, True),
        (4 + 168 * 60 + 1e-6 / 60, False),
    ],
)
def test_a_recontact_opens_strictly_after_and_at_most_168_hours(
    minutes: float, *, seen: bool
) -> None:
    """The window's end is in, its beginning is not."""
    back = good(minutes, session_id="s2", ticket_id="t2", intent="money_back")
    found = told(*good(), *closed(), *back)
    first = found.cases["session", "default", "s1"]
    assert (first["recontacted_at"] is not None) is seen
    assert first["is_durable"] is not seen


def test_where_the_customer_is_unknown_durability_is_too() -> None:
    """The case leaves the durable and first-contact denominators."""
    found = told(*good(customer_id=None), *closed())
    [row] = found.cases.values()
    assert (row["is_mature"], row["is_durable"]) == (True, None)
    assert figure(found, "durable_resolution_rate") == (0, 0)
    assert figure(found, "autonomous_resolution_rate") == (1, 1)


def test_a_ticket_without_a_session_is_a_case_of_people() -> None:
    """Their time is stated or elapsed, never both."""
    people = {"actor_type": "human_agent"}
    records = [desk(0, "created"), desk(30, "solved", **people)]
    row = case(*records)
    assert row["outcome"] == "resolved_by_human"
    assert (row["session_count"], row["is_involved"]) == (0, False)
    assert figure(told(*records), "aht_human_elapsed_seconds") == (1800, 1)
    stated = desk(10, "replied", handle_seconds=60, **people)
    late = desk(40, "replied", handle_seconds=500, **people)
    found = told(*records, stated, late)
    assert figure(found, "aht_human_active_seconds") == (60, 1)
    assert figure(found, "aht_human_elapsed_seconds") == (0, 0)


def test_two_tickets_are_closed_when_both_are() -> None:
    """The later closure is the case's."""
    second = good(10, session_id="s2", ticket_id="t2", previous_session_id="s1")
    tickets = [desk(0, "created"), desk(10, "created", "t2"), desk(30, "solved", "t2")]
    assert case(*good(), *second, *tickets)["closure_leg"] == "fail"
    row = case(*good(), *second, *tickets, desk(40, "closed"))
    assert row["resolved_at"] == DAY + timedelta(minutes=40)
    assert row["reopened_at"] is None


def test_a_later_ticket_of_a_closed_case_is_a_return_at_its_first_event() -> None:
    """It counts though the second ticket closes, too."""
    second = good(10, session_id="s2", ticket_id="t2", previous_session_id="s1")
    row = case(
        *good(), *second, *closed(), desk(9, "created", "t2"), desk(30, "closed", "t2")
    )
    assert row["closure_leg"] == "pass"
    assert row["reopened_at"] == DAY + timedelta(minutes=9)


def test_ties_of_time_are_broken_by_sequence_then_by_id() -> None:
    """A record without a sequence comes last."""
    first = log(1, "intent_classified", "success", intent="one", sequence=2)
    second = log(1, "intent_classified", "success", intent="two")
    third = log(1, "intent_classified", "success", intent="three", sequence=1)
    assert case(second, third, first)["intent"] == "two"
    assert case(third, first)["intent"] == "one"


def test_a_corrected_record_replaces_the_first() -> None:
    """Whatever the order of arrival, and whatever its time."""
    first = log(5, "message_received", channel="chat")
    corrected = first | {"version": 1, "channel": "email", "timestamp": at(4)}
    for records in ([first, corrected], [corrected, first]):
        row = case(*records)
        assert (row["channel"], row["opened_at"].minute) == ("email", 4)


@pytest.mark.parametrize(
    ("said", "mean"),
    [
        ({"score": 5}, (5, 1)),
        ({"score": 5, "higher_is_better": False}, (3, 1)),
        ({"score": 5, "scale_min": 0, "scale_max": 10}, (4, 1)),
        ({"score": None}, (0, 0)),
        ({"score": 5, "responded_at": None}, (0, 0)),
    ],
)
def test_ease_is_brought_to_one_scale(said: Record, mean: tuple[float, int]) -> None:
    """1..7 with 7 easiest; unanswered surveys keep the response rate honest."""
    survey = {
        "response_id": "r1",
        "survey_type": "ces",
        "ticket_id": "t1",
        "sent_at": at(6),
        "responded_at": at(7),
        **said,
    }
    found = told(*good(), *closed(), survey)
    assert figure(found, "ces_mean") == mean
    assert figure(found, "ces_response_rate") == (mean[1], 1)


@pytest.mark.parametrize(
    ("audits", "rate"),
    [
        ([("compliant", 0.5, {})], (2, 2)),
        ([("compliant", 0.5, {}), ("violation", 0.25, {})], (0, 4)),
        ([("unclear", 0.5, {})], (0, 0)),
        ([("compliant", None, {})], (0, 0)),
        ([("compliant", None, {"sample_method": "census"})], (1, 1)),
        ([("violation", 0.5, {"sample_method": "targeted"})], (0, 0)),
        ([("violation", 0.5, {"auditor_type": "llm"})], (0, 0)),
        ([("compliant", 0.5, {}), ("compliant", 1, {})], (2, 2)),
    ],
)
def test_a_case_has_one_audited_verdict(
    audits: list[tuple[str, float | None, Record]], rate: tuple[float, float]
) -> None:
    """A violation wins; the weight is that of the earliest audit that says so."""
    records = [
        {
            "audit_id": f"a{number}",
            "ticket_id": "t1",
            "audited_at": at(100 + number),
            "auditor_id": "auditor",
            "verdict": verdict,
            "inclusion_probability": probability,
            **said,
        }
        for number, (verdict, probability, said) in enumerate(audits)
    ]
    found = told(*good(), *closed(), *records)
    assert figure(found, "audited_compliance_rate") == rate
