"""The contract of each feed: its fields in order, their types and its raw table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["id", "string", "time", "integer", "number", "boolean", "object"]
Reader = Literal["json_lines", "tau2", "servicenow", "otel", "fivetran"]

ACTOR_TYPES = ("ai_agent", "human_agent", "customer", "system")
SEVERITIES = ("low", "medium", "high", "critical")

SQL_TYPES: dict[Kind, str] = {
    "id": "varchar",
    "string": "varchar",
    "time": "timestamp",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "object": "json",
}


@dataclass(frozen=True)
class Field:
    """One field of a contract; `allowed` makes it a closed list."""

    name: str
    kind: Kind = "string"
    required: bool = False
    default: object = None
    allowed: tuple[str, ...] = ()
    lower_case: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None


@dataclass(frozen=True)
class Feed:
    """A folder of the landing root, how it is read, and where its records go.

    `identity` names the columns that make two records the same one; of two of them
    the greater (`version`, first known of `times`, content hash) stays.
    """

    name: str
    reader: Reader
    columns: tuple[tuple[str, str], ...]
    identity: tuple[str, ...]
    times: tuple[str, ...]
    version: str | None = None
    fields: tuple[Field, ...] = ()

    @property
    def table(self) -> str:
        """Name of the raw table, which is the feed's own."""
        return f"raw.{self.name}"

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The record's own columns, before the ones that every raw table ends in."""
        return tuple(name for name, _ in self.columns)

    @property
    def has_one_of_ticket_or_session(self) -> bool:
        """Whether a record has to name a ticket or a session."""
        names = {field.name for field in self.fields if not field.required}
        return self.name != "agent_events" and {"ticket_id", "session_id"} <= names


def _contract(name: str, identity: str, times: tuple[str, ...], *fields: Field) -> Feed:
    columns: list[tuple[str, str]] = []
    for field in fields:
        columns.append((field.name, SQL_TYPES[field.kind]))
        if field.name == "customer_id":
            columns.append(("customer_key", "varchar"))
    if fields[-1].name != "attributes":
        columns.append(("attributes", "json"))
    return Feed(
        name=name,
        reader="json_lines",
        columns=tuple(columns),
        identity=("source_system", identity),
        times=times,
        version="version",
        fields=fields,
    )


_SOURCE = Field("source_system", default="default")
_VERSION = Field("version", "integer", default=0)

AGENT_EVENTS = _contract(
    "agent_events",
    "event_id",
    ("timestamp",),
    Field("event_id", "id", required=True),
    Field("session_id", "id", required=True),
    Field("timestamp", "time", required=True),
    Field("action_type", required=True),
    Field("outcome", lower_case=True),
    Field("actor_type", default="ai_agent", allowed=ACTOR_TYPES),
    Field("ticket_id", "id"),
    Field("ticket_system"),
    Field("previous_session_id", "id"),
    Field("customer_id", "id"),
    Field("channel"),
    Field("agent_name"),
    Field("agent_version"),
    Field("environment"),
    Field("is_test", "boolean"),
    _SOURCE,
    Field("sequence", "integer"),
    _VERSION,
    Field("attributes", "object"),
)

TICKET_EVENTS = _contract(
    "ticket_events",
    "event_id",
    ("timestamp",),
    Field("event_id", "id", required=True),
    Field("ticket_id", "id", required=True),
    Field("timestamp", "time", required=True),
    Field("event_type", required=True),
    Field("actor_type", required=True, allowed=ACTOR_TYPES),
    Field("actor_id", "id"),
    Field("is_public", "boolean"),
    Field("customer_id", "id"),
    Field("intent"),
    Field("tier"),
    Field("channel"),
    Field("priority"),
    Field("group_name"),
    Field("status"),
    Field("merged_into_ticket_id", "id"),
    Field("handle_seconds", "number", minimum=0),
    Field("ticket_system"),
    _SOURCE,
    Field("is_test", "boolean"),
    _VERSION,
)

SURVEY_RESPONSES = _contract(
    "survey_responses",
    "response_id",
    ("responded_at", "sent_at"),
    Field("response_id", "id", required=True),
    Field("survey_type", required=True, allowed=("ces", "csat")),
    Field("ticket_id", "id"),
    Field("session_id", "id"),
    Field("sent_at", "time", required=True),
    Field("responded_at", "time"),
    Field("score", "number"),
    Field("scale_min", "number", default=1.0),
    Field("scale_max", "number", default=7.0),
    Field("higher_is_better", "boolean", default=True),
    Field("comment"),
    Field("ticket_system"),
    _SOURCE,
    _VERSION,
)

