"""The intent leg, and where a case's intent, tier and other names come from."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from typing import Unpack

from simulator.plot import CaseChoices, CasePlan, Plot, SessionPlan
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import edge
from simulator.stories import (
    act_safely,
    finish,
    open_case,
    understand,
    understood_case,
)
from simulator.vocabulary import ACTION_INTENTS


def _asked_case(
    plot: Plot, **plan: Unpack[CaseChoices]
) -> tuple[CasePlan, Ticket, SessionPlan]:
    """A ticket that names the intent, and a customer who asked."""
    says = {"says_intent": plot.intent.code}
    case, ticket, talk = open_case(plot, ticket_says=says, **plan)
    talk.asks()
    talk.thinks()
    return case, ticket, talk


def _intent_fails(case: CasePlan, talk: SessionPlan, ticket: Ticket) -> None:
    act_safely(talk)
    closed_at = finish(talk, ticket)
    case.expects(
        legs="fail pass pass pass",
        resolved=False,
        blocker="intent",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
        compliance="1/1",
    )


def _intent_missing(case: CasePlan, talk: SessionPlan, ticket: Ticket) -> None:
    act_safely(talk)
    closed_at = finish(talk, ticket)
    case.expects(
        legs="missing pass pass pass",
        resolved=None,
        blocker="intent",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
        compliance="1/1",
    )


@edge()
def no_classification(plot: Plot) -> None:
    """No classification: the ticket names intent and tier."""
    case, ticket, talk = _asked_case(plot, tier_from="ticket")
    _intent_missing(case, talk, ticket)


@edge()
def failed_classification(plot: Plot) -> None:
    """The last one failed; the intent is still the last successful one's."""
    case, ticket, talk = open_case(plot)
    understand(talk)
    talk.classifies("failure", intent=None, tier=None)
    _intent_fails(case, talk, ticket)


@edge()
def failed_classification_only(plot: Plot) -> None:
    case, ticket, talk = _asked_case(plot, tier_from="seed")
    talk.classifies("failure", intent=None)
    _intent_fails(case, talk, ticket)


@edge()
def nameless_classification(plot: Plot) -> None:
    """A success that names no intent is a failure."""
    case, ticket, talk = _asked_case(plot, tier_from="seed")
    talk.classifies("success", intent=None)
    _intent_fails(case, talk, ticket)


@edge()
def unsaid_classification(plot: Plot) -> None:
    """A classification whose outcome is not said is a failure."""
    case, ticket, talk = _asked_case(plot, tier_from="seed")
    talk.classifies(None)
    _intent_fails(case, talk, ticket)


@edge()
def classified_at_the_second_go(plot: Plot) -> None:
    case, ticket, talk = _asked_case(plot)
    talk.classifies("failure", intent=None, tier=None)
    talk.asks()
    talk.classifies()
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def reclassified(plot: Plot) -> None:
    """The last successful classification is the case's intent and tier."""
    others = [intent for intent in ACTION_INTENTS if intent.code != plot.intent.code]
    case, ticket, talk = _asked_case(plot, tier_from="agent", tier="tier_2")
    talk.classifies(intent=plot.rng.choice(others).code, tier="tier_1")
    talk.asks()
    talk.classifies()
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def intent_alias(plot: Plot) -> None:
    """The log uses a word of its own for the intent."""
    case, ticket, talk = open_case(
        plot,
        intent="refund_request",
        tier_from="seed",
        ticket_says={"says_intent": None},
    )
    talk.asks()
    talk.classifies(intent="money_back", truth="refund_request")
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def intent_alias_on_the_ticket(plot: Plot) -> None:
    case, ticket, talk = open_case(
        plot,
        intent="cancel_flight",
        tier_from="seed",
        ticket_says={"says_intent": "flight_cancellation"},
    )
    talk.asks()
    _intent_missing(case, talk, ticket)


@edge(about="question")
def question_by_its_alias(plot: Plot) -> None:
    case, ticket, talk = open_case(
        plot,
        intent="order_status",
        tier_from="seed",
        ticket_says={"says_intent": None},
    )
    talk.asks()
    word = plot.rng.choice(("wismo", "where_is_my_order"))
    talk.classifies(intent=word, truth="order_status")
    talk.looks_up()
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass missing none pass",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
        kind="informational",
        resolved_at=closed_at,
    )


