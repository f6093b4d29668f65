"""Sessions: what was said first, which ticket they belong to, what they continue.

Written from the definitions alone and slow on purpose: each rule is one small
function, so that a reader can hold it against its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.oracle.records import (
    AgentEvent,
    Record,
    Seeds,
    SessionId,
    Settings,
    Ticket,
    TicketEvent,
    agent_event,
    latest,
    ticket_event,
)

PRODUCTION = (None, "production", "prod")


@dataclass(frozen=True)
class Act:
    """A closing or a reopening, as it took effect."""

    at: datetime
    closes: bool


def first_of(events: Sequence[AgentEvent | TicketEvent], attribute: str) -> str | None:
    """Read an attribute from the first event that says it."""
    values = (getattr(event, attribute, None) for event in events)
    return next((value for value in values if value is not None), None)


def standing_closure(acts: Iterable[Act]) -> datetime | None:
    """Find the first closing act after the last reopening one."""
    closed_at = None
    for act in acts:
        if not act.closes:
            closed_at = None
        elif closed_at is None:
            closed_at = act.at
    return closed_at


def was_closed_before(acts: Iterable[Act], at: datetime) -> bool:
    """Whether the last act strictly before a moment is a closing one."""
    before = [act for act in acts if act.at < at]
    return bool(before) and before[-1].closes


@dataclass
class Session:
    """All agent events of one (source system, session id), in event order."""

    key: SessionId
    events: list[AgentEvent]
    ticket: Ticket | None = None
    is_production: bool = True
    intent: str | None = None
    link_rule: str | None = None
    parent: Session | None = None

    def first(self, attribute: str) -> str | None:
        """Read an attribute of the session: its first non-null in event order."""
        return first_of(self.events, attribute)

    @property
    def named_ticket(self) -> Ticket | None:
        """The first ticket that an event names, before any merge."""
        tickets = (event.ticket for event in self.events)
        return next((ticket for ticket in tickets if ticket is not None), None)

    @property
    def started_at(self) -> datetime:
        """The first timestamp."""
        return self.events[0].at

    @property
    def ended_at(self) -> datetime:
        """The last timestamp."""
        return self.events[-1].at

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Session order: start, then session id."""
        return (self.started_at, self.key[1], self.key[0])

    @property
    def root(self) -> Session:
        """The session that the chain of parents ends in."""
        return self if self.parent is None else self.parent.root


@dataclass
class World:
    """Everything that landed, read once, with the sessions linked."""

    settings: Settings
    seeds: Seeds
    agent_events: list[AgentEvent]
    ticket_events: list[TicketEvent]
    targets: dict[Ticket, Ticket] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def target(self, ticket: Ticket) -> Ticket:
        """Follow a ticket to the one that it was merged into."""
        return self.targets.get(ticket, ticket)

    def own_events(self, ticket: Ticket) -> list[TicketEvent]:
        """List what the feed says about this very ticket."""
        return [event for event in self.ticket_events if event.ticket == ticket]

    def all_events(self, ticket: Ticket) -> list[TicketEvent]:
        """List what the feed says about a ticket and those merged into it."""
        return [e for e in self.ticket_events if self.target(e.ticket) == ticket]


def read_world(feeds: dict[str, list[Record]], seeds: Seeds, now: Settings) -> World:
    """Read the two event feeds and link their sessions."""
    by_time = {"id_field": "event_id", "time_of": lambda record: record["timestamp"]}
    agent = [agent_event(r, now) for r in latest(feeds["agent_events"], **by_time)]
    ticket = [ticket_event(r, now) for r in latest(feeds["ticket_events"], **by_time)]
    world = World(
        settings=now,
        seeds=seeds,
        agent_events=sorted(agent, key=lambda event: event.order),
        ticket_events=sorted(ticket, key=lambda event: event.order),
    )
    world.targets = merge_targets(world.ticket_events)
    world.sessions = read_sessions(world)
    for session in world.sessions:
        session.link_rule, session.parent = link(session, world)
    return world


# Names that cross systems


def merge_targets(events: list[TicketEvent]) -> dict[Ticket, Ticket]:
    """Follow merges to their end: the last merge counts, rings take the least name."""
    step = {
        event.ticket: event.merged_into
        for event in events
        if event.event == "merged" and event.merged_into is not None
    }
    return {ticket: merge_end(ticket, step) for ticket in step}


def merge_end(ticket: Ticket, step: dict[Ticket, Ticket]) -> Ticket:
    """Walk one chain of merges."""
    path = [ticket]
    while path[-1] in step:
        following = step[path[-1]]
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]


# Sessions and their links


