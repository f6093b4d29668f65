"""Human touches, escalations and their reasons, and what people do alone."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from typing import Unpack

from simulator.plot import CUSTOMER, PERSON, SYSTEM, CasePlan, Ending, Plot
from simulator.scenarios import add_edge, edge
from simulator.stories import (
    ASKED_ONLY,
    act_safely,
    finish,
    leave_open,
    person_solves,
    resolve,
    understand,
    understood_case,
    understood_talk,
)
from simulator.vocabulary import REASON_ALIASES, REASONS

TEAM_CHAT = "sim_team_chat"


def _by_human(
    case: CasePlan,
    closed_at: int,
    legs: str = f"{ASKED_ONLY} pass",
    **more: Unpack[Ending],
) -> None:
    case.expects(
        legs=legs,
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
        **more,
    )


def _escalated(
    case: CasePlan, legs: str = f"{ASKED_ONLY} missing", **more: Unpack[Ending]
) -> None:
    case.expects(
        legs=legs,
        resolved=False,
        blocker="human",
        outcome="escalated",
        touch=True,
        **more,
    )


def _add_reason(name: str, said: str | None, truth: str) -> None:
    def act(plot: Plot) -> None:
        case, ticket, talk = understood_case(plot)
        by = plot.rng.choice(("ai_agent", "customer", "policy", "system"))
        talk.hands_over(said, truth, detail="Made-up detail", initiated_by=by)
        talk.ends("escalated")
        _by_human(case, person_solves(ticket))

    add_edge(f"escalated_by_{name}", act, about="any")


for _reason in REASONS:
    _add_reason(_reason, _reason, _reason)
for _alias, _code in REASON_ALIASES.items():
    _add_reason(f"alias_{_alias}", _alias, _code)
_add_reason("unstated_reason", None, "unstated")
_add_reason("unrecognised_reason", "sim_solar_flare", "unrecognised")


@edge(about="any")
def escalated_twice_same_id(plot: Plot) -> None:
    """One row per `escalation_id`."""
    case, talk = understood_talk(plot)
    escalation_id = plot.name("escalation")
    reason = "low_confidence"
    talk.hands_over(reason, reason, escalation_id=escalation_id)
    plot.wait(minutes=3)
    talk.escalates(reason, escalation_id=escalation_id)
    talk.ends("escalated")
    _escalated(case)


@edge(about="any", days=2)
def escalated_again_by_its_id_in_another_session(plot: Plot) -> None:
    """One row per `escalation_id` and case: the later session adds none."""
    case, ticket, first = understood_case(plot)
    escalation_id = plot.name("escalation")
    reason = "missing_knowledge"
    first.hands_over(reason, reason, escalation_id=escalation_id)
    plot.wait(hours=4)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    second.asks()
    second.escalates(reason, escalation_id=escalation_id)
    _escalated(case, f"{ASKED_ONLY} fail")


@edge(about="any")
def escalated_for_two_reasons(plot: Plot) -> None:
    """Two rows; the first escalation is the primary one."""
    case, ticket, talk = understood_case(plot)
    talk.hands_over("policy_ambiguity", "policy_ambiguity")
    plot.wait(minutes=4)
    talk.hands_over("user_requested", "customer_request", initiated_by="customer")
    talk.ends("escalated")
    _by_human(case, person_solves(ticket))


@edge(about="any")
def escalated_without_ids(plot: Plot) -> None:
    """Escalations that give no id are each a row."""
    case, talk = understood_talk(plot)
    talk.hands_over("low_conf", "low_confidence", escalation_id=None)
    plot.wait(minutes=4)
    talk.hands_over("usage_limit", "usage_limit", escalation_id=None)
    _escalated(case)


@edge(about="any")
def one_escalation_id_in_two_cases(plot: Plot) -> None:
    """A row for each of the cases."""
    escalation_id = plot.name("escalation")
    for _ in range(2):
        case, talk = understood_talk(plot)
        reason = "tool_failure"
        talk.hands_over(reason, reason, escalation_id=escalation_id)
        talk.ends("escalated")
        _escalated(case)
        plot.wait(minutes=30)


@edge(about="any")
def resolution_attempt_escalated(plot: Plot) -> None:
    """No `escalated` event: the first attempt that says so is the row."""
    case, ticket, talk = understood_case(plot)
    at = talk.attempts("escalated", reason="ambiguous_policy")
    case.escalation("policy_ambiguity", at, "resolution_attempt", talk)
    talk.thinks()
    talk.attempts("escalated", reason="low_confidence")
    talk.ends("escalated")
    _by_human(case, person_solves(ticket))


@edge(about="any")
def resolution_attempt_escalated_without_reason(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    at = talk.attempts("escalated")
    case.escalation("unstated", at, "resolution_attempt", talk)
    talk.ends("timeout")
    _escalated(case)


@edge(about="any")
def session_ended_escalated(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    talk.attempts("unresolved")
    at = talk.ends("escalated")
    case.escalation("unstated", at, "session_ended", talk)
    _escalated(case)


@edge(about="any", days=2)
def escalated_in_each_of_two_sessions(plot: Plot) -> None:
    """Each session gives its own rows, each by its own kind of evidence."""
    case, ticket, first = understood_case(plot)
    at = first.ends("escalated")
    case.escalation("unstated", at, "session_ended", first)
    plot.wait(hours=6)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    second.asks()
    second.hands_over("negative_feedback", "negative_feedback")
    second.ends("escalated")
    _escalated(case, f"{ASKED_ONLY} fail")


@edge(about="any")
def human_takeover_on_the_ticket(plot: Plot) -> None:
    """Nobody escalated, but a person replied on the ticket."""
    case, ticket, talk = understood_case(plot)
    leave_open(talk)
    plot.wait(hours=1)
    at = ticket.replied(PERSON)
    case.escalation("human_takeover", at, "human_touch")
    plot.wait(minutes=20)
    _by_human(case, ticket.solved(PERSON))


@edge(about="any")
def human_takeover_in_the_session(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    at = talk.joins()
    case.escalation("human_takeover", at, "human_touch", talk)
    talk.answers(PERSON)
    talk.ends("resolved")
    _escalated(case)


@edge()
def human_writes_in_the_session(plot: Plot) -> None:
    """Any event of a person is a touch, though the agent does it all."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    at = talk.answers(PERSON)
    case.escalation("human_takeover", at, "human_touch", talk)
    closed_at = finish(talk, ticket)
    _by_human(case, closed_at, "pass pass pass pass", compliance="1/1")


