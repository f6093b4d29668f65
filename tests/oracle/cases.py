"""Cases: sessions and tickets together, their legs, people, verdicts and rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from tests.oracle.records import (
    AgentEvent,
    Record,
    Seeds,
    SessionId,
    Ticket,
    TicketEvent,
)
from tests.oracle.sessions import (
    Act,
    Session,
    World,
    final_intent,
    first_of,
    is_named_success,
    log_acts,
    standing_closure,
    ticket_acts,
    was_closed_before,
)

EVALUATED = ("pass", "fail", "error")
LEGS = ("intent", "policy", "action", "closure")


@dataclass(frozen=True)
class Unit:
    """What a case's closure is read from: one ticket, or the agents' own log."""

    began: datetime
    acts: tuple[Act, ...]
    is_known: bool

    @property
    def standing_closure(self) -> datetime | None:
        """The first closing act of the closed spell that stands."""
        return standing_closure(self.acts)

    def was_closed_before(self, at: datetime) -> bool:
        """Whether the last act before a moment is a closing one."""
        return was_closed_before(self.acts, at)


@dataclass
class Case:
    """What a customer wanted once: a tree of sessions and their tickets."""

    world: World
    sessions: list[Session]
    tickets: list[Ticket]

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The root: a session, or a ticket that has none."""
        if self.sessions:
            return ("session", *self.sessions[0].root.key)
        return ("ticket", *self.tickets[0])

    @cached_property
    def case_id(self) -> str:
        """The root's ticket, else its session id."""
        if not self.sessions:
            return self.tickets[0][1]
        root = self.sessions[0].root
        return root.key[1] if root.ticket is None else root.ticket[1]

    @cached_property
    def events(self) -> list[AgentEvent]:
        """Agent events of all sessions, in event order."""
        events = [event for session in self.sessions for event in session.events]
        return sorted(events, key=lambda event: event.order)

    @cached_property
    def automation(self) -> list[AgentEvent]:
        """What fills the legs: events of the agent and the system."""
        return [event for event in self.events if event.is_automation]

    @cached_property
    def ticket_events(self) -> list[TicketEvent]:
        """Events of all tickets and of those merged into them."""
        events = [e for ticket in self.tickets for e in self.world.all_events(ticket)]
        return sorted(events, key=lambda event: event.order)

    @cached_property
    def source_system(self) -> str:
        """The root's source system."""
        return self.key[1] if self.sessions else self.ticket_events[0].source

    @cached_property
    def opened_at(self) -> datetime:
        """The earlier of the first session start and the ticket creation."""
        starts = [session.started_at for session in self.sessions]
        return min(starts + [ticket_opened_at(e) for e in self.by_ticket.values()])

    @cached_property
    def opened_on(self) -> date:
        """The day it opened, where the reports are read."""
        return self.world.settings.day_of(self.opened_at)

    @cached_property
    def by_ticket(self) -> dict[Ticket, list[TicketEvent]]:
        """Ticket events under the ticket that they name, merged ones apart."""
        grouped: dict[Ticket, list[TicketEvent]] = {}
        for event in self.ticket_events:
            grouped.setdefault(event.ticket, []).append(event)
        return grouped

    @cached_property
    def last_activity_at(self) -> datetime:
        """The last agent or ticket event."""
        return max(event.at for event in [*self.events, *self.ticket_events])

    def first_said(self, attribute: str) -> str | None:
        """Read an attribute from the first session that says it, else the ticket."""
        for session in self.sessions:
            if session.first(attribute) is not None:
                return session.first(attribute)
        return first_of(self.ticket_events, attribute)

    def last_on_ticket(self, attribute: str) -> str | None:
        """Read what the ticket says last."""
        return first_of(list(reversed(self.ticket_events)), attribute)

    @cached_property
    def intent(self) -> str | None:
        """The last successful classification, else the ticket's last stated one."""
        stated = self.world.seeds.intent(self.last_on_ticket("intent"))
        return final_intent(self.events, self.world.seeds) or stated

    @cached_property
    def tier(self) -> str | None:
        """Last stated by the agent, else by the ticket, else the seed's."""
        for event in reversed(self.automation):
            if event.action == "intent_classified" and event.text("tier"):
                return event.text("tier")
        seed_tier = self.world.seeds.intent_tiers.get(self.intent or "")
        return self.last_on_ticket("tier") or seed_tier

    @cached_property
    def is_eligible(self) -> bool:
        """Production, and not a test."""
        if self.sessions:
            return self.sessions[0].is_production
        return not any(event.is_test for event in self.ticket_events)

    @cached_property
    def is_involved(self) -> bool:
        """The agent acted in a session of it."""
        return any(event.actor == "ai_agent" for event in self.events)

    # Closure

    @cached_property
    def units(self) -> list[Unit]:
        """Everything whose closure the case needs."""
        if not self.tickets:
            acts = tuple(log_acts(self.events))
            return [Unit(self.sessions[0].started_at, acts, is_known=False)]
        return [self.unit(ticket) for ticket in self.tickets]

    def unit(self, ticket: Ticket) -> Unit:
        """Read one ticket: from its feed, or from the log where no feed knows it."""
        own = self.world.own_events(ticket)
        logs = [
            event
            for session in self.sessions
            if session.ticket in (ticket, None)
            for event in session.events
        ]
        in_order = sorted(logs, key=lambda event: event.order)
        acts = ticket_acts(own, self.world.seeds) if own else log_acts(in_order)
        starts = [s.started_at for s in self.sessions if s.ticket == ticket]
        firsts = [event.at for event in self.world.all_events(ticket)]
        return Unit(min(starts + firsts), tuple(acts), is_known=bool(own))

    @cached_property
    def resolved_at(self) -> datetime | None:
        """The latest standing closure, if every unit has one."""
        closures = [unit.standing_closure for unit in self.units]
        if any(closure is None for closure in closures):
            return None
        return max(closure for closure in closures if closure is not None)

    def was_closed_before(self, at: datetime) -> bool:
        """Whether all that had begun before a moment had been closed before it."""
        begun = [unit for unit in self.units if unit.began < at]
        return bool(begun) and all(unit.was_closed_before(at) for unit in begun)

    @cached_property
    def reopened_at(self) -> datetime | None:
        """The first reopening: said so, or a return to a closed case."""
        reopenings = [a.at for unit in self.units for a in unit.acts if not a.closes]
        arrivals = [session.started_at for session in self.sessions]
        arrivals += [unit.began for unit in self.units]
        returns = [at for at in arrivals if self.was_closed_before(at)]
        return min(reopenings + returns, default=None)

    @cached_property
    def denied_at(self) -> datetime | None:
        """The first denial after the standing closure."""
        closed_at = self.resolved_at
        denials = [
            event.at
            for event in self.events
            if event.action == "customer_confirmed" and event.outcome == "denied"
        ]
        if closed_at is None:
            return None
        return min((at for at in denials if at > closed_at), default=None)

    # Legs

    @cached_property
    def intent_leg(self) -> str:
        """The last classification by automation decides."""
        said = [e for e in self.automation if e.action == "intent_classified"]
        if not said:
            return "missing"
        return "pass" if is_named_success(said[-1]) else "fail"

    @cached_property
    def checks(self) -> list[AgentEvent]:
        """Required checks that are evidence, by automation."""
        return [event for event in self.automation if is_required_evaluation(event)]

    @cached_property
    def chains(self) -> dict[tuple[Any, ...], list[AgentEvent]]:
        """Checks by session, policy and action."""
        chains: dict[tuple[Any, ...], list[AgentEvent]] = {}
        for check in self.checks:
            name = (
                ("policy", check.identifier("policy_id"))
                if check.identifier("policy_id")
                else ("check", check.identifier("check_id"))
                if check.identifier("check_id")
                else ("alone", check.event_id)
            )
            key = (check.session, name, check.identifier("action_id"))
            chains.setdefault(key, []).append(check)
        return chains

    @cached_property
    def policy_leg(self) -> str:
        """A pass, none left failed, and no write before its checks had passed."""
        if not self.checks:
            return "missing"
        is_left = any(c[-1].outcome != "pass" for c in self.chains.values())
        is_violated = any(
            self.is_violation(attempt)
            for action in self.write_actions
            for attempt in action
        )
        return "fail" if is_left or is_violated else "pass"

    @cached_property
    def logical_actions(self) -> list[list[AgentEvent]]:
        """Attempts by (case, source, action id), else (case, action name)."""
        actions: dict[tuple[str | None, ...], list[AgentEvent]] = {}
        for event in self.automation:
            if event.action == "action_executed":
                name = (
                    ("id", event.source, event.identifier("action_id"))
                    if event.identifier("action_id")
                    else ("name", event.text("action_name"))
                    if event.text("action_name")
                    else ("alone", event.source, event.event_id)
                )
                actions.setdefault(name, []).append(event)
        return list(actions.values())

    @cached_property
    def write_actions(self) -> list[list[AgentEvent]]:
        """Logical actions whose last attempt is a write."""
        return [a for a in self.logical_actions if is_write(a[-1], self.world.seeds)]

    def binding_chains(self, attempt: AgentEvent) -> list[list[AgentEvent]]:
        """Chains of the attempt's session that bind it, from before or too late."""
        action_id = attempt.identifier("action_id")
        return [
            chain
            for (session, _, named), chain in self.chains.items()
            if session == attempt.session
            and (
                (named is not None and named == action_id)
                or (named is None and chain[0].order < attempt.order)
            )
        ]

    def is_violation(self, attempt: AgentEvent) -> bool:
        """Whether a check that binds a write had not passed when it was executed."""
        for chain in self.binding_chains(attempt):
            before = [check for check in chain if check.order < attempt.order]
            if not before or before[-1].outcome != "pass":
                return True
        return False

    @cached_property
    def action_leg(self) -> str:
        """Every required write has succeeded in the end, and there is one."""
        required = [
            action[-1]
            for action in self.write_actions
            if action[-1].flag("is_required") is not False
        ]
        if not required:
            return "none"
        is_done = all(last.outcome == "success" for last in required)
        return "pass" if is_done else "fail"

    @cached_property
    def closure_leg(self) -> str:
        """Closed, still closed, nobody came back and nobody denied it."""
        if any(
            u.standing_closure is None and (u.is_known or u.acts) for u in self.units
        ):
            return "fail"
        if self.resolved_at is None:
            return "missing"
        came_back = any(s.started_at > self.resolved_at for s in self.sessions)
        return "fail" if came_back or self.denied_at is not None else "pass"

    @property
    def legs(self) -> dict[str, str]:
        """The four legs by name."""
        return {leg: getattr(self, f"{leg}_leg") for leg in LEGS}

    # People

    def is_in_touch_window(self, at: datetime) -> bool:
        """Up to the standing closure, or from a denial of it on."""
        if self.resolved_at is None or at <= self.resolved_at:
            return True
        return self.denied_at is not None and at >= self.denied_at

    @cached_property
    def human_events(self) -> list[AgentEvent | TicketEvent]:
        """What people did in sessions and tickets, in order of time and id."""
        agent = [event for event in self.events if is_human(event)]
        ticket = [event for event in self.ticket_events if event.actor == "human_agent"]
        inside = [e for e in [*agent, *ticket] if self.is_in_touch_window(e.at)]
        return sorted(inside, key=lambda event: (event.at, event.event_id))

    @cached_property
    def has_human_touch(self) -> bool:
        """An escalation, or anything that a person did."""
        return bool(self.human_events or self.logged_escalations)

    @cached_property
    def logged_escalations(self) -> list[AgentEvent]:
        """What the log says about escalations, one event per escalation."""
        found: dict[Any, AgentEvent] = {}
        for event in self.events:
            if is_escalation(event) and self.is_in_touch_window(event.at):
                escalation_id = event.identifier("escalation_id")
                name = ("id", escalation_id) if escalation_id else (event.event_id,)
                found.setdefault((event.source, *name), event)
        explicit = list(found.values())
        for session in self.sessions:
            inside = [e for e in session.events if self.is_in_touch_window(e.at)]
            said = [event for event in inside if says_escalated(event)]
            if said and not any(is_escalation(event) for event in inside):
                explicit.append(said[0])
        return sorted(explicit, key=lambda event: event.order)

    @cached_property
    def escalations(self) -> list[Record]:
        """One row per escalation; the first human touch where nothing was logged."""
        seeds = self.world.seeds
        logged = [escalation_row(event, seeds) for event in self.logged_escalations]
        if logged or not self.is_involved or not self.human_events:
            return logged
        return [human_touch_row(self.human_events[0])]

    # Verdicts

    @cached_property
    def is_resolved_autonomously(self) -> bool | None:
        """The strict test: false, unknown for lack of evidence, or true."""
        if self.has_human_touch or {"fail", "none"} & set(self.legs.values()):
            return False
        return None if "missing" in self.legs.values() else True

    @cached_property
    def first_blocker(self) -> str | None:
        """What makes the strict test false, else the first leg that is missing."""
        if self.has_human_touch:
            return "human"
        for kinds in (("fail", "none"), ("missing",)):
            for leg, verdict in self.legs.items():
                if verdict in kinds:
                    return leg
        return None

    @cached_property
    def outcome(self) -> str:
        """Exactly one."""
        is_closed = self.resolved_at is not None
        if self.is_resolved_autonomously:
            return "resolved_autonomously"
        if self.has_human_touch:
            return "resolved_by_human" if is_closed else "escalated"
        if is_closed or (self.closure_leg == "missing" and self.ended_resolved):
            return "closed_unproven"
        if self.is_involved and not any(somebody_asked(e) for e in self.events):
            return "dropped_off"
        waited = self.world.settings.as_of - self.last_activity_at
        is_silent = waited >= self.world.settings.abandon_after
        return "abandoned" if is_silent else "in_progress"

    @cached_property
    def ended_resolved(self) -> bool:
        """Whether the last session ended as resolved, in the agent's opinion."""
        last = self.sessions[-1].events if self.sessions else []
        ends = [event for event in last if event.action == "session_ended"]
        return bool(ends) and ends[-1].outcome == "resolved"

    @cached_property
    def resolution_kind(self) -> str | None:
        """How a case that people did not touch was closed."""
        if self.resolved_at is None or self.has_human_touch:
            return None
        if self.action_leg == "pass":
            return "action"
        needs_none = self.intent in self.world.seeds.intents_without_action
        return "informational" if needs_none else "unproven"

    @cached_property
    def is_handled(self) -> bool:
        """Involved, settled, and somebody asked something."""
        return self.is_involved and self.outcome not in ("in_progress", "dropped_off")

    @cached_property
    def matures_at(self) -> datetime:
        """When its re-contact window has passed."""
        since = self.resolved_at or self.last_activity_at
        return since + self.world.settings.recontact_window

    @cached_property
    def is_mature(self) -> bool:
        """Whether its re-contact window has passed."""
        return self.world.settings.as_of >= self.matures_at

    @cached_property
    def customer(self) -> str | None:
        """The customer, from the first session that says it, else the ticket."""
        return self.first_said("customer")

    @cached_property
    def handling_seconds(self) -> float | None:
        """From opening to resolution."""
        if self.resolved_at is None:
            return None
        return (self.resolved_at - self.opened_at) / timedelta(seconds=1)