@edge()
def unlisted_intent(plot: Plot) -> None:
    """An intent that no seed knows is kept as it was said; no tier is known."""
    case, ticket, talk = open_case(
        plot,
        intent="sim_warranty_claim",
        tier_from="seed",
        ticket_says={"says_intent": None},
    )
    talk.asks()
    talk.classifies()
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def unknown_intent(plot: Plot) -> None:
    """Nobody names the intent: a re-contact could not be seen."""
    case, ticket, talk = open_case(plot, intent=None, tier_from="seed")
    talk.asks()
    _intent_missing(case, talk, ticket)


@edge()
def unknown_customer(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot, customer=None)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def customer_named_by_the_ticket_only(plot: Plot) -> None:
    case = plot.case()
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, customer=None)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def channel_named_by_the_ticket_only(plot: Plot) -> None:
    case = plot.case(channel="social")
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, channel=None)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def first_named_attributes_stand(plot: Plot) -> None:
    """Of several channels and customers of a session the first counts."""
    case = plot.case()
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, says="late")
    talk.starts()
    understand(talk)
    talk.fields = {
        **talk.fields,
        "channel": "sms",
        "customer_id": f"sim-customer-{plot.tag}-other",
        "agent_version": "0.0.1",
    }
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=2)
def attributes_of_the_first_session_that_says(plot: Plot) -> None:
    """The first session is mute on customer and channel, the second is not."""
    case = plot.case()
    ticket = case.ticket(says_channel="web", says_customer=None)
    ticket.created()
    first = case.session(ticket, customer=None, channel=None)
    first.starts()
    understand(first)
    first.ends("timeout")
    plot.wait(hours=6)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    act_safely(second)
    case.resolves(finish(second, ticket))


@edge()
def tier_by_the_ticket(plot: Plot) -> None:
    """The agent says no tier, the ticket does, and the seed says otherwise."""
    case, ticket, talk = understood_case(plot, tier_from="ticket", tier="tier_2")
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def tier_restated_by_the_ticket(plot: Plot) -> None:
    """The last tier and intent that the ticket states."""
    case = plot.case(tier_from="ticket", tier="tier_2")
    ticket = case.ticket(says_intent="sim_triage", says_tier="tier_1")
    ticket.created()
    ticket.act("tagged", intent=case.intent, tier="tier_2")
    talk = case.session(ticket)
    talk.starts()
    talk.asks()
    _intent_missing(case, talk, ticket)


@edge()
def null_is_substantive(plot: Plot) -> None:
    """Not said whether it was more than a greeting: somebody asked."""
    case = plot.case(intent=None, tier_from="seed")
    talk = case.session()
    talk.starts()
    talk.asks(is_substantive=None)
    talk.ends("timeout")
    case.expects(
        legs="missing missing none missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@edge()
def greeting_beside_an_open_ticket(plot: Plot) -> None:
    """Dropped off, even if the customer wrote on the ticket elsewhere."""
    says = {"says_intent": plot.intent.code}
    case, ticket, talk = open_case(plot, tier_from="seed", ticket_says=says)
    talk.greets()
    talk.answers()
    talk.ends("abandoned")
    plot.wait(hours=1)
    ticket.replied("customer")
    case.expects(
        legs="missing missing none fail",
        resolved=False,
        blocker="action",
        outcome="dropped_off",
    )


@edge(near_end=True)
def still_in_progress(plot: Plot) -> None:
    """Not yet 72 hours of silence: in no rate."""
    case = plot.case()
    talk = case.session()
    talk.starts()
    understand(talk)
    case.expects(
        legs="pass missing none missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@edge(about="any")
def classified_though_only_greeted(plot: Plot) -> None:
    """A classification means that somebody asked: silent, not dropped off."""
    case = plot.case()
    talk = case.session()
    talk.starts()
    talk.greets()
    talk.classifies()
    talk.ends("timeout")
    case.expects(
        legs="pass missing none missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@edge(about="any")
def greeting_taken_over_by_a_person(plot: Plot) -> None:
    """With a touch nobody dropped off, though nothing was asked."""
    case = plot.case(intent=None, tier_from="seed")
    talk = case.session()
    talk.starts()
    talk.greets()
    at = talk.joins()
    case.escalation("human_takeover", at, "human_touch", talk)
    talk.ends("abandoned")
    case.expects(
        legs="missing missing none missing",
        resolved=False,
        blocker="human",
        outcome="escalated",
        touch=True,
    )
