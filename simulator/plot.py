"""A plot acts out one scenario: its clock, its records, and what they must mean.

A scenario reads from top to bottom in the order of time. Every act moves the
plot's clock on a little; `wait` and `jump_to` move it to an exact moment, at
which the next act happens. What a case must become is said by the scenario with
`CasePlan.expects`: the acts only count themselves.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from simulator.clock import DAY, HOUR, MINUTE, SECOND, spell
from simulator.vocabulary import (
    AGENTS,
    CHANNEL_WEIGHTS,
    CHANNELS,
    HELPDESKS,
    IDENTITY_POLICY,
    INTENTS_BY_CODE,
    MODELS,
    NEW_VERSION,
    OLD_VERSION,
    QUEUES,
    SOURCE_SYSTEMS,
    TEXTS,
    Intent,
)

AGENT = "ai_agent"
SYSTEM = "system"
PERSON = "human_agent"
CUSTOMER = "customer"
LONG = 14  # days of a period that has room for more than a release
LEGS = ("intent_leg", "policy_leg", "action_leg", "closure_leg")


Json = str | int | float | bool | None | dict[str, Any] | list[Any]


class _Unsaid:
    """Marks an argument that takes the plan's own value."""


PLANNED: Any = _Unsaid()


class CaseChoices(TypedDict, total=False):
    """What a scenario may choose about a case."""

    intent: str | None
    customer: str | int | None
    tier_from: str
    tier: str | None
    channel: str | None
    source_system: str | None
    involved: bool
    eligible: bool


class TicketChoices(TypedDict, total=False):
    """What a scenario may choose about a ticket."""

    ticket_id: str | int | None
    system: str | None
    says_intent: str | None
    says_tier: str | None
    says_channel: str | None
    says_customer: str | int | None
    is_test: bool | None


class SessionChoices(TypedDict, total=False):
    """What a scenario may choose about a session."""

    ticket: TicketPlan | None
    ticket_named: str | int | None
    link_rule: str | None
    parent: SessionPlan | None
    previous: SessionPlan | str | None
    says: str
    customer: str | int | None
    channel: str | None
    source_system: str | None
    environment: str | None
    agent: bool
    is_test: bool | None
    is_production: bool
    session_id: str


class ActChoices(TypedDict, total=False):
    """What a scenario may choose about an API call."""

    action: str | None
    is_required: Json
    is_write: Json
    attempt: int | None
    actor: str
    event_id: str
    sequence: int


class Ending(TypedDict, total=False):
    """What a scenario may add to the usual end of a case."""

    reopened_at: int | None
    compliance: str
    ever_closed: bool


@dataclass
class Record:
    """One record of a feed, and how it is to land.

    `lag` is its delay, where the scenario wants a certain one. `correction` says
    how a wrong record of the same id loses against it; an `answered` survey had
    landed unanswered, at `first_at`.
    """

    feed: str
    body: dict[str, Any]
    at: int
    first_at: int | None = None
    lag: int | None = None
    correction: str | None = None
    repeats: int = 0


@dataclass(frozen=True)
class Escalation:
    """One row that the escalation mart must have."""

    session_id: str | None
    reason_code: str
    escalated_at: int
    source: str
    reason_detail: str | None = None
    initiated_by: str | None = None


@dataclass(frozen=True)
class Period:
    """The simulated time: `start` inclusive, `until` exclusive, and the release."""

    start: int
    until: int

    @property
    def release_at(self) -> int:
        """When the new agent version goes live: in the middle, at midnight."""
        return self._midnight(1 / 2)

    @property
    def shift_at(self) -> int:
        """From when on a hard intent comes more often; short periods have none."""
        return self._midnight(4 / 5) if self._days >= LONG else self.until

    @property
    def outage_at(self) -> int:
        """The midnight before a day on which nothing works; short periods have none."""
        return self._midnight(5 / 6) if self._days >= LONG else self.until

    @property
    def _days(self) -> int:
        return (self.until - self.start) // DAY

    def _midnight(self, share: float) -> int:
        return self.start + int(self._days * share) * DAY