def ticket_opened_at(events: list[TicketEvent]) -> datetime:
    """The creation of a ticket, else its first event."""
    created = [event for event in events if event.event == "created"]
    return (created or events)[0].at


def is_write(event: AgentEvent, seeds: Seeds) -> bool:
    """As said, else as the seed knows the action."""
    said = event.flag("is_write")
    return seeds.is_write(event.text("action_name")) if said is None else said


def is_human(event: AgentEvent) -> bool:
    """An event of a person, a person joining, or a check that a person made."""
    return (
        event.actor == "human_agent"
        or event.action == "human_joined"
        or is_approval(event)
    )


def is_approval(event: AgentEvent | TicketEvent) -> bool:
    """A policy check that a person evaluated."""
    return (
        isinstance(event, AgentEvent)
        and event.action == "policy_checked"
        and event.text("evaluator") == "human"
    )


def is_required_evaluation(event: AgentEvent) -> bool:
    """A required check with an outcome that is evidence."""
    return (
        event.action == "policy_checked"
        and event.flag("is_required") is not False
        and event.outcome in EVALUATED
    )


def is_escalation(event: AgentEvent) -> bool:
    """An escalation, said in so many words."""
    return event.action == "escalated"


def says_escalated(event: AgentEvent) -> bool:
    """An attempt or an end of a session that tells of an escalation."""
    is_telling = event.action in ("resolution_attempt", "session_ended")
    return is_telling and event.outcome == "escalated"


