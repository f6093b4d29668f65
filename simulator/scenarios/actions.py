"""The action leg: logical actions, their last attempt, and what is a write."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.plot import CUSTOMER, PERSON, SYSTEM, CasePlan, Plot, SessionPlan
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import edge
from simulator.stories import (
    act_safely,
    finish,
    open_case,
    understand,
    understood_case,
)


def _checked_case(plot: Plot) -> tuple[CasePlan, Ticket, SessionPlan]:
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    return case, ticket, talk


def _action_leg(
    case: CasePlan, talk: SessionPlan, ticket: Ticket, leg: str, compliance: str
) -> None:
    closed_at = finish(talk, ticket)
    case.expects(
        legs=f"pass pass {leg} pass",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
        kind="unproven",
        resolved_at=closed_at,
        compliance=compliance,
    )


@edge()
def last_attempt_times_out(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes("failure", attempt=1)
    talk.writes("timeout", attempt=2)
    _action_leg(case, talk, ticket, "fail", "1/1")


@edge()
def success_undone_by_a_later_failure(plot: Plot) -> None:
    """The last event of a logical action decides."""
    case, ticket, talk = _checked_case(plot)
    talk.writes("success", attempt=1)
    talk.writes("failure", attempt=2)
    _action_leg(case, talk, ticket, "fail", "1/1")


@edge()
def one_of_two_actions_left_failed(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes("success", action="a")
    talk.writes("failure", action="b")
    _action_leg(case, talk, ticket, "fail", "2/2")


@edge()
def unknown_action_outcome(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes("unknown")
    _action_leg(case, talk, ticket, "fail", "1/1")


@edge()
def unsaid_action_outcome(plot: Plot) -> None:
    """An unsaid outcome is no success."""
    case, ticket, talk = _checked_case(plot)
    talk.writes("success", attempt=1)
    talk.writes(None, attempt=2)
    _action_leg(case, talk, ticket, "fail", "1/1")


@edge()
def retry_without_action_id(plot: Plot) -> None:
    """Without an id the action's name makes the logical action."""
    case, ticket, talk = _checked_case(plot)
    talk.writes("failure", action=None)
    talk.writes("success", action=None)
    case.resolves(finish(talk, ticket))


@edge()
def optional_write_only(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.writes("success", is_required=False)
    talk.checks()
    _action_leg(case, talk, ticket, "none", "0/0")


@edge()
def optional_write_fails_beside_a_required_one(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes("success", action="a", is_required=True)
    talk.writes("failure", action="b", is_required=False)
    case.resolves(finish(talk, ticket), compliance="2/2")


@edge()
def required_by_its_last_attempt(plot: Plot) -> None:
    """The last event decides on the flags too."""
    case, ticket, talk = _checked_case(plot)
    talk.writes("failure", attempt=1, is_required=False)
    talk.writes("success", attempt=2, is_required=True)
    case.resolves(finish(talk, ticket))


@edge()
def optional_by_its_last_attempt(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes("success", action="a")
    talk.writes("failure", action="b", attempt=1, is_required=True)
    talk.writes("failure", action="b", attempt=2, is_required=False)
    case.resolves(finish(talk, ticket), compliance="2/2")


@edge()
def failed_reads_do_not_count(plot: Plot) -> None:
    """Reads count in `action_failure_rate` and nowhere else."""
    case, ticket, talk = understood_case(plot)
    talk.looks_up("failure")
    talk.looks_up("timeout")
    act_safely(talk)
    talk.acts("transfer_to_desk", "failure", action="t")
    case.resolves(finish(talk, ticket))


@edge()
def unknown_action_is_no_write(plot: Plot) -> None:
    """A name that the seed does not know makes no resolution."""
    case, ticket, talk = _checked_case(plot)
    talk.acts("frobnicate_widget", action="a")
    _action_leg(case, talk, ticket, "none", "0/0")


@edge()
def unknown_action_said_to_write(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.acts("frobnicate_widget", action="a", is_write=True)
    case.resolves(finish(talk, ticket))


@edge()
def known_write_said_to_be_none(plot: Plot) -> None:
    """What the log says of the action goes before the seed."""
    case, ticket, talk = _checked_case(plot)
    talk.writes(is_write=False)
    _action_leg(case, talk, ticket, "none", "0/0")


@edge()
def write_flag_is_not_a_flag(plot: Plot) -> None:
    """A flag that is no boolean is not said: the seed decides."""
    case, ticket, talk = _checked_case(plot)
    talk.writes(is_write="no")
    case.resolves(finish(talk, ticket))


@edge()
def write_by_the_system(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    talk.writes(actor=SYSTEM)
    case.resolves(finish(talk, ticket))


@edge()
def write_by_a_person(plot: Plot) -> None:
    case, ticket, talk = _checked_case(plot)
    at = talk.writes(actor=PERSON)
    case.escalation("human_takeover", at, "human_touch", talk)
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass pass none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )


@edge(days=2)
def write_retried_in_the_next_session(plot: Plot) -> None:
    """A logical action belongs to the case, not to the session."""
    case, ticket, first = _checked_case(plot)
    first.writes("timeout", attempt=1)
    first.ends("error")
    plot.wait(hours=3)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    second.checks_identity()
    second.writes("success", attempt=2)
    case.resolves(finish(second, ticket))


@edge()
def action_without_a_question(plot: Plot) -> None:
    """Something was done unasked: nobody dropped off; the ticket names the intent."""
    says = {"says_intent": plot.intent.code}
    case, ticket, talk = open_case(plot, tier_from="ticket", ticket_says=says)
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
def write_by_the_customer(plot: Plot) -> None:
    """What customers do themselves fills no leg and is no attempt."""
    case, ticket, talk = _checked_case(plot)
    talk.writes(actor=CUSTOMER)
    _action_leg(case, talk, ticket, "none", "0/0")


@edge()
def write_by_the_customer_before_the_check(plot: Plot) -> None:
    """The customer's own act came unchecked: no violation of the agent's."""
    case, ticket, talk = understood_case(plot)
    talk.writes(actor=CUSTOMER)
    talk.checks(action="a")
    talk.writes()
    case.resolves(finish(talk, ticket))
