"""Contract records as the rules see them: typed, defaulted, one per identity.

Plain readings of ``1-feeds``: no SQL, no pandas, nothing shared with the product.
Records are dicts with the contract's field names, already valid.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Record = dict[str, Any]
Ticket = tuple[str, str]
SessionId = tuple[str, str]


@dataclass(frozen=True)
class Settings:
    """The variables that the rules read; the defaults are the product's."""

    as_of: datetime
    default_ticket_system: str = "default"
    case_link: timedelta = timedelta(days=7)
    recontact_window: timedelta = timedelta(hours=168)
    abandon_after: timedelta = timedelta(hours=72)
    customer_id_scope: str = "global"
    reporting_timezone: str = "UTC"

    @property
    def dbt_vars(self) -> Record:
        """Tell the settings as the product's variables."""
        return {
            "default_ticket_system": self.default_ticket_system,
            "case_link_days": self.case_link // timedelta(days=1),
            "recontact_window_hours": self.recontact_window // timedelta(hours=1),
            "abandon_after_hours": self.abandon_after // timedelta(hours=1),
            "customer_id_scope": self.customer_id_scope,
            "reporting_timezone": self.reporting_timezone,
        }

    def day_of(self, at: datetime) -> date:
        """Name the day of a moment where the reports are read."""
        return (
            at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.reporting_timezone)).date()
        )


@dataclass(frozen=True)
class Seeds:
    """What people author: vocabularies, and what the words in them mean."""

    closed_statuses: frozenset[str] = frozenset({"solved", "closed", "resolved"})
    intents_without_action: frozenset[str] = frozenset()
    intent_tiers: dict[str, str] = field(default_factory=dict)
    intent_aliases: dict[str, str] = field(default_factory=dict)
    action_patterns: dict[str, bool] = field(default_factory=dict)
    reasons: frozenset[str] = frozenset()
    reason_aliases: dict[str, str] = field(default_factory=dict)

    def intent(self, word: str | None) -> str | None:
        """Translate a word of logs and tickets to the one vocabulary."""
        return None if word is None else self.intent_aliases.get(word.lower(), word)

    def is_write(self, action_name: str | None) -> bool:
        """Ask the longest pattern that fits the name; nobody knows it: no write."""
        fits = [
            pattern
            for pattern in self.action_patterns
            if action_name is not None and fnmatchcase(action_name, pattern)
        ]
        return self.action_patterns[max(fits, key=len)] if fits else False

    def reason(self, code: str | None) -> str:
        """Name a reason as the seed does, or say that it is unstated or unknown."""
        if code is None or not code.strip():
            return "unstated"
        word = code.strip().lower().replace(" ", "_").replace("-", "_")
        word = self.reason_aliases.get(word, word)
        return word if word in self.reasons else "unrecognised"


@dataclass(frozen=True)
class AgentEvent:
    """One line of ``agent_events`` with its defaults filled in."""

    source: str
    event_id: str
    session: SessionId
    at: datetime
    sequence: int | None
    action: str
    outcome: str | None
    actor: str
    ticket: Ticket | None
    previous_session_id: str | None
    customer: str | None
    channel: str | None
    agent_name: str | None
    agent_version: str | None
    environment: str | None
    is_test: bool
    attributes: Record

    @property
    def order(self) -> tuple[Any, ...]:
        """Event order: time, sequence (unsaid last), id."""
        unsaid = self.sequence is None
        return (self.at, unsaid, 0 if unsaid else self.sequence, self.event_id)

    @property
    def is_automation(self) -> bool:
        """Legs are filled by the agent and the system alone."""
        return self.actor in ("ai_agent", "system")

    def text(self, key: str) -> str | None:
        """Read a word from the attributes; a value of another type is not said."""
        value = self.attributes.get(key)
        return value if isinstance(value, str) and value.strip() else None

    def identifier(self, key: str) -> str | None:
        """Read an id from the attributes; an integer is its decimal text."""
        value = self.attributes.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(key)

    def flag(self, key: str) -> bool | None:
        """Read a flag from the attributes; what is no boolean is not said."""
        value = self.attributes.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        """Read a number from the attributes; a value of another type is not said."""
        value = self.attributes.get(key)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number else None


@dataclass(frozen=True)
class TicketEvent:
    """One line of ``ticket_events`` with its defaults filled in."""

    source: str
    event_id: str
    ticket: Ticket
    at: datetime
    event: str
    actor: str
    customer: str | None
    intent: str | None
    tier: str | None
    channel: str | None
    status: str | None
    merged_into: Ticket | None
    handle_seconds: float | None
    is_test: bool

    @property
    def order(self) -> tuple[datetime, str]:
        """Event order on a ticket: time, id."""
        return (self.at, self.event_id)


