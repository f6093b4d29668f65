"""Which sessions are one case, which are another, and what is a re-contact."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from typing import Unpack

from simulator.clock import DAY, HOUR, SECOND
from simulator.plot import CUSTOMER, PERSON, CasePlan, Plot, SessionChoices, SessionPlan
from simulator.scenarios import edge
from simulator.stories import (
    ASKED_ONLY,
    act_safely,
    finish,
    finish_in_log,
    resolve,
    understand,
    understood_case,
    understood_talk,
)
from simulator.vocabulary import ACTION_INTENTS

LINK_WINDOW = 7 * DAY
RECONTACT_WINDOW = 168 * HOUR


def _silent(case: CasePlan, closure_leg: str) -> None:
    """Asked, looked up, and nothing came of it."""
    case.expects(
        legs=f"{ASKED_ONLY} {closure_leg}",
        resolved=False,
        blocker="action",
        outcome="silent",
    )


def _asks_again(
    case: CasePlan,
    parent: SessionPlan | None,
    rule: str | None,
    **plan: Unpack[SessionChoices],
) -> SessionPlan:
    """One more session that gets as far as the agent's understanding."""
    talk = case.session(**plan, link_rule=rule, parent=parent)
    talk.starts()
    understand(talk)
    return talk


def _next_case(plot: Plot, first: CasePlan) -> CasePlan:
    """Another case of the same customer and intent, resolved by the log."""
    case = plot.case(customer=first.customer)
    talk = _asks_again(case, None, None)
    act_safely(talk)
    case.resolves(finish_in_log(talk))
    return case


@edge(days=2)
def continued_session(plot: Plot) -> None:
    case, first = understood_talk(plot)
    first.ends("timeout")
    plot.wait(hours=10)
    second = _asks_again(case, first, "continued", previous=first)
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=14)
def continued_after_many_days(plot: Plot) -> None:
    """A named predecessor is one at any distance, with other intent or none."""
    case, first = understood_talk(plot)
    first.ends("timeout")
    plot.wait(days=12)
    second = case.session(
        link_rule="continued", parent=first, previous=first, customer=None
    )
    second.starts()
    second.asks()
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=2)
def continued_an_unknown_session(plot: Plot) -> None:
    """The named predecessor is in no log: the next rule decides."""
    case, first = understood_talk(plot)
    first.ends("timeout")
    plot.wait(hours=10)
    rule = "same_customer_and_intent"
    second = _asks_again(case, first, rule, previous=f"sim-lost-{plot.tag}")
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=3)
def same_customer_and_intent_link(plot: Plot) -> None:
    case, first = understood_talk(plot)
    first.ends("timeout")
    plot.wait(days=2)
    second = _asks_again(case, first, "same_customer_and_intent")
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=3)
def linked_where_only_one_has_a_ticket(plot: Plot) -> None:
    case, ticket, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(days=2)
    second = _asks_again(case, first, "same_customer_and_intent")
    act_safely(second)
    case.resolves(finish(second, ticket))


@edge(days=3)
def ticket_came_with_the_second_session(plot: Plot) -> None:
    """The root has no ticket: the case goes by its session id."""
    case, first = understood_talk(plot)
    first.ends("timeout")
    plot.wait(days=1)
    rule = "same_customer_and_intent"
    ticket = case.ticket()
    ticket.created()
    second = _asks_again(case, first, rule, ticket=ticket)
    act_safely(second)
    case.resolves(finish(second, ticket))


@edge(days=8)
def linked_at_exactly_7_days(plot: Plot) -> None:
    case, first = understood_talk(plot)
    ended_at = first.ends("timeout")
    plot.jump_to(ended_at + LINK_WINDOW)
    second = _asks_again(case, first, "same_customer_and_intent")
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=8)
def link_refused_a_second_after_7_days(plot: Plot) -> None:
    case, first = understood_talk(plot)
    ended_at = first.ends("timeout")
    _silent(case, "missing")
    plot.jump_to(ended_at + LINK_WINDOW + SECOND)
    _next_case(plot, case)


@edge(days=9)
def link_refused_after_8_days(plot: Plot) -> None:
    case, _, first = understood_case(plot)
    first.ends("timeout")
    _silent(case, "fail")
    plot.wait(days=8)
    _next_case(plot, case)


@edge(days=3)
def link_refused_both_ticketed(plot: Plot) -> None:
    one, _, first = understood_case(plot)
    first.ends("timeout")
    _silent(one, "fail")
    plot.wait(days=1)
    two, ticket, second = understood_case(plot, customer=one.customer)
    act_safely(second)
    two.resolves(finish(second, ticket))


@edge(days=3)
def link_refused_after_closure(plot: Plot) -> None:
    """After a closure a return is a new case and a re-contact."""
    one, _, _, closed_at = resolve(plot)
    plot.wait(days=1)
    two = _next_case(plot, one)
    one.resolves(closed_at)
    one.recontacted_at = two.opened_at