class Plot:
    """One acted-out scenario."""

    def __init__(
        self,
        number: int,
        intent: Intent,
        start: int,
        period: Period,
        rng: random.Random,
    ) -> None:
        self.tag = f"{number:06d}"
        self.number = number
        self.intent = intent
        self.now = start
        self.period = period
        self.rng = rng
        self.records: list[Record] = []
        self.cases: list[CasePlan] = []
        self.latest = start
        self.time_style = rng.choices(
            ("zulu", "offset", "west", "epoch_ms", "epoch_s", "epoch_ns"),
            (80, 8, 1, 5, 4, 2),
        )[0]
        self.environment = rng.choices((None, "production", "prod"), (5, 4, 1))[0]
        self.states_actor = rng.random() < 0.5
        self.source_system = SOURCE_SYSTEMS[intent.domain]
        self.channel = rng.choices(CHANNELS, CHANNEL_WEIGHTS)[0]
        self._is_exact = True
        self._counts: dict[str, int] = {}

    # The clock.

    def tick(self) -> int:
        """The moment of the next act."""
        if self._is_exact:
            self._is_exact = False
        else:
            self.now += self.rng.randint(1, 14) * SECOND
        self.latest = max(self.latest, self.now)
        return self.now

    def wait(self, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time pass; the next act comes exactly then."""
        self.jump_to(self.now + int(minutes * MINUTE + hours * HOUR + days * DAY))

    def jump_to(self, at: int) -> None:
        """Move the clock; the next act comes exactly then."""
        self.now = at
        self._is_exact = True

    def hold(self) -> None:
        """The next act comes at the very moment of the last one."""
        self._is_exact = True

    def has_room(self, *, days: float) -> bool:
        """Whether so much time is left before the period ends."""
        return self.now + days * DAY < self.period.until

    # Names.

    def name(self, kind: str) -> str:
        """The next id of a kind, unique over the whole run."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"sim-{kind}-{self.tag}-{self._counts[kind]}"

    def customer(self) -> str:
        """A customer of the plot's own."""
        count = self._counts.get("customer", 0)
        self._counts["customer"] = count + 1
        return f"sim-customer-{self.tag}" + (f"-{count}" if count else "")

    def case(self, **plan: Unpack[CaseChoices]) -> CasePlan:
        """One more case that must come out of this plot."""
        case = CasePlan(self, **plan)
        self.cases.append(case)
        return case

    def add(self, feed: str, body: dict[str, Any], at: int) -> Record:
        """Log a record; fields that say nothing are left out."""
        said = {key: value for key, value in body.items() if value is not None}
        record = Record(feed, said, at)
        self.records.append(record)
        return record

    def spell(self, at: int) -> str | int:
        """A moment in this plot's own spelling."""
        return spell(at, self.time_style)


@dataclass
class Tallies:
    """What a case adds to the sums of the KPIs."""

    checks_evaluated: int = 0
    checks_passed: int = 0
    actions_bound: int = 0
    actions_compliant: int = 0
    attempts: int = 0
    attempts_failed: int = 0
    cost_micros: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    handle_seconds: int | None = None
    surveys_sent: int = 0
    surveys_answered: int = 0
    surveys_favourable: int = 0
    effort_total: float = 0.0
    audit_weight: float = 0.0
    audit_compliant_weight: float = 0.0


class CasePlan:
    """A case: what is acted out for it, and what must be said of it."""

    def __init__(
        self,
        plot: Plot,
        *,
        intent: str | None = PLANNED,
        customer: str | int | None = PLANNED,
        tier_from: str = PLANNED,
        tier: str | None = PLANNED,
        channel: str | None = PLANNED,
        source_system: str | None = PLANNED,
        involved: bool = True,
        eligible: bool = True,
    ) -> None:
        self.plot = plot
        self.intent = plot.intent.code if intent is PLANNED else intent
        self.customer = plot.customer() if customer is PLANNED else customer
        self.channel = plot.channel if channel is PLANNED else channel
        self.source_system = (
            plot.source_system if source_system is PLANNED else source_system
        )
        self.is_involved = involved
        self.is_eligible = eligible
        if tier_from is PLANNED:
            tier_from = plot.rng.choice(("agent", "agent", "seed"))
        self.tier_from = tier_from
        self.tier = self._planned_tier() if tier is PLANNED else tier
        self.agent_name: str | None = None
        self.agent_version: str | None = None
        self.sessions: list[SessionPlan] = []
        self.tickets: list[TicketPlan] = []
        self.escalations: list[Escalation] = []
        self.tallies = Tallies()
        self.surveys: list[dict[str, Any]] = []
        self.audits: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.actions: list[dict[str, Any]] = []
        self.takes_evidence = True
        self.case_id: str | None = None
        self.opened_at = plot.now
        self.recontacted_at: int | None = None
        self.last_active_at = plot.now
        self.expected: dict[str, Any] = {}

    def _planned_tier(self) -> str | None:
        listed = INTENTS_BY_CODE.get(self.intent or "")
        usual = listed.tier if listed else None
        if self.tier_from == "seed":
            return usual
        other = "tier_1" if usual == "tier_2" else "tier_2"
        return other if self.plot.rng.random() < 0.12 else usual or other

    @property
    def domain(self) -> str:
        """The business that this case belongs to."""
        return self.plot.intent.domain

    def ticket(self, **plan: Unpack[TicketChoices]) -> TicketPlan:
        """One more ticket of this case."""
        ticket = TicketPlan(self, **plan)
        self.tickets.append(ticket)
        return ticket

    def session(
        self, ticket: TicketPlan | None = None, **plan: Unpack[SessionChoices]
    ) -> SessionPlan:
        """One more session of this case."""
        session = SessionPlan(self, ticket, **plan)
        self.sessions.append(session)
        return session

    def expects(
        self,
        *,
        legs: str,
        resolved: bool | None,
        blocker: str | None,
        outcome: str,
        kind: str | None = None,
        resolved_at: int | None = None,
        reopened_at: int | None = None,
        touch: bool = False,
        compliance: str = "0/0",
        ever_closed: bool = PLANNED,
    ) -> None:
        """Say what must be known of the case.

        `outcome` is `silent` for a case that waits: abandoned once it has been
        silent for 72 hours, in progress before. `compliance` is the number of
        compliant logical write actions over those that a required check binds.
        """
        compliant, bound = compliance.split("/")
        self.tallies.actions_compliant = int(compliant)
        self.tallies.actions_bound = int(bound)
        if ever_closed is PLANNED:
            ever_closed = resolved_at is not None or reopened_at is not None
        self.expected = {
            **dict(zip(LEGS, legs.split(), strict=True)),
            "is_resolved_autonomously": resolved,
            "first_blocker": blocker,
            "outcome": outcome,
            "resolution_kind": kind,
            "resolved_at": resolved_at,
            "reopened_at": reopened_at,
            "has_human_touch": touch,
            "was_ever_closed": ever_closed,
        }

    def resolves(
        self, at: int, *, compliance: str = "1/1", reopened_at: int | None = None
    ) -> None:
        """Say that the agent resolves the case alone, by an action."""
        self.expects(
            legs="pass pass pass pass",
            resolved=True,
            blocker=None,
            outcome="resolved_autonomously",
            kind="action",
            resolved_at=at,
            reopened_at=reopened_at,
            compliance=compliance,
        )

    def escalation(
        self,
        reason_code: str,
        at: int,
        source: str = "escalated",
        session: SessionPlan | None = None,
        detail: str | None = None,
        initiated_by: str | None = None,
    ) -> None:
        """Say that the escalation mart must have this row."""
        session_id = session.session_id if session else None
        row = Escalation(session_id, reason_code, at, source, detail, initiated_by)
        self.escalations.append(row)

    def heard(self, at: int) -> None:
        """Remember the last agent or ticket event."""
        self.last_active_at = max(self.last_active_at, at)


class TicketPlan:
    """A ticket of the helpdesk."""

    def __init__(
        self,
        case: CasePlan,
        *,
        ticket_id: str | int | None = None,
        system: str | None = None,
        says_intent: str | None = PLANNED,
        says_tier: str | None = PLANNED,
        says_channel: str | None = PLANNED,
        says_customer: str | int | None = PLANNED,
        is_test: bool | None = None,
    ) -> None:
        self.case = case
        self.plot = case.plot
        number = len(case.tickets) + 1
        first = self.plot.cases.index(case) * 10
        self.ticket_id = ticket_id or f"SIM-{self.plot.tag}-{first + number}"
        self.system = system
        self.source_system = HELPDESKS[case.domain]
        self.is_test = is_test
        rng = self.plot.rng
        if says_intent is PLANNED:
            says_intent = case.intent if rng.random() < 0.6 else None
        if says_tier is PLANNED:
            says_tier = case.tier if case.tier_from == "ticket" else None
            if case.tier_from == "agent" and rng.random() < 0.3:
                says_tier = "tier_1"
        self.says = {
            "customer_id": case.customer if says_customer is PLANNED else says_customer,
            "intent": says_intent,
            "tier": says_tier,
            "channel": case.channel if says_channel is PLANNED else says_channel,
            "priority": rng.choice((None, "low", "normal", "normal", "high")),
            "group_name": f"sim_{case.domain}_desk",
        }

    @property
    def name(self) -> str:
        """The ticket's id as text."""
        return str(self.ticket_id)

    def act(
        self, event_type: str, actor: str = SYSTEM, **fields: Json
    ) -> tuple[int, Record]:
        """Log any event of this ticket."""
        at = self.plot.tick()
        body = {
            "event_id": self.plot.name("ticket-event"),
            "ticket_id": self.ticket_id,
            "timestamp": self.plot.spell(at),
            "event_type": event_type,
            "actor_type": actor,
            "ticket_system": self.system,
            "source_system": self.source_system,
            "is_test": self.is_test,
            **fields,
        }
        if actor == PERSON:
            body.setdefault("actor_id", f"sim-person-{self.plot.number % 23:02d}")
        self.case.heard(at)
        return at, self.plot.add("ticket_events", body, at)

    def created(self, actor: str = SYSTEM) -> int:
        """The ticket is opened and says what it knows."""
        return self.act("created", actor, status="new", **self.says)[0]

    def says_all(self, event_type: str, actor: str = SYSTEM) -> int:
        """An event that says what the ticket knows, without opening it."""
        return self.act(event_type, actor, **self.says)[0]

    def assigned(self, actor: str = SYSTEM) -> int:
        """The ticket goes to somebody."""
        group = self.says["group_name"]
        return self.act("assigned", actor, group_name=group)[0]

    def replied(
        self, actor: str, *, handle_seconds: int | None = None, is_public: bool = True
    ) -> int:
        """Somebody writes on the ticket."""
        return self.act(
            "replied", actor, is_public=is_public, handle_seconds=handle_seconds
        )[0]

    def tagged(self, actor: str = SYSTEM) -> int:
        """A clerical change."""
        return self.act("tagged", actor)[0]

    def status(self, status: str, actor: str = SYSTEM) -> int:
        """The status changes."""
        return self.act("status_changed", actor, status=status)[0]

    def solved(self, actor: str = PLANNED, *, handle_seconds: int | None = None) -> int:
        """The ticket is solved."""
        if actor is PLANNED:
            actor = self.plot.rng.choice((SYSTEM, AGENT))
        return self.act(
            "solved", actor, status="solved", handle_seconds=handle_seconds
        )[0]

    def closed(self, actor: str = SYSTEM) -> int:
        """The ticket is closed for good."""
        return self.act("closed", actor, status="closed")[0]

    def reopened(self, actor: str = CUSTOMER) -> int:
        """The ticket is open again."""
        return self.act("reopened", actor, status="open")[0]

    def merged_into(self, target: TicketPlan | str) -> int:
        """The ticket is merged into another one."""
        name = target if isinstance(target, str) else target.ticket_id
        return self.act("merged", merged_into_ticket_id=name)[0]


@dataclass
class SessionPlan:
    """A session of the agent's log."""

    case: CasePlan
    ticket: TicketPlan | None = None
    ticket_named: str | int | None = None
    link_rule: str | None = None
    parent: SessionPlan | None = None
    previous: SessionPlan | str | None = None
    says: str = PLANNED
    customer: str | int | None = PLANNED
    channel: str | None = PLANNED
    source_system: str | None = PLANNED
    environment: str | None = PLANNED
    agent: bool = True
    is_test: bool | None = None
    is_production: bool = True
    session_id: str = ""
    truth_ticket: str | None = None
    truth_intent: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    agent_name: str | None = None
    agent_version: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        case, plot = self.case, self.case.plot
        self.plot = plot
        self.session_id = self.session_id or plot.name("session")
        if self.says is PLANNED:
            self.says = plot.rng.choice(("always", "always", "first", "late"))
        if self.customer is PLANNED:
            self.customer = case.customer
        if self.channel is PLANNED:
            self.channel = case.channel
        if self.source_system is PLANNED:
            self.source_system = case.source_system
        if self.environment is PLANNED:
            self.environment = plot.environment
        if self.ticket:
            self.ticket_named = self.ticket.ticket_id
            self.truth_ticket = self.truth_ticket or self.ticket.name
        elif self.ticket_named is not None:
            self.truth_ticket = self.truth_ticket or str(self.ticket_named)
        if self.agent:
            is_new = plot.now >= plot.period.release_at
            self.agent_name = AGENTS[case.domain]
            self.agent_version = NEW_VERSION if is_new else OLD_VERSION
            if not case.agent_name:
                case.agent_name = self.agent_name
                case.agent_version = self.agent_version
        self.fields = self._fields()
        self._events = 0

    def _fields(self) -> dict[str, Any]:
        previous = self.previous
        if isinstance(previous, SessionPlan):
            previous = previous.session_id
        return {
            "customer_id": self.customer,
            "channel": self.channel,
            "ticket_id": self.ticket_named,
            "ticket_system": self.ticket.system if self.ticket else None,
            "previous_session_id": previous,
            "agent_name": self.agent_name,
            "agent_version": self.agent_version,
        }

    def _said_now(self) -> dict[str, Any]:
        """What this event says of its session, by the session's habit."""
        habit, turn = self.says, self._events
        if habit == "always" or (habit == "first" and turn == 0):
            return self.fields
        return self.fields if habit == "late" and turn >= 1 else {}

    def log(
        self,
        action_type: str,
        outcome: str | None = None,
        attributes: dict[str, Any] | None = None,
        actor: str = AGENT,
        **fields: Json,
    ) -> tuple[int, Record]:
        """Log any event of this session."""
        at = self.plot.tick()
        said = {
            key: item for key, item in (attributes or {}).items() if item is not None
        }
        body = {
            "event_id": self.plot.name("event"),
            "session_id": self.session_id,
            "timestamp": self.plot.spell(at),
            "action_type": action_type,
            "outcome": outcome,
            "actor_type": (actor if actor != AGENT or self.plot.states_actor else None),
            "environment": self.environment,
            "is_test": self.is_test,
            "source_system": self.source_system,
            **self._said_now(),
            **fields,
            "attributes": said or None,
        }
        self._events += 1
        self.started_at = at if self.started_at is None else min(self.started_at, at)
        self.ended_at = at if self.ended_at is None else max(self.ended_at, at)
        self.case.heard(at)
        return at, self.plot.add("agent_events", body, at)

    # What is said.

    def starts(self, actor: str = AGENT) -> int:
        """The session begins."""
        entry = self.plot.rng.choice(("widget", "inbox", "hotline", "app"))
        return self.log("session_started", None, {"entry_point": entry}, actor)[0]

    def _message(self, kind: str, actor: str, is_substantive: bool | None) -> int:
        rng = self.plot.rng
        text = rng.choice(TEXTS) if rng.random() < 0.2 else None
        attributes = {
            "message_id": self.plot.name("message"),
            "char_count": len(text) if text else rng.randint(8, 400),
            "is_substantive": is_substantive,
            "text": text,
        }
        return self.log(kind, None, attributes, actor)[0]

    def greets(self) -> int:
        """The customer says hello and nothing else."""
        return self._message("message_received", CUSTOMER, False)

    def asks(self, is_substantive: bool | None = True) -> int:
        """The customer asks something."""
        return self._message("message_received", CUSTOMER, is_substantive)

    def answers(self, actor: str = AGENT) -> int:
        """The agent, or a person in its place, writes to the customer."""
        return self._message("message_sent", actor, None)

    def thinks(self, outcome: str = "success") -> int:
        """A call of a language model, which costs money even if it fails."""
        rng = self.plot.rng
        model, price_in, price_out = rng.choice(MODELS)
        tokens_in, tokens_out = rng.randint(400, 6_000), rng.randint(20, 600)
        cost_micros = int(tokens_in * price_in + tokens_out * price_out)
        self.case.tallies.cost_micros += cost_micros
        self.case.tallies.input_tokens += tokens_in
        self.case.tallies.output_tokens += tokens_out
        attributes = {
            "model": model,
            "provider": "sim-provider",
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "cached_tokens": tokens_in // 3,
            "cost_usd": cost_micros / 1_000_000,
            "latency_ms": rng.randint(300, 6_000),
            "error_type": None if outcome == "success" else "sim_overloaded",
        }
        return self.log("llm_called", outcome, attributes)[0]

    def classifies(
        self,
        outcome: str | None = "success",
        *,
        intent: str | None = PLANNED,
        truth: str | None = PLANNED,
        tier: str | None = PLANNED,
        actor: str = AGENT,
        **fields: Json,
    ) -> int:
        """The agent says what the customer wants; `truth` is what that means."""
        case = self.case
        said = case.intent if intent is PLANNED else intent
        if tier is PLANNED:
            tier = case.tier if case.tier_from == "agent" else None
        if truth is PLANNED:
            truth = said if outcome == "success" and actor in (AGENT, SYSTEM) else None
        self.truth_intent = truth or self.truth_intent
        attributes = {
            "intent": said,
            "confidence_score": round(self.plot.rng.uniform(0.35, 0.99), 3),
            "tier": tier,
        }
        return self.log("intent_classified", outcome, attributes, actor, **fields)[0]

    # What is done.

    def checks(
        self,
        outcome: str = "pass",
        *,
        policy: str | None = PLANNED,
        action: str | None = None,
        check: str | None = PLANNED,
        is_required: Json = None,
        evaluator: str | None = PLANNED,
        actor: str = AGENT,
        counts: bool = PLANNED,
        **fields: Json,
    ) -> int:
        """A policy is checked. It counts if it is required and evaluated."""
        rng = self.plot.rng
        if counts is PLANNED:
            counts = is_required is not False and outcome != "not_applicable"
        if counts:
            self.case.tallies.checks_evaluated += 1
            self.case.tallies.checks_passed += outcome == "pass"
        if policy is PLANNED:
            policy = self.plot.intent.policy
        if check is PLANNED:
            check = self.plot.name("check")
        if evaluator is PLANNED:
            evaluator = rng.choice(("rule", "rule", "llm"))
        attributes = {
            "check_id": check,
            "policy_id": policy,
            "policy_version": "1" if policy else None,
            "action_id": self._action_id(action),
            "severity": rng.choice(("low", "medium", "high")),
            "is_required": is_required,
            "evaluator": evaluator,
        }
        at, record = self.log("policy_checked", outcome, attributes, actor, **fields)
        said = {
            name: attributes[name] for name in ("policy_id", "check_id", "severity")
        }
        self.case.checks.append({**self._noted(at, record, attributes, actor), **said})
        return at

    def checks_identity(self, outcome: str = "pass") -> int:
        """The check that binds everything that comes after it in the session."""
        return self.checks(outcome, policy=IDENTITY_POLICY)

    def _action_id(self, action: str | None) -> str | None:
        return f"sim-action-{self.plot.tag}-{action}" if action else None

    def acts(
        self,
        name: str,
        outcome: str | None = "success",
        *,
        action: str | None = None,
        is_required: Json = None,
        is_write: Json = None,
        attempt: int | None = None,
        actor: str = AGENT,
        **fields: Json,
    ) -> int:
        """An API call."""
        if actor in (AGENT, SYSTEM):
            self.case.tallies.attempts += 1
            self.case.tallies.attempts_failed += outcome != "success"
        is_good = outcome == "success"
        rng = self.plot.rng
        attributes = {
            "action_id": self._action_id(action),
            "action_name": name,
            "attempt": attempt,
            "is_required": is_required,
            "is_write": is_write,
            "http_status": 200 if is_good else rng.choice((409, 500, 503)),
            "error_type": None if is_good else "sim_api_error",
            "latency_ms": rng.randint(40, 2_500),
        }
        at, record = self.log("action_executed", outcome, attributes, actor, **fields)
        said = {"action_name": name, "is_write": is_write}
        self.case.actions.append({**self._noted(at, record, attributes, actor), **said})
        return at

    def _noted(
        self, at: int, record: Record, attributes: dict[str, Any], actor: str
    ) -> dict[str, Any]:
        """What the truth keeps of a check or an act; no flag is a flag not said."""
        return {
            "session_id": self.session_id,
            "event_id": record.body["event_id"],
            "at": at,
            "sequence": record.body.get("sequence"),
            "outcome": record.body.get("outcome"),
            "is_automation": actor in (AGENT, SYSTEM),
            "is_required": attributes["is_required"] is not False,
            "action_id": attributes["action_id"],
        }

    def looks_up(self, outcome: str = "success") -> int:
        """A read: it can fail, but it never makes a resolution."""
        name = self.plot.rng.choice(self.plot.intent.reads)
        action = f"read-{self.plot.name('read').rsplit('-', 1)[1]}"
        return self.acts(name, outcome, action=action)

    def writes(
        self,
        outcome: str | None = "success",
        *,
        name: str | None = None,
        **said: Unpack[ActChoices],
    ) -> int:
        """A write by the intent's own action, which the seed knows as a write."""
        said.setdefault("action", "a")
        return self.acts(name or self.plot.intent.writes[0], outcome, **said)

    # How it ends.

    def attempts(self, outcome: str = "resolved", reason: str | None = None) -> int:
        """The agent judges its own work."""
        attributes = {
            "confidence_score": round(self.plot.rng.uniform(0.5, 0.99), 3),
            "escalation_reason": reason,
        }
        return self.log("resolution_attempt", outcome, attributes)[0]

    def escalates(
        self,
        reason: str | None,
        *,
        escalation_id: str | None = PLANNED,
        detail: str | None = None,
        initiated_by: str | None = AGENT,
        actor: str = AGENT,
    ) -> int:
        """The agent hands over."""
        if escalation_id is PLANNED:
            escalation_id = self.plot.name("escalation")
        attributes = {
            "escalation_id": escalation_id,
            "reason_code": reason,
            "reason_detail": detail,
            "initiated_by": initiated_by,
            "target_queue": self.plot.rng.choice(QUEUES),
        }
        return self.log("escalated", None, attributes, actor)[0]

    def hands_over(
        self,
        reason: str | None,
        truth: str,
        *,
        escalation_id: str | None = PLANNED,
        detail: str | None = None,
        initiated_by: str | None = AGENT,
    ) -> int:
        """Escalate, and say that the mart must have the row."""
        at = self.escalates(
            reason,
            escalation_id=escalation_id,
            detail=detail,
            initiated_by=initiated_by,
        )
        self.case.escalation(truth, at, "escalated", self, detail, initiated_by)
        return at

    def joins(self) -> int:
        """A person takes part."""
        human_id = f"sim-person-{self.plot.number % 23:02d}"
        return self.log("human_joined", None, {"human_id": human_id}, PERSON)[0]

    def logs_closure(self) -> int:
        """The agent logs the ticketing system's confirmation."""
        return self.log("case_closed", None, {"ticket_status": "solved"})[0]

    def logs_reopening(self) -> int:
        """The agent logs that the case is open again."""
        return self.log("case_reopened", None, {"ticket_status": "open"})[0]

    def confirms(self, outcome: str = "confirmed") -> int:
        """The customer says whether it is solved."""
        return self.log("customer_confirmed", outcome, None, CUSTOMER)[0]

    def ends(self, outcome: str | None = "resolved") -> int:
        """The session ends; `resolved` is the agent's opinion."""
        return self.log("session_ended", outcome)[0]


def rows_in_order(sessions: Sequence[SessionPlan]) -> list[SessionPlan]:
    """Sessions that were acted out, by start and id."""
    acted = [session for session in sessions if session.started_at is not None]
    return sorted(acted, key=lambda item: (item.started_at, item.session_id))