@edge()
def human_approval(plot: Plot) -> None:
    """A check evaluated by a person is a touch, whoever logged it."""
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    at = talk.checks(action="a", evaluator="human", is_required=False)
    case.escalation("human_approval", at, "human_touch", talk)
    talk.writes()
    closed_at = finish(talk, ticket)
    _by_human(case, closed_at, "pass pass pass pass", compliance="1/1")


@edge()
def human_solves_the_agents_ticket(plot: Plot) -> None:
    """The closing act itself is by a person: a touch at the closure."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    talk.ends("resolved")
    plot.wait(hours=1)
    closed_at = ticket.solved(PERSON)
    case.escalation("human_takeover", closed_at, "human_touch")
    _by_human(case, closed_at, "pass pass pass pass", compliance="1/1")


@edge(days=2)
def human_after_closure(plot: Plot) -> None:
    """Quality reviews after the closure do not count."""
    case, ticket, _, closed_at = resolve(plot)
    plot.wait(hours=10)
    ticket.replied(PERSON, is_public=False, handle_seconds=300)
    ticket.tagged(PERSON)
    case.resolves(closed_at)


@edge()
def human_joined_after_closure(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.joins()
    talk.answers(PERSON)
    talk.ends("resolved")
    case.resolves(closed_at)


@edge()
def escalation_after_closure(plot: Plot) -> None:
    """Escalations after the closure that stands give no row and no touch."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.escalates("customer_request", initiated_by="customer")
    talk.ends("escalated")
    case.resolves(closed_at)