@edge(days=3)
def link_refused_after_closure_in_the_log(plot: Plot) -> None:
    one, first = understood_talk(plot)
    act_safely(first)
    closed_at = finish_in_log(first)
    plot.wait(days=1)
    two = _next_case(plot, one)
    one.resolves(closed_at)
    one.recontacted_at = two.opened_at


@edge(days=4)
def linked_after_reopening(plot: Plot) -> None:
    """Closed once but reopened before the return: not closed before."""
    case, ticket, first, _ = resolve(plot)
    plot.wait(hours=10)
    reopened_at = ticket.reopened()
    plot.wait(hours=10)
    second = _asks_again(case, first, "same_customer_and_intent")
    act_safely(second, "b")
    closed_at = finish(second, ticket)
    case.resolves(closed_at, reopened_at=reopened_at, compliance="2/2")


@edge(days=4)
def latest_earlier_session_decides(plot: Plot) -> None:
    """The latest earlier session was closed: no link, not even to another."""
    one, _, first = understood_case(plot)
    first.ends("timeout")
    _silent(one, "fail")
    plot.wait(days=1)
    two, _, _, closed_at = resolve(plot, customer=one.customer)
    two.resolves(closed_at)
    plot.wait(days=1)
    three = _next_case(plot, one)
    two.recontacted_at = three.opened_at


@edge(days=1)
def overlapping_sessions_link(plot: Plot) -> None:
    """The second session starts before the first one ends."""
    case, first = understood_talk(plot)
    second = _asks_again(case, first, "same_customer_and_intent")
    first.ends("timeout")
    act_safely(second)
    case.resolves(finish_in_log(second))


@edge(days=4)
def three_sessions_of_one_ticket(plot: Plot) -> None:
    """The parent is the earliest session of the ticket, not the last one."""
    case, ticket, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(days=1)
    _asks_again(case, first, "ticket", ticket=ticket).ends("timeout")
    plot.wait(days=1)
    third = _asks_again(case, first, "ticket", ticket=ticket)
    act_safely(third)
    case.resolves(finish(third, ticket))


@edge(days=4)
def chain_of_links(plot: Plot) -> None:
    """A ticket's session, its continuation, and who came back to that."""
    case, ticket, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(days=1)
    second = _asks_again(case, first, "continued", previous=first)
    second.ends("timeout")
    plot.wait(days=1)
    third = _asks_again(case, second, "same_customer_and_intent")
    act_safely(third)
    case.resolves(finish(third, ticket))


@edge(days=3)
def ticket_goes_before_continued(plot: Plot) -> None:
    """A session names another one, but its ticket has an earlier session."""
    one, ticket, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(hours=2)
    other, elsewhere = understood_talk(plot)
    leave = elsewhere.ends("timeout")
    _silent(other, "missing")
    plot.jump_to(leave + 5 * HOUR)
    second = _asks_again(one, first, "ticket", ticket=ticket, previous=elsewhere)
    act_safely(second)
    one.resolves(finish(second, ticket))


@edge(days=1)
def sessions_with_equal_starts(plot: Plot) -> None:
    """Equal starts go by session id."""
    case = plot.case()
    ticket = case.ticket()
    first = case.session(ticket, session_id=f"sim-session-{plot.tag}-a")
    second = case.session(
        ticket,
        session_id=f"sim-session-{plot.tag}-b",
        link_rule="ticket",
        parent=first,
    )
    second.starts()
    plot.hold()
    first.starts()
    ticket.created()
    understand(second)
    understand(first)
    act_safely(first)
    second.ends("timeout")
    case.resolves(finish(first, ticket))


@edge(days=2)
def other_intent_is_another_case(plot: Plot) -> None:
    others = [intent for intent in ACTION_INTENTS if intent.code != plot.intent.code]
    one, first = understood_talk(plot)
    first.ends("timeout")
    _silent(one, "missing")
    plot.wait(hours=9)
    code = plot.rng.choice(others).code
    two, second = understood_talk(plot, customer=one.customer, intent=code)
    second.ends("timeout")
    _silent(two, "missing")


@edge(days=3)
def one_ticket_two_agents(plot: Plot) -> None:
    """Two logs that use one session id are two sessions; the ticket joins them."""
    case = plot.case(source_system="sim_voice")
    ticket = case.ticket()
    ticket.created()
    first = case.session(ticket)
    first.starts()
    understand(first)
    first.ends("timeout")
    plot.wait(hours=8)
    second = _asks_again(
        case,
        first,
        "ticket",
        ticket=ticket,
        source_system="sim_mail",
        session_id=first.session_id,
    )
    act_safely(second)
    case.resolves(finish(second, ticket))


@edge(days=9)
def recontact_within_window(plot: Plot) -> None:
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.wait(days=5)
    two, _, _, again_at = resolve(plot, customer=one.customer)
    two.resolves(again_at)
    one.recontacted_at = two.opened_at


