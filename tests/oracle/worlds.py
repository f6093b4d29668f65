"""Made-up little worlds: a handful of customers, tickets and sessions each.

A world starts from stories that would go well and is then bent: records are dropped,
moved onto the moments of others or onto the edge of a window, given to another
actor, another outcome, another ticket. Ids carry the world's own prefix, so that
thousands of worlds land together and cannot meet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from tests.oracle.records import Record

AS_OF = datetime(2026, 3, 2, 12)
FEEDS = ("agent_events", "ticket_events", "survey_responses", "compliance_audits")

ACTORS = ("ai_agent", "system", "human_agent", "customer")
CUSTOMERS = ("c1", "c1", "c2")
TICKETS = ("t1", "t1", "t1", "t2", "t2", "t3", "t4")
SESSIONS = ("s1", "s2", "s3", "s4", "s5", "s6")
POLICIES = ("p1", "p2")
ACTION_IDS = ("x1", "x2", 3)
CHANNELS = ("chat", "email", "voice", "fax")
TIERS = ("tier_1", "tier_2")
STATUSES = ("open", "pending", "solved", "closed", "resolved")
VERDICTS = ("compliant", "compliant", "violation", "unclear")
REASONS = (
    "low_confidence",
    "Customer Request",
    "policy-ambiguity",
    " human_takeover ",
    "tool_failure",
    "because",
    " ",
    None,
)

WINDOWS = (
    timedelta(hours=24),
    timedelta(hours=72),
    timedelta(days=7),
)
TICK = timedelta(microseconds=1)
JUST = (-TICK, 0 * TICK, TICK)
STEPS = (
    timedelta(0),
    TICK,
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(hours=1),
)

OUTCOMES: dict[str, tuple[str | None, ...]] = {
    "intent_classified": ("success", "Success", "failure", None, "maybe"),
    "policy_checked": ("pass", "PASS", "fail", "not_applicable", "error", None, "hm"),
    "action_executed": ("success", "failure", "timeout", "unknown", None),
    "resolution_attempt": ("resolved", "unresolved", "escalated"),
    "customer_confirmed": ("confirmed", "denied"),
    "llm_called": ("success", "failure"),
    "session_ended": ("resolved", "escalated", "abandoned", "timeout", "error"),
}
ACTION_TYPES = (
    "session_started",
    "message_received",
    "message_sent",
    "escalated",
    "human_joined",
    "case_closed",
    "case_reopened",
    "coffee_made",
    *OUTCOMES,
)
TICKET_EVENT_TYPES = (
    "created",
    "assigned",
    "replied",
    "status_changed",
    "solved",
    "closed",
    "reopened",
    "merged",
    "tagged",
)
INSERTED_ACTIONS = (
    *ACTION_TYPES,
    *3 * ("policy_checked", "action_executed"),
    *2 * ("escalated", "customer_confirmed", "case_closed", "case_reopened"),
    *2 * ("intent_classified", "resolution_attempt"),
)
INSERTED_TICKET_EVENTS = (
    *TICKET_EVENT_TYPES,
    *2 * ("status_changed", "reopened", "merged"),
)


@dataclass(frozen=True)
class Vocabulary:
    """Words from the seeds that make worlds meaningful."""

    intents: tuple[str, ...]
    action_names: tuple[str, ...]


@dataclass
class World:
    """The records of one little world, feed by feed."""

    name: str
    feeds: dict[str, list[Record]]

    @property
    def size(self) -> int:
        """Count the records."""
        return sum(len(records) for records in self.feeds.values())

    def renamed(self, name: str) -> World:
        """Copy the world under another name of the same length."""
        text = json.dumps(self.feeds).replace(f'"{self.name}-', f'"{name}-')
        return World(name, json.loads(text))

    def without(self, feed: str, position: int) -> World:
        """Copy the world with one record taken away."""
        feeds = {name: list(records) for name, records in self.feeds.items()}
        del feeds[feed][position]
        return World(self.name, feeds)


def draw_world(rng: Random, name: str, words: Vocabulary) -> World:
    """Draw one world."""
    artist = Artist(rng, name, words)
    for _ in range(rng.choice((1, 2, 2, 3, 4))):
        artist.tell_story()
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        artist.tell_peoples_story()
    for _ in range(rng.choice((0, 1, 2, 4, 8, 16, 24))):
        rng.choice(artist.bends)()
    if artist.maybe(0.4):
        artist.bring_to_an_edge()
    artist.add_surveys()
    artist.add_audits()
    artist.shuffle_ids()
    return World(name, artist.feeds)


class Artist:
    """Draws the records of one world; every choice comes from one generator."""

    def __init__(self, rng: Random, name: str, words: Vocabulary) -> None:
        """Settle the world's intents, its beginning and its bends."""
        self.rng = rng
        self.name = name
        self.words = words
        first, second = rng.sample(words.intents, 2)
        self.intents = (first, first, second)
        self.feeds: dict[str, list[Record]] = {feed: [] for feed in FEEDS}
        back = rng.choice((timedelta(hours=1), *WINDOWS, *5 * (timedelta(days=20),)))
        self.begins = AS_OF - back - rng.choice((timedelta(0), TICK, -TICK))
        self.moments = [self.begins]
        self.bends = (
            self.drop,
            self.move,
            self.move,
            self.change_actor,
            self.change_outcome,
            self.change_outcome,
            self.change_attribute,
            self.change_attribute,
            self.change_field,
            self.change_field,
            self.insert_agent_event,
            self.insert_agent_event,
            self.insert_ticket_event,
            self.correct,
            *4 * (self.come_back,),
            self.merge_tickets,
            self.set_apart,
            self.check_again,
            self.check_again,
            self.try_again,
            self.escalate_again,
            self.tie,
            self.touch_at_once,
            self.deny,
        )

    # Words and times

    def id(self, word: str) -> str:
        """Put the world's prefix before an id."""
        return f"{self.name}-{word}"

    def maybe(self, chance: float) -> bool:
        """Toss a coin."""
        return self.rng.random() < chance

    def moment(self) -> datetime:
        """Draw a time: one already met, near it, or at the edge of a window."""
        met = self.rng.choice(self.moments)
        at = self.rng.choice(
            (
                met,
                met + self.rng.choice(STEPS),
                met + self.rng.choice(STEPS),
                met + self.rng.choice(WINDOWS) + self.rng.choice(JUST),
            )
        )
        return self.keep(at)

    def keep(self, at: datetime) -> datetime:
        """Remember a time for later ties; nothing lies further off than a day."""
        at = min(at, AS_OF + timedelta(hours=20))
        self.moments.append(at)
        return at

    def intent(self) -> str:
        """Draw an intent, mostly one that the world already uses."""
        known = self.intents if self.maybe(0.95) else self.words.intents
        return self.rng.choice(known)

    # Records

    def agent_event(self, at: datetime, action: str, **said: object) -> Record:
        """Write one agent event."""
        record = {"timestamp": stamp(at), "action_type": action} | {
            field: value for field, value in said.items() if value is not None
        }
        self.feeds["agent_events"].append(record)
        return record

    def ticket_event(self, at: datetime, event: str, **said: object) -> Record:
        """Write one ticket event."""
        record = {"timestamp": stamp(at), "event_type": event} | {
            field: value for field, value in said.items() if value is not None
        }
        self.feeds["ticket_events"].append(record)
        return record

    # Stories

    def tell_story(self) -> None:
        """Tell a session that goes well, with or without a ticket."""
        rng = self.rng
        ticket = self.id(rng.choice(TICKETS)) if self.maybe(0.6) else None
        said = {
            "session_id": self.id(rng.choice(SESSIONS)),
            "ticket_id": ticket,
            "customer_id": self.id(rng.choice(CUSTOMERS)) if self.maybe(0.9) else None,
            "channel": rng.choice(CHANNELS) if self.maybe(0.8) else None,
            "agent_name": "helper" if self.maybe(0.8) else None,
            "agent_version": rng.choice(("1", "2")) if self.maybe(0.8) else None,
            "source_system": "crm" if self.maybe(0.15) else None,
            "previous_session_id": (
                self.id(rng.choice(SESSIONS)) if self.maybe(0.3) else None
            ),
        }
        at = self.tell_session(self.moment(), self.intent(), said)
        if ticket is not None and self.maybe(0.8):
            self.tell_ticket(ticket, at, rng.choice(("system", "ai_agent")))

    def tell_session(
        self, at: datetime, intent: str, said: dict[str, str | None]
    ) -> datetime:
        """Act out a script from a moment on; return the moment after it."""
        action_id = self.rng.choice((None, *ACTION_IDS))
        for action, details in self.script(intent, action_id):
            if self.maybe(0.93):
                attributes = dict(details.pop("attributes", {}))
                self.agent_event(at, action, attributes=attributes, **details, **said)
            at = self.keep(at + self.rng.choice(STEPS[:4]))
        return at

    def come_back(self) -> None:
        """Let a customer ask the same again, soon or at the edge of a window."""
        rng = self.rng
        model = self.pick_action("intent_classified")
        if model is None:
            return
        kept = ("customer_id", "channel", "agent_name", "source_system")
        said = {field: model.get(field) for field in kept}
        said |= {"session_id": self.id(rng.choice(self.free_sessions() or SESSIONS))}
        if self.maybe(0.3):
            said |= {"ticket_id": self.id(rng.choice(TICKETS))}
        if self.maybe(0.15):
            said |= {"previous_session_id": model["session_id"]}
        if self.maybe(0.5):
            self.forget_closing(model["session_id"])
        intent = model.get("attributes", {}).get("intent")
        edge = rng.choice((*WINDOWS, WINDOWS[-1], WINDOWS[-1])) + rng.choice(JUST)
        at = self.end_of(model) + (edge if self.maybe(0.7) else rng.choice(STEPS))
        self.tell_session(self.keep(at), intent or self.intents[0], said)

    def free_sessions(self) -> list[str]:
        """List the sessions that nothing has happened in."""
        met = {record["session_id"] for record in self.feeds["agent_events"]}
        return [session for session in SESSIONS if self.id(session) not in met]

    def forget_closing(self, session_id: str) -> None:
        """Take what a session logged about its closing away."""
        self.feeds["agent_events"] = [
            record
            for record in self.feeds["agent_events"]
            if (record["session_id"], record["action_type"])
            != (session_id, "case_closed")
        ]

    def end_of(self, model: Record) -> datetime:
        """Draw the end of an event's session, or a closure that is its own."""
        session = [
            record
            for record in self.feeds["agent_events"]
            if record["session_id"] == model["session_id"]
        ]
        logged = [r for r in session if r["action_type"] == "case_closed"]
        on_ticket = [
            record
            for record in self.feeds["ticket_events"]
            if record["event_type"] in ("solved", "closed")
            and record["ticket_id"] == model.get("ticket_id")
        ]
        closings = [moment_of(record) for record in [*logged, *on_ticket]]
        return self.rng.choice([max(map(moment_of, session)), *closings])

    def deny(self) -> None:
        """Let a customer deny a closure, and people act at once or soon after."""
        rng = self.rng
        model = self.pick("agent_events")
        if model is None:
            return
        at = self.end_of(model) + rng.choice(STEPS)
        denial = {"action_type": "customer_confirmed", "outcome": "denied"}
        kept = {k: model[k] for k in ("session_id", "source_system") if k in model}
        self.copy(denial | kept | {"actor_type": "customer"}, at)
        if self.maybe(0.6):
            after = self.keep(at + rng.choice((0, 0, -1, 1)) * rng.choice(STEPS))
            ticket = model.get("ticket_id", self.id("t1"))
            said = {"ticket_id": ticket, "actor_type": "human_agent"}
            self.ticket_event(after, "replied", **said)

    def script(self, intent: str, action_id: str | int | None) -> list[Any]:
        """Write down what a session does when it goes well."""
        rng = self.rng
        check = {"policy_id": rng.choice(POLICIES)} | (
            {"action_id": action_id}
            if action_id is not None and self.maybe(0.6)
            else {}
        )
        name = rng.choice(self.words.action_names)
        action = {"action_name": name} | (
            {} if action_id is None else {"action_id": action_id}
        )
        if self.maybe(0.7):
            action["is_write"] = True
        classified = {"intent": intent}
        if self.maybe(0.3):
            classified["tier"] = rng.choice(TIERS)
        cost = {"cost_usd": rng.choice((0.25, 0.5, 2)), "input_tokens": 900}
        by_system = {"actor_type": "system"}
        asked = {"actor_type": "customer"}
        script = [
            ("session_started", {}),
            ("message_received", asked),
            ("intent_classified", {"outcome": "success", "attributes": classified}),
            ("llm_called", {"outcome": "success", "attributes": cost}),
            ("policy_checked", {"outcome": "pass", "attributes": check, **by_system}),
            ("action_executed", {"outcome": "success", "attributes": action}),
            ("resolution_attempt", {"outcome": "resolved"}),
            ("customer_confirmed", {"outcome": "confirmed", **asked}),
            ("case_closed", by_system),
            ("session_ended", {"outcome": "resolved"}),
        ]
        if self.maybe(0.3):
            script.pop(8)
        if self.maybe(0.3):
            script.pop(3)
        if self.maybe(0.08):
            greeting = {"attributes": {"is_substantive": False}, **asked}
            tail = [script[-1], script[5]][: rng.choice((0, 0, 1, 2))]
            return [("session_started", {}), ("message_received", greeting), *tail]
        return script[: rng.randint(1, 8)] if self.maybe(0.2) else script

    def tell_ticket(self, ticket: str, closed_at: datetime, actor: str) -> None:
        """Tell a ticket from creation to closure."""
        rng = self.rng
        said = {
            "ticket_id": ticket,
            "customer_id": self.id(rng.choice(CUSTOMERS)) if self.maybe(0.7) else None,
            "intent": self.intent() if self.maybe(0.4) else None,
            "tier": rng.choice(TIERS) if self.maybe(0.3) else None,
            "channel": rng.choice(CHANNELS) if self.maybe(0.4) else None,
        }
        if self.maybe(0.8):
            opened_at = self.moment() if self.maybe(0.3) else self.begins
            self.ticket_event(opened_at, "created", actor_type="system", **said)
        if self.maybe(0.9):
            how = rng.choice(("solved", "closed", "status_changed"))
            status = rng.choice(STATUSES[2:]) if how == "status_changed" else None
            self.ticket_event(closed_at, how, actor_type=actor, status=status, **said)
        if self.maybe(0.2):
            at = closed_at + rng.choice((*STEPS, *WINDOWS))
            self.ticket_event(self.keep(at), "closed", actor_type=actor, **said)

    def tell_peoples_story(self) -> None:
        """Tell a ticket that people handled."""
        rng = self.rng
        ticket = self.id(rng.choice(TICKETS))
        at = self.moment()
        for _ in range(rng.randint(0, 2)):
            seconds = rng.choice((None, 0, 30, 600.5))
            self.ticket_event(
                at,
                rng.choice(("assigned", "replied", "tagged")),
                ticket_id=ticket,
                actor_type="human_agent",
                handle_seconds=seconds,
            )
            at = self.keep(at + rng.choice(STEPS))
        self.tell_ticket(ticket, at, "human_agent")

    # Bends

    def pick(self, *feeds: str) -> Record | None:
        """Pick a record of the named feeds."""
        records = [record for feed in feeds for record in self.feeds[feed]]
        return self.rng.choice(records) if records else None

    def drop(self) -> None:
        """Take a record away."""
        feed = self.rng.choice(FEEDS[:2])
        if self.feeds[feed]:
            self.feeds[feed].pop(self.rng.randrange(len(self.feeds[feed])))

    def move(self) -> None:
        """Move a record in time, often onto another one."""
        record = self.pick(*FEEDS[:2])
        if record is not None:
            record["timestamp"] = stamp(self.moment())
            if "action_type" in record and self.maybe(0.3):
                record["sequence"] = self.rng.choice((0, 1, 2))

    def change_actor(self) -> None:
        """Give a record to somebody else."""
        record = self.pick(*FEEDS[:2])
        if record is not None:
            record["actor_type"] = self.rng.choice(ACTORS)

    def change_outcome(self) -> None:
        """Let something end otherwise."""
        record = self.pick("agent_events")
        if record is not None and record["action_type"] in OUTCOMES:
            outcome = self.rng.choice(OUTCOMES[record["action_type"]])
            record.pop("outcome", None)
            record |= {} if outcome is None else {"outcome": outcome}

    def change_attribute(self) -> None:
        """Change, drop or spoil an attribute that the action type has."""
        record = self.pick("agent_events")
        if record is None:
            return
        attributes = dict(record.get("attributes", {}))
        pool = self.attributes_of(record["action_type"])
        if pool:
            key = self.rng.choice(sorted(pool))
            value = self.rng.choice((*pool[key], None))
            attributes.pop(key, None)
            record["attributes"] = attributes | ({} if value is None else {key: value})

    def attributes_of(self, action: str) -> dict[str, tuple[Any, ...]]:
        """List values, right and wrong, of the attributes of an action type."""
        flags = (True, False, "false", "true", 0, 1)
        pools: dict[str, dict[str, tuple[Any, ...]]] = {
            "message_received": {"is_substantive": flags},
            "intent_classified": {
                "intent": (*self.intents, " ", 5),
                "tier": (*TIERS, " ", 2),
            },
            "policy_checked": {
                "policy_id": (*POLICIES, ""),
                "check_id": ("k1", "k2"),
                "action_id": ACTION_IDS,
                "is_required": flags,
                "evaluator": ("rule", "llm", "human"),
            },
            "action_executed": {
                "action_id": ACTION_IDS,
                "action_name": (*self.words.action_names, ""),
                "is_required": flags,
                "is_write": flags,
            },
            "resolution_attempt": {"escalation_reason": REASONS},
            "escalated": {
                "escalation_id": ("g1", "g2", 7),
                "reason_code": REASONS,
                "reason_detail": ("too hard",),
                "initiated_by": ("ai_agent", "customer", "policy"),
            },
            "llm_called": {
                "cost_usd": (1, 0.125, "0.5"),
                "input_tokens": (12, "900"),
                "output_tokens": (7, None),
            },
        }
        return pools.get(action, {})

    def change_field(self) -> None:
        """Change or drop a field that a contract has."""
        feed = self.rng.choice(FEEDS[:2])
        record = self.pick(feed)
        if record is not None:
            pool = (
                self.agent_fields() if feed == "agent_events" else self.ticket_fields()
            )
            field = self.rng.choice(sorted(pool))
            value = self.rng.choice(pool[field])
            record.pop(field, None)
            record |= {} if value is None else {field: value}

    def agent_fields(self) -> dict[str, tuple[Any, ...]]:
        """List values of the optional fields of an agent event."""
        return {
            "ticket_id": (None, *map(self.id, TICKETS)),
            "ticket_system": (None, "desk2", "default"),
            "previous_session_id": (None, *map(self.id, SESSIONS)),
            "customer_id": (None, " ", *map(self.id, CUSTOMERS)),
            "channel": (None, *CHANNELS),
            "agent_name": (None, "helper", "other"),
            "agent_version": (None, "1", "2"),
            "environment": (None, "production", "prod", "staging"),
            "is_test": (None, False, True),
            "sequence": (None, 0, 1, 2),
        }

    def ticket_fields(self) -> dict[str, tuple[Any, ...]]:
        """List values of the optional fields of a ticket event."""
        return {
            "ticket_id": tuple(map(self.id, TICKETS)),
            "ticket_system": (None, "desk2", "default"),
            "customer_id": (None, *map(self.id, CUSTOMERS)),
            "intent": (None, *self.intents),
            "tier": (None, *TIERS),
            "channel": (None, *CHANNELS),
            "status": (None, *STATUSES),
            "handle_seconds": (None, 0, 45),
            "is_test": (None, False, True),
            "merged_into_ticket_id": (None, *map(self.id, TICKETS)),
        }

    def insert_agent_event(self) -> None:
        """Log something of any type in a session, mostly one that is there."""
        rng = self.rng
        model = self.pick("agent_events")
        said = {"session_id": self.id(rng.choice(SESSIONS))}
        if model is not None and self.maybe(0.9):
            kept = ("session_id", "source_system", "customer_id", "ticket_id")
            said = {field: model.get(field) for field in kept}
        action = rng.choice(INSERTED_ACTIONS)
        record = self.agent_event(
            self.moment(),
            action,
            actor_type=rng.choice((None, *ACTORS)),
            outcome=rng.choice(OUTCOMES.get(action, (None,))),
            **said,
        )
        pool = self.attributes_of(action)
        attributes = {key: rng.choice((None, *pool[key])) for key in pool}
        record["attributes"] = {k: v for k, v in attributes.items() if v is not None}

    def insert_ticket_event(self) -> None:
        """Let something of any type happen to a ticket."""
        rng = self.rng
        event = rng.choice(INSERTED_TICKET_EVENTS)
        self.ticket_event(
            self.moment(),
            event,
            ticket_id=self.id(rng.choice(TICKETS)),
            actor_type=rng.choice(ACTORS),
            status=rng.choice(STATUSES) if event == "status_changed" else None,
            merged_into_ticket_id=(
                self.id(rng.choice((*TICKETS, "t9"))) if event == "merged" else None
            ),
        )

    def correct(self) -> None:
        """Send a record once more: the same, or corrected under a higher version."""
        feed = self.rng.choice(FEEDS[:2])
        record = self.pick(feed)
        if record is not None:
            record.setdefault("event_id", f"again{len(self.feeds[feed])}")
            again = dict(record)
            if self.maybe(0.7):
                again |= {"version": 1, "timestamp": stamp(self.moment())}
            self.feeds[feed].append(again)

    # Bends that seek out a rule

    def merge_tickets(self) -> None:
        """Merge tickets in a chain, often a ring, some of them tests."""
        rng = self.rng
        path = rng.sample(sorted(set(TICKETS)), rng.randint(2, 3))
        path += [rng.choice((*path[:2], "t9"))]
        for one, two in pairwise(path):
            self.ticket_event(
                self.moment(),
                "merged",
                ticket_id=self.id(one),
                merged_into_ticket_id=self.id(two),
                actor_type=rng.choice(("system", "system", "human_agent")),
                is_test=True if self.maybe(0.08) else None,
            )

    def set_apart(self) -> None:
        """Make a whole session a test, or traffic of a stage before production."""
        model = self.pick("agent_events")
        if model is not None:
            mark = self.rng.choice(({"is_test": True}, {"environment": "staging"}))
            for record in self.feeds["agent_events"]:
                if record["session_id"] == model["session_id"]:
                    record |= mark

    def pick_action(self, action: str) -> Record | None:
        """Pick an agent event of one type."""
        events = self.feeds["agent_events"]
        fits = [record for record in events if record["action_type"] == action]
        return self.rng.choice(fits) if fits else None

    def copy(self, model: Record, at: datetime, **changed: object) -> Record:
        """Write an event again, at another time and under another id."""
        copied = {**model, "timestamp": stamp(self.keep(at)), **changed}
        copied.pop("event_id", None)
        copied["attributes"] = dict(model.get("attributes", {}))
        self.feeds["agent_events"].append(copied)
        return copied

    def check_again(self) -> None:
        """Check a policy once more around an action."""
        check, act = map(self.pick_action, ("policy_checked", "action_executed"))
        if check is None or act is None:
            return
        at = moment_of(act) + self.rng.choice((-1, 0, 1)) * self.rng.choice(STEPS[:4])
        outcome = self.rng.choice(("pass", "fail", "not_applicable"))
        copied = self.copy(check, at, session_id=act["session_id"], outcome=outcome)
        if self.maybe(0.3) and "action_id" in act.get("attributes", {}):
            copied["attributes"]["action_id"] = act["attributes"]["action_id"]

    def try_again(self) -> None:
        """Try an action once more, sometimes on other flags or in another session."""
        act = self.pick_action("action_executed")
        if act is None:
            return
        at = moment_of(act) + self.rng.choice(STEPS)
        copied = self.copy(act, at, outcome=self.rng.choice(("success", "failure")))
        if self.maybe(0.4):
            flag = self.rng.choice(("is_required", "is_write"))
            copied["attributes"][flag] = self.maybe(0.3)
        if self.maybe(0.2):
            copied["session_id"] = self.id(self.rng.choice(SESSIONS))

    def escalate_again(self) -> None:
        """Escalate in two sessions, often under one id."""
        rng = self.rng
        model = self.pick("agent_events")
        if model is None:
            return
        at = moment_of(model)
        attributes = {"escalation_id": rng.choice(("g1", 7))} if self.maybe(0.8) else {}
        how = ("escalated", "escalated", "resolution_attempt", "session_ended")
        for session in (model["session_id"], rng.choice((None, self.id("s1")))):
            action = rng.choice(how)
            record = {
                "action_type": action,
                "session_id": session or model["session_id"],
            }
            kept = {k: model[k] for k in ("ticket_id", "source_system") if k in model}
            copied = self.copy(record | kept, at + rng.choice(STEPS))
            if action != "escalated":
                copied["outcome"] = "escalated"
            reason = {"reason_code": rng.choice(REASONS[:3])}
            copied["attributes"] = attributes | reason

    def tie(self) -> None:
        """Let two events of a session happen at once, in an order of their own."""
        one = self.pick("agent_events")
        if one is None:
            return
        others = [
            record
            for record in self.feeds["agent_events"]
            if record["session_id"] == one["session_id"]
        ]
        for record in self.rng.sample(others, min(3, len(others))):
            record["timestamp"] = one["timestamp"]
            sequence = self.rng.choice((None, 0, 1, 2, 10))
            record.pop("sequence", None)
            record |= {} if sequence is None else {"sequence": sequence}

    def touch_at_once(self) -> None:
        """Let a person act on a ticket at the very moment of something else."""
        model = self.pick("agent_events")
        if model is None:
            return
        at = moment_of(model)
        ticket = model.get("ticket_id", self.id("t1"))
        if self.maybe(0.5):
            said = {"ticket_id": ticket, "actor_type": "human_agent"}
            self.ticket_event(at, "replied", **said)
        if self.maybe(0.5):
            check = {"action_type": "policy_checked", "outcome": "pass"}
            kept = {"session_id": model["session_id"]}
            copied = self.copy(check | kept, at)
            copied["attributes"] = {"evaluator": "human", "policy_id": "p1"}

    def bring_to_an_edge(self) -> None:
        """Move the whole world so that one moment lies at the edge of a window."""
        records = [record for feed in FEEDS[:2] for record in self.feeds[feed]]
        if not records:
            return
        edge = AS_OF - self.rng.choice(WINDOWS) + self.rng.choice(JUST)
        shift = edge - moment_of(self.rng.choice(records))
        last = max(moment_of(record) for record in records)
        if last + shift <= AS_OF + timedelta(hours=20):
            for record in records:
                record["timestamp"] = stamp(moment_of(record) + shift)

    # Surveys and audits

    def about(self) -> Record:
        """Name a ticket, a session or both."""
        named: Record = {}
        if self.maybe(0.6):
            named["ticket_id"] = self.id(self.rng.choice(TICKETS))
        if not named or self.maybe(0.2):
            named["session_id"] = self.id(self.rng.choice(SESSIONS))
        return named

    def add_surveys(self) -> None:
        """Ask customers how easy it was."""
        rng = self.rng
        for number in range(rng.choice((0, 1, 2))):
            scale = rng.choice(({}, {"scale_min": 0, "scale_max": 10}))
            record = {
                "response_id": self.id(f"r{number}"),
                "survey_type": rng.choice(("ces", "ces", "csat")),
                "sent_at": stamp(self.moment()),
                **self.about(),
                **scale,
            }
            if self.maybe(0.8):
                record["responded_at"] = stamp(self.moment())
            if self.maybe(0.8):
                record["score"] = rng.randint(1, 7)
            if self.maybe(0.2):
                record["higher_is_better"] = self.maybe(0.5)
            self.feeds["survey_responses"].append(record)

    def add_audits(self) -> None:
        """Let auditors judge."""
        rng = self.rng
        for number in range(rng.choice((0, 1, 2, 3))):
            record = {
                "audit_id": self.id(f"a{number}"),
                "audited_at": stamp(self.moment()),
                "auditor_id": "auditor",
                "verdict": rng.choice(VERDICTS),
                **self.about(),
            }
            if self.maybe(0.3):
                record["auditor_type"] = rng.choice(("human", "llm"))
            if self.maybe(0.4):
                record["sample_method"] = rng.choice(("random", "targeted", "census"))
            if self.maybe(0.7):
                record["inclusion_probability"] = rng.choice((0.125, 0.5, 1))
            self.feeds["compliance_audits"].append(record)

    def shuffle_ids(self) -> None:
        """Name the events in an order that says nothing about their time."""
        for feed, letter in zip(FEEDS, "et", strict=False):
            fresh: dict[str, str] = {}
            numbers = list(range(len(self.feeds[feed])))
            self.rng.shuffle(numbers)
            for number, record in zip(numbers, self.feeds[feed], strict=True):
                name = self.id(f"{number:03d}{letter}")
                given = record.get("event_id")
                record["event_id"] = (
                    name if given is None else fresh.setdefault(given, name)
                )


def moment_of(record: Record) -> datetime:
    """Read the time of an event."""
    return datetime.fromisoformat(record["timestamp"].removesuffix("Z"))


def stamp(at: datetime) -> str:
    """Write a time as the contract wants it."""
    return at.isoformat(timespec="microseconds") + "Z"
