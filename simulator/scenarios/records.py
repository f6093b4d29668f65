"""How records look and land: ids, spellings, versions, repeats, delays."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.clock import DAY, HOUR
from simulator.plot import CasePlan, Plot, Record, SessionPlan
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import add_edge, edge
from simulator.stories import act_safely, finish, open_case, resolve, understand


@edge()
def integer_ids(plot: Plot) -> None:
    """An id may be an integer: it is its decimal text."""
    number = 9_000_000 + plot.number
    case = plot.case(customer=number)
    ticket = case.ticket(ticket_id=number)
    ticket.created()
    talk = case.session(ticket)
    talk.starts()
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))
    for record in plot.records:
        if record.feed == "ticket_events":
            record.body["ticket_id"] = str(number)
            record.body["customer_id"] = str(number)
        else:
            digits = record.body["event_id"].rsplit("-", 1)[1]
            record.body["event_id"] = number * 1_000 + int(digits)


def _add_time_style(style: str) -> None:
    def act(plot: Plot) -> None:
        plot.time_style = style
        case, _, _, closed_at = resolve(plot)
        case.resolves(closed_at)

    add_edge(f"times_as_{style}", act)


for _style in ("offset", "west", "epoch_s", "epoch_ms", "epoch_ns"):
    _add_time_style(_style)


def _write_of(plot: Plot) -> Record:
    writes = [
        record
        for record in plot.records
        if record.body.get("action_type") == "action_executed"
    ]
    return writes[-1]


def _add_correction(way: str, days: float) -> None:
    def act(plot: Plot) -> None:
        case, _, _, closed_at = resolve(plot)
        case.resolves(closed_at)
        _write_of(plot).correction = way

    add_edge(f"write_corrected_by_{way}", act, days=days)


for _way in ("version", "timestamp", "hash", "version_first"):
    _add_correction(_way, 2)


@edge(days=2)
def closure_corrected_by_version(plot: Plot) -> None:
    """The helpdesk sends the closing event again, in other words."""
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)
    for record in plot.records:
        if record.body.get("event_type") == "solved":
            record.correction = "version"


@edge(days=3)
def repeated_everywhere(plot: Plot) -> None:
    """Every record of the case lands three times."""
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)
    for record in plot.records:
        record.repeats = 2


@edge(days=5)
def late_by_days(plot: Plot) -> None:
    """The agent's whole log comes days later than the ticket's events."""
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)
    for record in plot.records:
        if record.feed == "agent_events":
            record.lag = 3 * DAY + plot.number % 7 * HOUR


@edge(days=2)
def closure_lands_before_the_session(plot: Plot) -> None:
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)
    for record in plot.records:
        if record.body.get("action_type") == "session_started":
            record.lag = 20 * HOUR


def _odd_case(plot: Plot) -> tuple[CasePlan, Ticket, SessionPlan]:
    case, ticket, talk = open_case(plot)
    talk.says = "always"
    understand(talk)
    return case, ticket, talk


@edge()
def unknown_action_type(plot: Plot) -> None:
    """An action type that nobody knows is data and moves no figure."""
    case, ticket, talk = _odd_case(plot)
    talk.log("sim_mood_detected", "grumpy", {"score": 0.4})
    act_safely(talk)
    ticket.act("sim_ticket_polished")
    case.resolves(finish(talk, ticket))


@edge()
def extra_fields_and_secrets(plot: Plot) -> None:
    """Extra fields go into attributes, where secrets are masked."""
    case, ticket, talk = _odd_case(plot)
    talk.log(
        "session_note",
        None,
        {"api_key": "sim-not-a-real-key", "nested": {"clientSecret": "sim-secret"}},
        region="eu",
        intent="an extra field never overrides attributes",
    )
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def extra_field_named_as_an_attribute(plot: Plot) -> None:
    """An extra top-level field never overrides `attributes`."""
    case, ticket, talk = open_case(plot)
    talk.asks()
    talk.classifies()
    plot.records[-1].body["intent"] = "sim_wrong_intent"
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def outcomes_in_capitals(plot: Plot) -> None:
    """Outcomes are lower-cased."""
    case, ticket, talk = _odd_case(plot)
    act_safely(talk)
    case.resolves(finish(talk, ticket))
    for record in plot.records:
        if "outcome" in record.body:
            record.body["outcome"] = record.body["outcome"].upper()


@edge()
def blank_strings_are_null(plot: Plot) -> None:
    """Empty and blank strings say nothing."""
    case, ticket, talk = _odd_case(plot)
    act_safely(talk)
    talk.log(
        "session_note",
        "",
        None,
        ticket_id=" ",
        customer_id="",
        channel="  ",
        environment="",
        previous_session_id=" ",
    )
    case.resolves(finish(talk, ticket))


@edge()
def blank_names_come_first(plot: Plot) -> None:
    """A blank first word is no word: the next event's counts."""
    case = plot.case()
    ticket = case.ticket()
    ticket.created()
    talk = case.session(ticket, says="late")
    talk.log(
        "session_started",
        None,
        None,
        ticket_id="",
        customer_id=" ",
        channel="",
        agent_name=" ",
        agent_version="",
        environment=" ",
    )
    understand(talk)
    act_safely(talk)
    case.resolves(finish(talk, ticket))


@edge()
def every_record_names_its_actor(plot: Plot) -> None:
    plot.states_actor = True
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)


@edge()
def no_agent_record_names_its_actor(plot: Plot) -> None:
    """Unsaid, the actor is the agent."""
    plot.states_actor = False
    case, _, _, closed_at = resolve(plot)
    case.resolves(closed_at)
