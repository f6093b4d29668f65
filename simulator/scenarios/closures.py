"""The closure leg: what closes a case, what reopens it, and who came back."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.clock import HOUR
from simulator.plot import CUSTOMER, PERSON, CasePlan, Plot, SessionPlan
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import edge
from simulator.stories import (
    act_safely,
    finish,
    finish_in_log,
    resolve,
    understand,
    understood_case,
    understood_talk,
)


def _closure_fails(
    case: CasePlan, closed_at: int, reopened_at: int | None, compliance: str = "1/1"
) -> None:
    """Closed by the ticket, but the customer came back or said no."""
    case.expects(
        legs="pass pass pass fail",
        resolved=False,
        blocker="closure",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
        reopened_at=reopened_at,
        compliance=compliance,
    )


def _stays_open(case: CasePlan, reopened_at: int | None = None) -> None:
    """The work was done, but the ticketing system says that it is open."""
    case.expects(
        legs="pass pass pass fail",
        resolved=False,
        blocker="closure",
        outcome="silent",
        reopened_at=reopened_at,
        compliance="1/1",
    )


def _come_back(
    case: CasePlan, ticket: Ticket | None, first: SessionPlan, rule: str
) -> SessionPlan:
    """The customer returns and asks again; nothing is done about it."""
    previous = first if rule == "continued" else None
    talk = case.session(ticket, link_rule=rule, parent=first, previous=previous)
    talk.starts()
    understand(talk)
    talk.ends("timeout")
    return talk


@edge(days=3)
def reopened_then_closed_again(plot: Plot) -> None:
    """Resolved by the closure that stands, yet never durable."""
    case, ticket, _, _ = resolve(plot)
    plot.wait(hours=20)
    reopened_at = ticket.reopened(CUSTOMER)
    plot.wait(hours=5)
    closed_at = ticket.solved()
    plot.wait(hours=20)
    ticket.closed()
    case.resolves(closed_at, reopened_at=reopened_at)


@edge(days=2)
def reopened_and_left_open(plot: Plot) -> None:
    case, ticket, _, _ = resolve(plot)
    plot.wait(hours=20)
    reopened_at = ticket.reopened(CUSTOMER)
    _stays_open(case, reopened_at)


@edge(days=2)
def reopened_by_a_status(plot: Plot) -> None:
    """A change to a status that is not a closed one reopens."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    ticket.status("closed")
    talk.ends("resolved")
    plot.wait(hours=9)
    reopened_at = ticket.status("pending")
    _stays_open(case, reopened_at)