def moment(text: str) -> datetime:
    """Read an RFC 3339 timestamp as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def line_of(record: Record) -> str:
    """Write a record as the landing file holds it: its hash settles last ties."""
    return json.dumps(record, ensure_ascii=False)


def latest(records: Iterable[Record], id_field: str, time_of: Callable) -> list[Record]:
    """Keep one record per (source system, id): version, then time, then hash."""
    kept: dict[tuple[str, str], tuple[tuple[Any, ...], Record]] = {}
    for record in records:
        identity = (record.get("source_system") or "default", str(record[id_field]))
        digest = hashlib.sha256(line_of(record).encode()).hexdigest()
        rank = (record.get("version") or 0, moment(time_of(record)), digest)
        if identity not in kept or rank > kept[identity][0]:
            kept[identity] = (rank, record)
    return [record for _, record in kept.values()]


def said(record: Record, name: str) -> str | None:
    """Read a text field: blank is null, an integer id its decimal text."""
    value = record.get(name)
    return str(value) if value is not None and str(value).strip() else None


def ticket_of(record: Record, settings: Settings) -> Ticket | None:
    """Name the ticket of a record by (system, id)."""
    ticket_id = said(record, "ticket_id")
    if ticket_id is None:
        return None
    return (said(record, "ticket_system") or settings.default_ticket_system, ticket_id)


def customer_of(record: Record, settings: Settings) -> str | None:
    """Name the customer: one person across source systems, unless told otherwise."""
    customer = said(record, "customer_id")
    if customer is None or settings.customer_id_scope == "global":
        return customer
    return scoped(said(record, "source_system") or "default", customer)


def scoped(source_system: str, customer_id: str) -> str:
    """Name a customer of one source system."""
    return f"{source_system}/{customer_id}"


def agent_event(record: Record, settings: Settings) -> AgentEvent:
    """Read one record of ``agent_events``."""
    source = said(record, "source_system") or "default"
    outcome = said(record, "outcome")
    return AgentEvent(
        source=source,
        event_id=str(record["event_id"]),
        session=(source, str(record["session_id"])),
        at=moment(record["timestamp"]),
        sequence=record.get("sequence"),
        action=record["action_type"],
        outcome=None if outcome is None else outcome.lower(),
        actor=said(record, "actor_type") or "ai_agent",
        ticket=ticket_of(record, settings),
        previous_session_id=said(record, "previous_session_id"),
        customer=customer_of(record, settings),
        channel=said(record, "channel"),
        agent_name=said(record, "agent_name"),
        agent_version=said(record, "agent_version"),
        environment=said(record, "environment"),
        is_test=record.get("is_test") is True,
        attributes=record.get("attributes") or {},
    )


def ticket_event(record: Record, settings: Settings) -> TicketEvent:
    """Read one record of ``ticket_events``."""
    ticket = ticket_of(record, settings)
    if ticket is None:
        raise ValueError(f"ticket event {record['event_id']} names no ticket")
    merged_into = said(record, "merged_into_ticket_id")
    return TicketEvent(
        source=said(record, "source_system") or "default",
        event_id=str(record["event_id"]),
        ticket=ticket,
        at=moment(record["timestamp"]),
        event=record["event_type"],
        actor=record["actor_type"],
        customer=customer_of(record, settings),
        intent=said(record, "intent"),
        tier=said(record, "tier"),
        channel=said(record, "channel"),
        status=said(record, "status"),
        merged_into=None if merged_into is None else (ticket[0], merged_into),
        handle_seconds=record.get("handle_seconds"),
        is_test=record.get("is_test") is True,
    )


def rows(path: Path) -> list[dict[str, str]]:
    """Read a seed file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_seeds(folder: Path) -> Seeds:
    """Read what people authored."""
    intents = rows(folder / "intents.csv")
    aliases = rows(folder / "escalation_reason_aliases.csv")
    return Seeds(
        closed_statuses=frozenset(
            row["status"] for row in rows(folder / "closed_statuses.csv")
        ),
        intents_without_action=frozenset(
            row["intent"] for row in intents if row["requires_action"] == "false"
        ),
        intent_tiers={row["intent"]: row["tier"] for row in intents},
        intent_aliases={
            row["alias"]: row["intent"] for row in rows(folder / "intent_aliases.csv")
        },
        action_patterns={
            row["action_pattern"]: row["is_write"] == "true"
            for row in rows(folder / "actions.csv")
        },
        reasons=frozenset(
            row["reason_code"] for row in rows(folder / "escalation_reasons.csv")
        ),
        reason_aliases={row["alias"]: row["reason_code"] for row in aliases},
    )
