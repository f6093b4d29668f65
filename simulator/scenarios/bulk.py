"""What happens on ordinary days."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.plot import CUSTOMER, PERSON, CasePlan, Plot
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import everyday
from simulator.stories import (
    ASKED_ONLY,
    act_safely,
    finish,
    finish_in_log,
    leave_open,
    open_talk,
    person_solves,
    understand,
    understood_case,
    understood_talk,
)
from simulator.vocabulary import REASON_MIX


def _usual_reason(plot: Plot) -> str:
    codes, weights = zip(*REASON_MIX, strict=True)
    return plot.rng.choices(codes, weights)[0]


def _afterwards(case: CasePlan, ticket: Ticket) -> None:
    """What may come after a closure and changes nothing."""
    plot, rng = case.plot, case.plot.rng
    if rng.random() < 0.05 and plot.has_room(days=2):
        plot.wait(hours=rng.randint(3, 40))
        ticket.tagged(PERSON)
    if rng.random() < 0.25 and plot.has_room(days=4.5):
        plot.wait(days=4)
        ticket.closed()


@everyday(days=0.2)
def resolved_clean(plot: Plot) -> None:
    rng = plot.rng
    case = plot.case()
    ticket = case.ticket()
    ticket.created(CUSTOMER)
    if rng.random() < 0.3:
        plot.wait(minutes=rng.randint(1, 40))
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    talk.answers()
    talk.attempts("resolved")
    if rng.random() < 0.4:
        talk.confirms()
    if rng.random() < 0.7:
        closed_at = ticket.solved()
    else:
        closed_at = rng.choice((ticket.closed, lambda: ticket.status("resolved")))()
    talk.ends("resolved")
    _afterwards(case, ticket)
    case.resolves(closed_at)


@everyday(days=0.1)
def retry_then_success(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.checks(action="a")
    failures = plot.rng.randint(1, 2)
    for attempt in range(1, failures + 1):
        outcome = plot.rng.choice(("failure", "timeout"))
        talk.writes(outcome, attempt=attempt)
        talk.thinks()
    talk.writes("success", attempt=failures + 1)
    case.resolves(finish(talk, ticket))


@everyday(days=1.5)
def resolved_over_two_sessions(plot: Plot) -> None:
    case, ticket, first = understood_case(plot)
    first.answers()
    first.ends("timeout")
    plot.wait(minutes=plot.rng.randint(20, 1_800))
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    act_safely(second)
    case.resolves(finish(second, ticket))


@everyday(days=0.1)
def closed_in_log_only(plot: Plot) -> None:
    """The ticketing feed does not know the ticket: the log's closure counts."""
    case = plot.case()
    talk = case.session(ticket_named=f"SIM-OTHER-{plot.tag}")
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish_in_log(talk))


@everyday(days=0.1)
def ended_resolved_unproven(plot: Plot) -> None:
    case, talk = understood_talk(plot)
    act_safely(talk)
    talk.answers()
    talk.attempts("resolved")
    talk.ends("resolved")
    case.expects(
        legs="pass pass pass missing",
        resolved=None,
        blocker="closure",
        outcome="closed_unproven",
        compliance="1/1",
    )


@everyday(days=0.1)
def no_checks(plot: Plot) -> None:
    """The work was done, and no policy check shows that it was allowed."""
    case, ticket, talk = understood_case(plot)
    talk.writes()
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass missing pass pass",
        resolved=None,
        blocker="policy",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
    )