def somebody_asked(event: AgentEvent) -> bool:
    """A substantive message, a classification or an action."""
    if event.action == "message_received":
        return event.flag("is_substantive") is not False
    return event.action in ("intent_classified", "action_executed")


def escalation_row(event: AgentEvent, seeds: Seeds) -> Record:
    """Tell one logged escalation."""
    code = {
        "escalated": event.text("reason_code"),
        "resolution_attempt": event.text("escalation_reason"),
    }.get(event.action)
    is_explicit = is_escalation(event)
    return {
        "session": event.session,
        "reason_code": seeds.reason(code),
        "reason_detail": event.text("reason_detail") if is_explicit else None,
        "initiated_by": event.text("initiated_by") if is_explicit else event.actor,
        "escalated_at": event.at,
        "source": event.action,
    }


def human_touch_row(event: AgentEvent | TicketEvent) -> Record:
    """Tell the takeover or approval that nobody logged as an escalation."""
    return {
        "session": event.session if isinstance(event, AgentEvent) else None,
        "reason_code": "human_approval" if is_approval(event) else "human_takeover",
        "reason_detail": None,
        "initiated_by": "human_agent",
        "escalated_at": event.at,
        "source": "human_touch",
    }


def read_cases(world: World) -> list[Case]:
    """Gather sessions into trees, and tickets without a session beside them."""
    trees: dict[SessionId, list[Session]] = {}
    for session in world.sessions:
        trees.setdefault(session.root.key, []).append(session)
    cases = [Case(world, tree, tickets_of(tree)) for tree in trees.values()]
    met = {session.ticket for session in world.sessions}
    known = {world.target(event.ticket) for event in world.ticket_events}
    return cases + [Case(world, [], [ticket]) for ticket in sorted(known - met)]