@edge(days=9)
def recontact_at_exactly_168_hours(plot: Plot) -> None:
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.jump_to(closed_at + RECONTACT_WINDOW)
    two, _, _, again_at = resolve(plot, customer=one.customer)
    two.resolves(again_at)
    one.recontacted_at = two.opened_at


@edge(days=9)
def recontact_after_window(plot: Plot) -> None:
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.jump_to(closed_at + RECONTACT_WINDOW + SECOND)
    two, _, _, again_at = resolve(plot, customer=one.customer)
    two.resolves(again_at)


@edge(days=6)
def first_of_two_recontacts(plot: Plot) -> None:
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.wait(days=2)
    two, _, _, again_at = resolve(plot, customer=one.customer)
    two.resolves(again_at)
    plot.wait(days=2)
    three, _, _, at_last = resolve(plot, customer=one.customer)
    three.resolves(at_last)
    one.recontacted_at = two.opened_at
    two.recontacted_at = three.opened_at


@edge(days=4)
def recontact_by_way_of_people(plot: Plot) -> None:
    """A ticket without a session is a re-contact too."""
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.wait(days=2)
    two = plot.case(customer=one.customer, involved=False, tier_from="ticket")
    ticket = two.ticket(says_intent=plot.intent.code)
    ticket.created(CUSTOMER)
    plot.wait(hours=2)
    solved_at = ticket.solved(PERSON)
    two.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=solved_at,
        touch=True,
    )
    one.recontacted_at = two.opened_at


@edge(days=4)
def recontact_across_source_systems(plot: Plot) -> None:
    """A customer is one person across source systems."""
    one, _, _, closed_at = resolve(plot, source_system="sim_voice")
    one.resolves(closed_at)
    plot.wait(days=2)
    two, _, _, again_at = resolve(plot, customer=one.customer, source_system="sim_mail")
    two.resolves(again_at)
    one.recontacted_at = two.opened_at


@edge(days=4)
def other_intent_is_no_recontact(plot: Plot) -> None:
    others = [intent for intent in ACTION_INTENTS if intent.code != plot.intent.code]
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.wait(days=2)
    code = plot.rng.choice(others).code
    two, _, _, again_at = resolve(plot, customer=one.customer, intent=code)
    two.resolves(again_at)


@edge(days=3)
def opened_before_the_resolution_is_no_recontact(plot: Plot) -> None:
    """A re-contact opens strictly after the resolution."""
    one, ticket, first = understood_case(plot)
    act_safely(first)
    plot.wait(minutes=10)
    two, other, second = understood_case(plot, customer=one.customer)
    plot.wait(minutes=10)
    closed_at = finish(first, ticket)
    act_safely(second)
    two.resolves(finish(second, other))
    one.resolves(closed_at)


@edge(days=4)
def test_traffic_is_no_recontact(plot: Plot) -> None:
    """Staging sessions are linked with no real one and are no re-contact."""
    one, _, _, closed_at = resolve(plot)
    one.resolves(closed_at)
    plot.wait(days=1)
    rehearsal = plot.case(customer=one.customer, eligible=False)
    talk = _asks_again(
        rehearsal, None, None, environment="staging", is_production=False
    )
    talk.ends("timeout")
    _silent(rehearsal, "missing")


@edge(days=3)
def staging_session_is_not_linked(plot: Plot) -> None:
    """The same customer and intent, a day after an open session: still apart."""
    one, first = understood_talk(plot)
    first.ends("timeout")
    _silent(one, "missing")
    plot.wait(days=1)
    rehearsal = plot.case(customer=one.customer, eligible=False)
    talk = _asks_again(
        rehearsal, None, None, environment="staging", is_production=False
    )
    talk.ends("timeout")
    _silent(rehearsal, "missing")


@edge(days=3)
def ticket_without_a_session_is_no_parent(plot: Plot) -> None:
    """An open ticket of the same matter does not take the session in."""
    one = plot.case(involved=False, tier_from="ticket")
    ticket = one.ticket(says_intent=plot.intent.code)
    ticket.created(CUSTOMER)
    plot.wait(hours=2)
    ticket.replied(PERSON)
    one.expects(
        legs="missing missing none fail",
        resolved=False,
        blocker="human",
        outcome="escalated",
        touch=True,
    )
    plot.wait(hours=20)
    _next_case(plot, one)


@edge(days=3)
def recontact_after_people_solved_it(plot: Plot) -> None:
    """A people's case has re-contacts too; it is not the agent's to be durable."""
    one = plot.case(involved=False, tier_from="ticket")
    ticket = one.ticket(says_intent=plot.intent.code)
    ticket.created(CUSTOMER)
    plot.wait(hours=2)
    closed_at = ticket.solved(PERSON)
    one.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )
    plot.wait(hours=20)
    two = _next_case(plot, one)
    one.recontacted_at = two.opened_at
