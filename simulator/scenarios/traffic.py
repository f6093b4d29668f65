"""Tests and what is not production: in no KPI, by whatever word they say so."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.plot import CUSTOMER, PERSON, Plot
from simulator.scenarios import edge
from simulator.stories import act_safely, finish, finish_in_log, understand


@edge()
def test_by_ticket(plot: Plot) -> None:
    """The session says nothing; its ticket is a test."""
    case = plot.case(eligible=False)
    ticket = case.ticket(is_test=True)
    ticket.created()
    talk = case.session(ticket, is_production=False)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=2)
def test_by_one_event_of_the_ticket(plot: Plot) -> None:
    case = plot.case(eligible=False)
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, is_production=False)
    talk.starts()
    understand(talk)
    act_safely(talk)
    closed_at = finish(talk, ticket)
    plot.wait(hours=8)
    ticket.act("tagged", is_test=True)
    case.resolves(closed_at)


@edge()
def test_by_every_event(plot: Plot) -> None:
    case = plot.case(eligible=False)
    talk = case.session(is_test=True, is_production=False)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish_in_log(talk))


@edge()
def people_only_test(plot: Plot) -> None:
    case = plot.case(eligible=False, involved=False, tier_from="ticket")
    ticket = case.ticket(says_intent=case.intent, is_test=True)
    ticket.created(CUSTOMER)
    plot.wait(hours=1)
    closed_at = ticket.solved(PERSON)
    case.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )


@edge()
def escalated_in_staging(plot: Plot) -> None:
    case = plot.case(eligible=False)
    talk = case.session(environment="staging", is_production=False)
    talk.starts()
    understand(talk)
    talk.hands_over("customer_request", "customer_request")
    talk.ends("escalated")
    case.expects(
        legs="pass missing none missing",
        resolved=False,
        blocker="human",
        outcome="escalated",
        touch=True,
    )


@edge()
def said_to_be_no_test(plot: Plot) -> None:
    """`is_test: false` and `prod` are production."""
    case = plot.case()
    ticket = case.ticket(is_test=False)
    ticket.created()
    talk = case.session(ticket, is_test=False, environment="prod")
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))