def tickets_of(sessions: list[Session]) -> list[Ticket]:
    """List the tickets of sessions, each once."""
    return sorted({s.ticket for s in sessions if s.ticket is not None})


def recontacts(cases: list[Case]) -> dict[tuple[str, ...], datetime]:
    """First return of a customer with the same intent as a new case, per case."""
    found: dict[tuple[str, ...], datetime] = {}
    for case in cases:
        later = [
            other.opened_at
            for other in cases
            if other is not case and is_recontact(case, other)
        ]
        if later:
            found[case.key] = min(later)
    return found


def is_recontact(case: Case, other: Case) -> bool:
    """Whether a case brings the customer of a resolved one back in time."""
    if case.resolved_at is None or None in (case.customer, case.intent):
        return False
    until = case.resolved_at + case.world.settings.recontact_window
    return (
        case.is_eligible
        and other.is_eligible
        and (case.customer, case.intent) == (other.customer, other.intent)
        and case.resolved_at < other.opened_at <= until
    )


def is_durable(case: Case, recontacted_at: datetime | None) -> bool | None:
    """Resolved, mature, never reopened and no re-contact; null where unknowable."""
    if not (case.is_handled and case.is_mature):
        return None
    if None in (case.customer, case.intent):
        return None
    if case.reopened_at is not None or recontacted_at is not None:
        return False
    return case.is_resolved_autonomously