@edge()
def customer_after_closure(plot: Plot) -> None:
    """A thank-you after the closure changes nothing."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.asks()
    talk.ends("resolved")
    plot.wait(hours=2)
    ticket.replied(CUSTOMER)
    case.resolves(closed_at)


@edge(days=3)
def human_between_two_closures(plot: Plot) -> None:
    """Touches count up to the closure that stands, and this one came before."""
    case, ticket, _, _ = resolve(plot)
    plot.wait(hours=5)
    at = ticket.replied(PERSON)
    case.escalation("human_takeover", at, "human_touch")
    plot.wait(hours=5)
    reopened_at = ticket.reopened()
    plot.wait(hours=5)
    closed_at = ticket.solved(SYSTEM)
    _by_human(
        case,
        closed_at,
        "pass pass pass pass",
        compliance="1/1",
        reopened_at=reopened_at,
    )


@edge()
def clerk_before_the_agent(plot: Plot) -> None:
    """Clerical acts count, and so do those before the agent's own."""
    case = plot.case()
    ticket = case.ticket()
    ticket.created()
    at = ticket.tagged(PERSON)
    case.escalation("human_takeover", at, "human_touch")
    plot.wait(minutes=30)
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    closed_at = finish(talk, ticket)
    _by_human(case, closed_at, "pass pass pass pass", compliance="1/1")


@edge(about="any")
def people_only_left_open(plot: Plot) -> None:
    """People have it and have not closed it: escalated, without a row."""
    case = plot.case(involved=False, tier_from="ticket")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created(CUSTOMER)
    plot.wait(hours=2)
    ticket.replied(PERSON, handle_seconds=240)
    _escalated(case, "missing missing none fail")


@edge(about="any", days=2)
def working_time_after_the_closure(plot: Plot) -> None:
    """Working time counts up to the closure."""
    case = plot.case(involved=False, tier_from="ticket")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created(CUSTOMER)
    plot.wait(hours=2)
    ticket.replied(PERSON, handle_seconds=400)
    closed_at = ticket.solved(PERSON, handle_seconds=50)
    plot.wait(hours=9)
    ticket.replied(PERSON, handle_seconds=1_000, is_public=False)
    case.tallies.handle_seconds = 450
    _by_human(case, closed_at, "missing missing none pass")


@edge(about="any")
def people_close_what_automation_opened(plot: Plot) -> None:
    """Automation closes what a person had in hand: still the people's."""
    case = plot.case(involved=False, tier_from="seed")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created()
    plot.wait(hours=1)
    ticket.assigned(PERSON)
    plot.wait(hours=1)
    closed_at = ticket.status("resolved", SYSTEM)
    _by_human(case, closed_at, "missing missing none pass")


@edge(about="any")
def people_chat_without_the_agent(plot: Plot) -> None:
    """A session in which the agent has no event: not involved."""
    case = plot.case(involved=False, tier_from="ticket")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created()
    talk = case.session(ticket, agent=False, source_system=TEAM_CHAT)
    case.source_system = TEAM_CHAT
    talk.log("session_started", None, {"entry_point": "widget"}, SYSTEM)
    talk.asks()
    talk.joins()
    talk.answers(PERSON)
    closed_at = ticket.solved(PERSON)
    talk.log("session_ended", "resolved", None, PERSON)
    _by_human(case, closed_at, "missing missing none pass")


@edge(about="any")
def automation_ticket_left_open(plot: Plot) -> None:
    """Nobody ever touched it: silent, and no people's case."""
    case = plot.case(involved=False, tier_from="seed")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created()
    ticket.assigned()
    case.expects(
        legs="missing missing none fail",
        resolved=False,
        blocker="action",
        outcome="silent",
    )
