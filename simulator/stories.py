"""Passages that many scenarios share, so that each can tell its own point."""

from __future__ import annotations

from typing import Unpack

from simulator.plot import (
    CUSTOMER,
    PERSON,
    SYSTEM,
    CaseChoices,
    CasePlan,
    Plot,
    SessionPlan,
    TicketChoices,
)
from simulator.plot import TicketPlan as Ticket


def open_case(
    plot: Plot, *, ticket_says: TicketChoices | None = None, **plan: Unpack[CaseChoices]
) -> tuple[CasePlan, Ticket, SessionPlan]:
    """A customer turns up: a case with a ticket and a session."""
    case = plot.case(**plan)
    ticket = case.ticket(**(ticket_says or {}))
    ticket.created(plot.rng.choice((SYSTEM, CUSTOMER)))
    talk = case.session(ticket)
    talk.starts()
    return case, ticket, talk


def open_talk(plot: Plot, **plan: Unpack[CaseChoices]) -> tuple[CasePlan, SessionPlan]:
    """A customer turns up and no ticket is made."""
    case = plot.case(**plan)
    talk = case.session()
    talk.starts()
    return case, talk


def understand(talk: SessionPlan) -> None:
    """The customer asks, the agent sees what for and looks it up."""
    if talk.plot.rng.random() < 0.3:
        talk.greets()
        talk.answers()
    talk.asks()
    talk.thinks()
    talk.classifies()
    talk.looks_up()


def understood_case(
    plot: Plot, **plan: Unpack[CaseChoices]
) -> tuple[CasePlan, Ticket, SessionPlan]:
    """`open_case`, and the agent knows what is wanted."""
    case, ticket, talk = open_case(plot, **plan)
    understand(talk)
    return case, ticket, talk


def understood_talk(
    plot: Plot, **plan: Unpack[CaseChoices]
) -> tuple[CasePlan, SessionPlan]:
    """`open_talk`, and the agent knows what is wanted."""
    case, talk = open_talk(plot, **plan)
    understand(talk)
    return case, talk


def act_safely(talk: SessionPlan, action: str = "a") -> None:
    """Two checks pass, then the write succeeds: 1 of 1 compliant actions."""
    talk.checks_identity()
    talk.thinks()
    talk.checks(action=action)
    talk.writes(action=action)


def finish(talk: SessionPlan, ticket: Ticket) -> int:
    """The agent says so, the ticket is solved, the session ends."""
    talk.answers()
    talk.attempts("resolved")
    solved_at = ticket.solved()
    talk.ends("resolved")
    return solved_at


def finish_in_log(talk: SessionPlan) -> int:
    """As `finish`, where only the agent's log tells of the closure."""
    talk.answers()
    talk.attempts("resolved")
    closed_at = talk.logs_closure()
    talk.ends("resolved")
    return closed_at


def resolve(
    plot: Plot, **plan: Unpack[CaseChoices]
) -> tuple[CasePlan, Ticket, SessionPlan, int]:
    """A clean resolution by the agent, not yet declared."""
    case, ticket, talk = understood_case(plot, **plan)
    act_safely(talk)
    return case, ticket, talk, finish(talk, ticket)


def leave_open(talk: SessionPlan, outcome: str | None = "timeout") -> None:
    """The agent did its work, and nothing says that it is over."""
    talk.answers()
    if outcome:
        talk.ends(outcome)


def person_solves(ticket: Ticket, *, handle_seconds: int | None = None) -> int:
    """A person takes the ticket over, answers and solves it."""
    ticket.assigned(PERSON)
    ticket.plot.wait(minutes=ticket.plot.rng.randint(3, 90))
    ticket.replied(PERSON, handle_seconds=handle_seconds)
    return ticket.solved(PERSON)


ASKED_ONLY = "pass missing none"
"""The first three legs of a case in which the agent looked and did nothing."""