@edge(days=3)
def closed_again_by_a_status(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    ticket.status("solved")
    talk.ends("resolved")
    plot.wait(hours=9)
    reopened_at = ticket.status("open")
    plot.wait(hours=9)
    closed_at = ticket.status("resolved")
    case.resolves(closed_at, reopened_at=reopened_at)


@edge(days=6)
def first_closing_act_of_the_spell(plot: Plot) -> None:
    """Solved, then closed for good: the resolution is the first of them."""
    case, ticket, _, solved_at = resolve(plot)
    ticket.status("solved")
    plot.wait(days=4)
    ticket.closed()
    case.resolves(solved_at)


@edge(days=3)
def returned_after_closure_same_ticket(plot: Plot) -> None:
    case, ticket, first, closed_at = resolve(plot)
    plot.wait(hours=30)
    back = _come_back(case, ticket, first, "ticket")
    _closure_fails(case, closed_at, back.started_at)


@edge(days=3)
def returned_after_closure_by_continuing(plot: Plot) -> None:
    case, _, first, closed_at = resolve(plot)
    plot.wait(hours=30)
    back = _come_back(case, None, first, "continued")
    _closure_fails(case, closed_at, back.started_at)


@edge(days=4)
def returned_and_closed_once_more(plot: Plot) -> None:
    """A second closing act without a reopening one does not make a new spell."""
    case, ticket, first, closed_at = resolve(plot)
    plot.wait(hours=30)
    back = _come_back(case, ticket, first, "ticket")
    plot.wait(hours=3)
    ticket.closed()
    _closure_fails(case, closed_at, back.started_at)


@edge(days=4)
def returned_reopened_and_closed(plot: Plot) -> None:
    """The return came before the closure that stands: closed, but reopened."""
    case, ticket, first, _ = resolve(plot)
    plot.wait(hours=30)
    back = case.session(ticket, link_rule="ticket", parent=first)
    back.starts()
    understand(back)
    ticket.reopened()
    act_safely(back, "b")
    closed_at = finish(back, ticket)
    case.resolves(closed_at, reopened_at=back.started_at, compliance="2/2")


@edge()
def denied_after_closure(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.confirms("denied")
    talk.ends("resolved")
    _closure_fails(case, closed_at, None)


@edge()
def denied_then_confirmed(plot: Plot) -> None:
    """Any denial after the closure fails the leg."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.confirms("denied")
    talk.confirms("confirmed")
    talk.ends("resolved")
    _closure_fails(case, closed_at, None)


@edge()
def denied_before_closure(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.confirms("denied")
    act_safely(talk)
    talk.confirms("confirmed")
    case.resolves(finish(talk, ticket))


@edge(days=2)
def denied_then_helped_by_a_person(plot: Plot) -> None:
    """What people do after a denial is a touch, though the case was closed."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    talk.confirms("denied")
    talk.ends("resolved")
    plot.wait(hours=2)
    touched_at = ticket.replied(PERSON)
    case.escalation("human_takeover", touched_at, "human_touch")
    case.expects(
        legs="pass pass pass fail",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
        compliance="1/1",
    )


@edge()
def closed_in_log_without_ticket(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    act_safely(talk)
    case.resolves(finish_in_log(talk))


@edge(days=2)
def reopened_in_the_log(plot: Plot) -> None:
    case = plot.case()
    talk = case.session(ticket_named=f"SIM-OTHER-{plot.tag}")
    talk.starts()
    understand(talk)
    act_safely(talk)
    talk.logs_closure()
    plot.wait(hours=2)
    reopened_at = talk.logs_reopening()
    _stays_open(case, reopened_at)


@edge(days=2)
def closed_again_in_the_log(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    act_safely(talk)
    talk.logs_closure()
    plot.wait(hours=2)
    reopened_at = talk.logs_reopening()
    plot.wait(hours=2)
    closed_at = talk.logs_closure()
    talk.ends("resolved")
    case.resolves(closed_at, reopened_at=reopened_at)


@edge()
def ticket_known_but_open(plot: Plot) -> None:
    """The ticketing feed knows the ticket, so the log's closure is nothing."""
    case, _, talk = understood_case(plot)
    act_safely(talk)
    finish_in_log(talk)
    _stays_open(case)


@edge()
def closed_by_the_ticket_before_the_log(plot: Plot) -> None:
    """The ticket's time of closure counts, not the log's."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    closed_at = ticket.solved()
    plot.wait(minutes=5)
    finish_in_log(talk)
    case.resolves(closed_at)


@edge(days=2)
def resolved_is_the_last_sessions_word(plot: Plot) -> None:
    """Only the last session's `resolved` makes a case closed but unproven."""
    case, first = understood_talk(plot)
    act_safely(first)
    first.ends("resolved")
    plot.wait(hours=4)
    _come_back(case, None, first, "continued")
    case.expects(
        legs="pass pass pass missing",
        resolved=None,
        blocker="closure",
        outcome="silent",
        compliance="1/1",
    )


def _second_ticket(case: CasePlan, first: SessionPlan) -> tuple[Ticket, SessionPlan]:
    """The same matter goes on under another ticket."""
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, link_rule="continued", parent=first, previous=first)
    talk.starts()
    understand(talk)
    return ticket, talk


@edge(days=2)
def two_tickets_one_open(plot: Plot) -> None:
    """Closed only if all of its tickets are; it never was."""
    case, one, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(hours=2)
    _, second = _second_ticket(case, first)
    act_safely(second)
    plot.wait(minutes=5)
    one.solved()
    second.ends("resolved")
    case.expects(
        legs="pass pass pass fail",
        resolved=False,
        blocker="closure",
        outcome="silent",
        compliance="1/1",
        ever_closed=False,
    )


@edge(days=2)
def two_tickets_both_closed(plot: Plot) -> None:
    """The later of the two closures is the case's."""
    case, one, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(hours=2)
    two, second = _second_ticket(case, first)
    act_safely(second)
    two.solved()
    second.ends("resolved")
    plot.wait(hours=1)
    closed_at = one.solved()
    case.resolves(closed_at)


@edge(days=3)
def later_ticket_of_a_closed_case(plot: Plot) -> None:
    """A later ticket of a closed case is a return, at its first event."""
    case, _, first, _ = resolve(plot)
    plot.wait(hours=20)
    returned_at = plot.now
    two, second = _second_ticket(case, first)
    act_safely(second, "b")
    closed_at = finish(second, two)
    case.resolves(closed_at, reopened_at=returned_at, compliance="2/2")


@edge(days=2)
def ticket_without_created(plot: Plot) -> None:
    """The case opens at the ticket's first event."""
    case = plot.case()
    ticket = case.ticket()
    ticket.says_all("assigned")
    plot.wait(hours=3)
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=2)
def ticket_created_long_before_the_session(plot: Plot) -> None:
    case = plot.case()
    ticket = case.ticket()
    ticket.created(CUSTOMER)
    plot.wait(hours=15)
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def ticket_created_after_the_session_began(plot: Plot) -> None:
    case = plot.case()
    ticket = case.ticket()
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    ticket.created()
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=4)
def silent_for_exactly_72_hours(plot: Plot) -> None:
    """All windows are inclusive: at 72 hours the case is abandoned."""
    plot.jump_to(plot.period.until - 72 * HOUR)
    case = plot.case()
    talk = case.session()
    talk.starts()
    plot.hold()
    talk.asks()
    plot.hold()
    talk.classifies()
    case.expects(
        legs="pass missing none missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@edge(days=4)
def silent_for_a_second_less_than_72_hours(plot: Plot) -> None:
    plot.jump_to(plot.period.until - 72 * HOUR + 1_000)
    case = plot.case()
    talk = case.session()
    talk.starts()
    plot.hold()
    talk.asks()
    plot.hold()
    talk.classifies()
    case.expects(
        legs="pass missing none missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@edge()
def closed_status_on_another_event(plot: Plot) -> None:
    """A closed status is read on `status_changed` and nowhere else."""
    case, ticket, talk = understood_case(plot)
    act_safely(talk)
    ticket.act("tagged", status="solved")
    talk.ends("resolved")
    _stays_open(case)


@edge()
def ticket_acted_on_before_it_was_created(plot: Plot) -> None:
    """The ticket opens the case by its creation, wherever its clock stands."""
    case = plot.case()
    ticket = case.ticket()
    ticket.tagged()
    plot.wait(minutes=10)
    case.opened_at = ticket.created()
    plot.wait(minutes=50)
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=2)
def status_moves_before_the_closure(plot: Plot) -> None:
    """An open status reopens only what was closed."""
    case, ticket, talk = understood_case(plot)
    ticket.status("open")
    act_safely(talk)
    ticket.status("pending")
    plot.wait(hours=4)
    ticket.status("open")
    case.resolves(finish(talk, ticket))


@edge(days=3)
def status_moves_after_the_reopening(plot: Plot) -> None:
    """Reopened once, however often the status moves on while it is open."""
    case, ticket, _, _ = resolve(plot)
    plot.wait(hours=8)
    reopened_at = ticket.status("open")
    ticket.status("pending")
    plot.wait(hours=8)
    closed_at = ticket.status("resolved")
    case.resolves(closed_at, reopened_at=reopened_at)