COMPLIANCE_AUDITS = _contract(
    "compliance_audits",
    "audit_id",
    ("audited_at",),
    Field("audit_id", "id", required=True),
    Field("ticket_id", "id"),
    Field("session_id", "id"),
    Field("audited_at", "time", required=True),
    Field("auditor_id", "id", required=True),
    Field("auditor_type", default="human", allowed=("human", "llm")),
    Field("sample_method", default="random", allowed=("random", "targeted", "census")),
    Field("stratum"),
    Field("inclusion_probability", "number", above=0, maximum=1),
    Field("policy_id", "id"),
    Field("verdict", required=True, allowed=("compliant", "violation", "unclear")),
    Field("severity", allowed=SEVERITIES),
    Field("is_outcome_correct", "boolean"),
    Field("should_have_escalated", "boolean"),
    Field("notes"),
    Field("ticket_system"),
    _SOURCE,
    _VERSION,
)

TAU2_RUNS = Feed(
    name="tau2_runs",
    reader="tau2",
    columns=(
        ("simulation_id", "varchar"),
        ("source_system", "varchar"),
        ("run_timestamp", "timestamp"),
        ("domain", "varchar"),
        ("agent_implementation", "varchar"),
        ("agent_model", "varchar"),
        ("task_id", "varchar"),
        ("trial", "bigint"),
        ("started_at", "timestamp"),
        ("ended_at", "timestamp"),
        ("duration_seconds", "double"),
        ("termination_reason", "varchar"),
        ("agent_cost_usd", "double"),
        ("user_cost_usd", "double"),
        ("reward", "double"),
        ("reward_info", "json"),
        ("messages", "json"),
    ),
    identity=("source_system", "simulation_id"),
    times=("ended_at", "started_at", "run_timestamp"),
)

OTEL_SPANS = Feed(
    name="otel_spans",
    reader="otel",
    columns=(
        ("source_system", "varchar"),
        ("trace_id", "varchar"),
        ("span_id", "varchar"),
        ("parent_span_id", "varchar"),
        ("span_name", "varchar"),
        ("span_kind", "varchar"),
        ("status", "varchar"),
        ("started_at", "timestamp"),
        ("ended_at", "timestamp"),
        ("duration_ms", "double"),
        ("service_name", "varchar"),
        ("service_version", "varchar"),
        ("environment", "varchar"),
        ("scope_name", "varchar"),
        ("customer_id", "varchar"),
        ("customer_key", "varchar"),
        ("resource", "json"),
        ("attributes", "json"),
        ("events", "json"),
    ),
    identity=("source_system", "trace_id", "span_id"),
    times=("ended_at", "started_at"),
)

SERVICENOW_TIMES = (
    "opened_at",
    "sys_created_at",
    "sys_updated_at",
    "resolved_at",
    "closed_at",
)
SERVICENOW_COUNTS = ("reassignment_count", "reopen_count", "sys_mod_count")
SERVICENOW_REQUIRED = (
    "number",
    "incident_state",
    "sys_mod_count",
    "opened_at",
    "sys_updated_at",
)
SERVICENOW_COLUMNS = (
    "number",
    "incident_state",
    "active",
    "reassignment_count",
    "reopen_count",
    "sys_mod_count",
    "made_sla",
    "caller_id",
    "opened_by",
    "opened_at",
    "sys_created_by",
    "sys_created_at",
    "sys_updated_by",
    "sys_updated_at",
    "contact_type",
    "location",
    "category",
    "subcategory",
    "u_symptom",
    "cmdb_ci",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "knowledge",
    "u_priority_confirmation",
    "notify",
    "problem_id",
    "rfc",
    "vendor",
    "caused_by",
    "closed_code",
    "resolved_by",
    "resolved_at",
    "closed_at",
)


def _servicenow_type(column: str) -> str:
    if column in SERVICENOW_TIMES:
        return "timestamp"
    return "bigint" if column in SERVICENOW_COUNTS else "varchar"


SERVICENOW_INCIDENTS = Feed(
    name="servicenow_incidents",
    reader="servicenow",
    columns=(
        *((column, _servicenow_type(column)) for column in SERVICENOW_COLUMNS),
        ("source_system", "varchar"),
        ("caller_key", "varchar"),
    ),
    identity=("number", "sys_mod_count", "sys_updated_at", "incident_state"),
    times=("sys_updated_at",),
)


def _helpdesk(name: str) -> Feed:
    """All tables of a helpdesk as Fivetran writes them, in one raw table."""
    return Feed(
        name=name,
        reader="fivetran",
        columns=(
            ("source_system", "varchar"),
            ("table_name", "varchar"),
            ("row_key", "varchar"),
            ("ticket_id", "varchar"),
            ("updated_at", "timestamp"),
            ("customer_id", "varchar"),
            ("customer_key", "varchar"),
            ("record", "json"),
        ),
        identity=("source_system", "table_name", "row_key"),
        times=("updated_at",),
    )


ZENDESK = _helpdesk("zendesk")
INTERCOM = _helpdesk("intercom")

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        AGENT_EVENTS,
        TICKET_EVENTS,
        SURVEY_RESPONSES,
        COMPLIANCE_AUDITS,
        OTEL_SPANS,
        TAU2_RUNS,
        SERVICENOW_INCIDENTS,
        ZENDESK,
        INTERCOM,
    )
}