@everyday(about="question", days=0.1)
def informational_answer(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    is_checked = plot.rng.random() < 0.6
    if is_checked:
        talk.checks()
    talk.thinks()
    closed_at = finish(talk, ticket)
    case.expects(
        legs=f"pass {'pass' if is_checked else 'missing'} none pass",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
        kind="informational",
        resolved_at=closed_at,
    )


@everyday(about="any", days=0.5)
def escalated_resolved_by_human(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    is_checked = plot.rng.random() < 0.5
    if is_checked:
        talk.checks_identity()
    talk.thinks()
    reason = _usual_reason(plot)
    asked_by = "customer" if reason == "customer_request" else "ai_agent"
    talk.hands_over(reason, reason, initiated_by=asked_by)
    if plot.rng.random() < 0.3:
        plot.wait(minutes=plot.rng.randint(1, 10))
        talk.joins()
        talk.answers(PERSON)
    talk.ends("escalated")
    closed_at = person_solves(ticket, handle_seconds=plot.rng.randint(60, 1_500))
    case.expects(
        legs=f"pass {'pass' if is_checked else 'missing'} none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )


@everyday(about="any", days=0.3)
def escalated_left_open(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    reason = _usual_reason(plot)
    talk.hands_over(reason, reason)
    talk.ends("escalated")
    if plot.rng.random() < 0.5:
        plot.wait(minutes=plot.rng.randint(5, 300))
        ticket.assigned(PERSON)
    case.expects(
        legs=f"{ASKED_ONLY} fail",
        resolved=False,
        blocker="human",
        outcome="escalated",
        touch=True,
    )


@everyday(days=0.5)
def action_failed_then_escalated(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.checks(action="a")
    talk.writes("failure", attempt=1)
    talk.writes("timeout", attempt=2)
    talk.hands_over("tool_failure", "tool_failure")
    talk.ends("escalated")
    closed_at = person_solves(ticket)
    case.expects(
        legs="pass pass fail pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
        compliance="1/1",
    )


@everyday(days=0.1)
def refused_by_policy(plot: Plot) -> None:
    """The policy forbids it and the agent says no: right, and no resolution."""
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.checks("fail", action="a")
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass fail none pass",
        resolved=False,
        blocker="policy",
        outcome="closed_unproven",
        kind="unproven",
        resolved_at=closed_at,
    )


@everyday(days=0.1)
def check_after_the_act(plot: Plot) -> None:
    """A check that names the action comes after it: proof of nothing."""
    case, ticket, talk = understood_case(plot)
    talk.writes()
    talk.checks(action="a")
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass fail pass pass",
        resolved=False,
        blocker="policy",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
        compliance="0/1",
    )


@everyday(about="any", days=0.1)
def went_silent(plot: Plot) -> None:
    """The customer does not come back: in progress, then abandoned."""
    case, talk = understood_talk(plot)
    leave_open(talk, plot.rng.choice((None, "timeout", "abandoned")))
    case.expects(
        legs=f"{ASKED_ONLY} missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@everyday(about="any", days=0.1)
def went_silent_with_a_ticket(plot: Plot) -> None:
    case, _, talk = understood_case(plot)
    leave_open(talk, plot.rng.choice((None, "timeout", "abandoned")))
    case.expects(
        legs=f"{ASKED_ONLY} fail",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


@everyday(about="any", days=0.1)
def dropped_off_greeting(plot: Plot) -> None:
    case, talk = open_talk(plot, intent=None, tier_from="seed")
    talk.answers()
    talk.greets()
    talk.ends(plot.rng.choice(("abandoned", "timeout")))
    case.expects(
        legs="missing missing none missing",
        resolved=False,
        blocker="action",
        outcome="dropped_off",
    )


def _people_only(plot: Plot, *, states_time: bool) -> None:
    rng = plot.rng
    case = plot.case(involved=False, tier_from=rng.choice(("ticket", "seed")))
    ticket = case.ticket(says_intent=case.intent)
    ticket.created(CUSTOMER)
    ticket.assigned()
    plot.wait(minutes=rng.randint(10, 240))
    first = rng.randint(60, 1_200) if states_time else None
    last = rng.randint(30, 600) if states_time else None
    ticket.replied(PERSON, handle_seconds=first)
    plot.wait(minutes=rng.randint(10, 240))
    ticket.replied(CUSTOMER)
    plot.wait(minutes=rng.randint(10, 240))
    closed_at = ticket.solved(PERSON, handle_seconds=last)
    if states_time:
        case.tallies.handle_seconds = (first or 0) + (last or 0)
    case.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )


@everyday(about="any", days=0.8)
def people_only_active(plot: Plot) -> None:
    """A ticket without a session, and people who state their working time."""
    _people_only(plot, states_time=True)


@everyday(about="any", days=0.8)
def people_only_elapsed(plot: Plot) -> None:
    """A ticket without a session, and nobody states a working time."""
    _people_only(plot, states_time=False)


@everyday(about="any", days=0.3)
def automation_only_ticket(plot: Plot) -> None:
    """Only automation touched the ticket: no people's case."""
    case = plot.case(involved=False, tier_from="seed")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created()
    ticket.assigned()
    plot.wait(hours=2)
    closed_at = ticket.solved("system")
    case.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
        kind="unproven" if plot.intent.requires_action else "informational",
        resolved_at=closed_at,
    )


@everyday(about="any", days=0.1)
def test_by_flag(plot: Plot) -> None:
    """One event of the session says that it is a test."""
    case, ticket, talk = understood_case(plot, eligible=False)
    talk.is_production = False
    talk.log("session_note", None, {"note": "Made-up test run"}, is_test=True)
    closed_at = finish(talk, ticket)
    case.expects(
        legs=f"{ASKED_ONLY} pass",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
        kind="unproven" if plot.intent.requires_action else "informational",
        resolved_at=closed_at,
    )


@everyday(about="any", days=0.1)
def staging_environment(plot: Plot) -> None:
    case = plot.case(eligible=False)
    environment = plot.rng.choice(("staging", "dev", "sandbox"))
    talk = case.session(environment=environment, is_production=False, says="always")
    talk.starts()
    understand(talk)
    leave_open(talk, "resolved")
    case.expects(
        legs=f"{ASKED_ONLY} missing",
        resolved=False,
        blocker="action",
        outcome="closed_unproven",
    )
