"""Tickets across systems: merges, chains and rings of them, two helpdesks."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.plot import CUSTOMER, PERSON, Plot
from simulator.scenarios import edge
from simulator.stories import (
    act_safely,
    finish,
    finish_in_log,
    understand,
    understood_case,
)


@edge(days=2)
def merged_ticket(plot: Plot) -> None:
    """The case goes by the target, and closes with it."""
    case, source, talk = understood_case(plot)
    target = case.ticket()
    target.created()
    source.merged_into(target)
    talk.truth_ticket = target.name
    act_safely(talk)
    case.resolves(finish(talk, target))


@edge(days=2)
def merged_source_closed_target_open(plot: Plot) -> None:
    """Closure is read from the target alone."""
    case, source, talk = understood_case(plot)
    target = case.ticket()
    target.created()
    talk.truth_ticket = target.name
    act_safely(talk)
    finish(talk, source)
    source.merged_into(target)
    case.expects(
        legs="pass pass pass fail",
        resolved=False,
        blocker="closure",
        outcome="silent",
        compliance="1/1",
        ever_closed=False,
    )


@edge(days=2)
def merge_chain(plot: Plot) -> None:
    case, one, talk = understood_case(plot)
    two, three = case.ticket(), case.ticket()
    two.created()
    three.created()
    two.merged_into(three)
    one.merged_into(two)
    talk.truth_ticket = three.name
    act_safely(talk)
    case.resolves(finish(talk, three))


@edge(days=2)
def merge_ring(plot: Plot) -> None:
    """Merged into each other: the smallest name stands for all."""
    case, one, talk = understood_case(plot)
    two = case.ticket()
    two.created()
    one.merged_into(two)
    two.merged_into(one)
    talk.truth_ticket = min(one.name, two.name)
    act_safely(talk)
    case.resolves(finish(talk, one))


@edge(days=2)
def merged_twice(plot: Plot) -> None:
    """A ticket merged twice follows the last merge."""
    case, source, talk = understood_case(plot)
    target = case.ticket()
    target.created()
    source.merged_into(f"SIM-{plot.tag}-99")
    source.merged_into(target)
    talk.truth_ticket = target.name
    act_safely(talk)
    case.resolves(finish(talk, target))


@edge(days=2)
def merged_into_unknown(plot: Plot) -> None:
    """A target that no feed has seen is not known: the log counts."""
    case, source, talk = understood_case(plot)
    talk.truth_ticket = f"SIM-{plot.tag}-99"
    source.merged_into(talk.truth_ticket)
    act_safely(talk)
    case.resolves(finish_in_log(talk))


@edge(days=3)
def merge_joins_two_sessions(plot: Plot) -> None:
    """Two tickets' sessions become one case when the tickets are merged."""
    case, one, first = understood_case(plot)
    first.ends("timeout")
    plot.wait(hours=6)
    two = case.ticket()
    two.created()
    second = case.session(two, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    one.merged_into(two)
    first.truth_ticket = two.name
    act_safely(second)
    case.resolves(finish(second, two))


@edge(days=3)
def merged_ticket_opened_earlier(plot: Plot) -> None:
    """Opening is read from all of the merged tickets."""
    case = plot.case()
    early = case.ticket()
    early.created(CUSTOMER)
    plot.wait(hours=7)
    target = case.ticket()
    target.created()
    talk = case.session(target)
    talk.starts()
    understand(talk)
    early.merged_into(target)
    act_safely(talk)
    case.resolves(finish(talk, target))


@edge(days=3)
def touched_on_the_merged_ticket(plot: Plot) -> None:
    """A person's reply on the ticket that was merged away is a touch."""
    case, source, talk = understood_case(plot)
    target = case.ticket()
    target.created()
    touched_at = source.replied(PERSON)
    case.escalation("human_takeover", touched_at, "human_touch")
    source.merged_into(target)
    talk.truth_ticket = target.name
    act_safely(talk)
    closed_at = finish(talk, target)
    case.expects(
        legs="pass pass pass pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
        compliance="1/1",
    )


@edge(days=2)
def two_helpdesks(plot: Plot) -> None:
    """One ticket id in two ticket systems is two tickets."""
    shared = f"SIM-{plot.tag}-SHARED"
    for system in ("sim_desk_north", "sim_desk_south"):
        case = plot.case()
        ticket = case.ticket(ticket_id=shared, system=system)
        ticket.created()
        talk = case.session(ticket, says="always")
        talk.starts()
        understand(talk)
        act_safely(talk)
        if system == "sim_desk_north":
            case.resolves(finish(talk, ticket))
        else:
            talk.ends("resolved")
            case.expects(
                legs="pass pass pass fail",
                resolved=False,
                blocker="closure",
                outcome="silent",
                compliance="1/1",
            )
        plot.wait(hours=1)


@edge()
def default_helpdesk_said_by_one_side(plot: Plot) -> None:
    """Unsaid and the default's own name are the same helpdesk."""
    case = plot.case()
    ticket = case.ticket(system="default")
    ticket.created()
    talk = case.session(ticket)
    talk.fields = {**talk.fields, "ticket_system": None}
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def second_ticket_named_later(plot: Plot) -> None:
    """A session belongs to the first ticket that it names."""
    case, ticket, talk = understood_case(plot)
    talk.fields = {**talk.fields, "ticket_id": f"SIM-{plot.tag}-98"}
    talk.says = "always"
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge(days=2)
def merge_tail_into_a_ring(plot: Plot) -> None:
    """A chain that ends in a ring ends at the ring's smallest name."""
    case, tail, talk = understood_case(plot)
    low, high = case.ticket(), case.ticket()
    low.created()
    high.created()
    tail.merged_into(high)
    high.merged_into(low)
    low.merged_into(high)
    talk.truth_ticket = low.name
    act_safely(talk)
    case.resolves(finish(talk, low))


@edge()
def ticket_system_without_a_ticket(plot: Plot) -> None:
    """The ticket system is the one that the event with the ticket names."""
    case = plot.case()
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, says="late")
    talk.log("session_started", ticket_system="sim_desk_north")
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))