def read_sessions(world: World) -> list[Session]:
    """Gather events into sessions, in session order."""
    gathered: dict[SessionId, list[AgentEvent]] = {}
    for event in world.agent_events:
        gathered.setdefault(event.session, []).append(event)
    sessions = [Session(key, events) for key, events in gathered.items()]
    for session in sessions:
        named = session.named_ticket
        session.ticket = None if named is None else world.target(named)
        session.is_production = is_production(session, world)
        session.intent = final_intent(session.events, world.seeds)
    return sorted(sessions, key=lambda session: session.order)


def is_production(session: Session, world: World) -> bool:
    """A session is real unless an event, its ticket or its environment says not."""
    is_test = any(event.is_test for event in session.events)
    if session.ticket is not None:
        is_test |= any(event.is_test for event in world.all_events(session.ticket))
    return not is_test and session.first("environment") in PRODUCTION


def final_intent(events: list[AgentEvent], seeds: Seeds) -> str | None:
    """The last successful classification, in the one vocabulary."""
    for event in reversed(events):
        if is_named_success(event):
            return seeds.intent(event.text("intent"))
    return None


def is_named_success(event: AgentEvent) -> bool:
    """A nameless or unsaid classification is a failure."""
    return (
        event.action == "intent_classified"
        and event.outcome == "success"
        and event.text("intent") is not None
    )


def link(session: Session, world: World) -> tuple[str | None, Session | None]:
    """Find the parent of a session: the first rule that gives one wins."""
    earlier = [
        other
        for other in world.sessions
        if other.order < session.order and other.is_production == session.is_production
    ]
    rules = {
        "ticket": ticket_parent(session, earlier),
        "continued": continued_parent(session, earlier),
        "same_customer_and_intent": customer_parent(session, earlier, world),
    }
    for rule, parent in rules.items():
        if parent is not None:
            return rule, parent
    return None, None


def ticket_parent(session: Session, earlier: list[Session]) -> Session | None:
    """The earliest session of the same ticket."""
    if session.ticket is None:
        return None
    return next((other for other in earlier if other.ticket == session.ticket), None)


def continued_parent(session: Session, earlier: list[Session]) -> Session | None:
    """The session that this one says it continues."""
    named = (session.key[0], session.first("previous_session_id"))
    return next((other for other in earlier if other.key == named), None)


def customer_parent(
    session: Session, earlier: list[Session], world: World
) -> Session | None:
    """The customer's latest session of this intent, if near, free and still open."""
    customer = session.first("customer")
    if customer is None or session.intent is None:
        return None
    same = [
        other
        for other in earlier
        if other.first("customer") == customer and other.intent == session.intent
    ]
    if not same:
        return None
    candidate = same[-1]
    is_near = session.started_at - candidate.ended_at <= world.settings.case_link
    is_free = session.ticket is None or candidate.ticket is None
    is_closed = was_closed_before(session_acts(candidate, world), session.started_at)
    return candidate if is_near and is_free and not is_closed else None


def session_acts(session: Session, world: World) -> list[Act]:
    """What says whether a session was closed: its ticket, else its own log."""
    if session.ticket is not None and world.own_events(session.ticket):
        return ticket_acts(world.own_events(session.ticket), world.seeds)
    return log_acts(session.events)


# Closing and reopening


def ticket_acts(events: list[TicketEvent], seeds: Seeds) -> list[Act]:
    """Read closing and reopening acts from a ticket's own events."""
    acts: list[Act] = []
    for event in events:
        is_status = event.event == "status_changed" and event.status is not None
        if event.event in ("solved", "closed"):
            acts.append(Act(event.at, closes=True))
        elif event.event == "reopened":
            acts.append(Act(event.at, closes=False))
        elif is_status and event.status in seeds.closed_statuses:
            acts.append(Act(event.at, closes=True))
        elif is_status and acts and acts[-1].closes:
            acts.append(Act(event.at, closes=False))
    return acts


def log_acts(events: Iterable[AgentEvent]) -> list[Act]:
    """Read closing and reopening acts from what agents logged."""
    acts: list[Act] = []
    for event in events:
        if event.action == "case_closed" and event.actor != "customer":
            acts.append(Act(event.at, closes=True))
        elif event.action == "case_reopened":
            acts.append(Act(event.at, closes=False))
    return acts


def session_row(session: Session) -> Record:
    """Tell a session as ``fct_sessions`` does, with names for keys."""
    return {
        "root": session.root.key,
        "link_rule": session.link_rule,
        "parent_session_id": None if session.parent is None else session.parent.key[1],
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "customer": session.first("customer"),
        "channel": session.first("channel"),
        "ticket_id": None if session.ticket is None else session.ticket[1],
        "intent": session.intent,
        "agent_name": session.first("agent_name"),
        "agent_version": session.first("agent_version"),
        "is_production": session.is_production,
    }