def case_row(case: Case, recontacted_at: datetime | None) -> Record:
    """Tell a case as ``fct_cases`` does, with names for keys."""
    reasons = [row["reason_code"] for row in case.escalations]
    return {
        "case_id": case.case_id,
        "source_system": case.source_system,
        "opened_at": case.opened_at,
        "opened_on": case.opened_on,
        "customer": case.customer,
        "intent": case.intent,
        "tier": case.tier,
        "channel": case.first_said("channel"),
        "agent_name": case.first_said("agent_name"),
        "agent_version": case.first_said("agent_version"),
        "session_count": len(case.sessions),
        "is_eligible": case.is_eligible,
        "is_involved": case.is_involved,
        "is_handled": case.is_handled,
        **{f"{leg}_leg": verdict for leg, verdict in case.legs.items()},
        "has_human_touch": case.has_human_touch,
        "is_resolved_autonomously": case.is_resolved_autonomously,
        "first_blocker": case.first_blocker,
        "outcome": case.outcome,
        "resolution_kind": case.resolution_kind,
        "resolved_at": case.resolved_at,
        "reopened_at": case.reopened_at,
        "recontacted_at": recontacted_at,
        "matures_at": case.matures_at,
        "is_mature": case.is_mature,
        "is_durable": is_durable(case, recontacted_at),
        "handling_seconds": case.handling_seconds,
        "primary_escalation_reason": reasons[0] if reasons else None,
    }
