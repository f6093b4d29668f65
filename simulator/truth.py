"""What every figure must be: plain sums over what the scenarios planned.

Only what depends on `as_of` is derived here, from planned moments: whether a
silent case is abandoned, whether a case is mature, and so what is handled and
durable.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from simulator.clock import HOUR, SECOND, day_of, zulu
from simulator.plot import LEGS, CasePlan, Escalation, SessionPlan

ABANDON_AFTER = 72 * HOUR
RECONTACT_WINDOW = 168 * HOUR

Row = dict[str, Any]
Sum = tuple[float, float]

# counted in millionths of a dollar, so that sums are exact
COSTS = (
    "cost_per_resolution_usd",
    "cost_per_case_usd",
    "cost_per_durable_resolution_usd",
)
DIMENSIONS = ("intent", "tier", "channel", "agent_name", "agent_version")


def moment(at: int | None) -> str | None:
    """A time of the truth."""
    return None if at is None else zulu(at)


def text(name: str | int | None) -> str | None:
    """An id of the truth: an integer's decimal text."""
    return None if name is None else str(name)


def case_row(case: CasePlan, as_of: int) -> Row:
    """The row of `fct_cases`, with the customer's id where the mart has its hash."""
    planned = case.expected
    outcome = planned["outcome"]
    if outcome == "silent":
        has_waited = as_of - case.last_active_at >= ABANDON_AFTER
        outcome = "abandoned" if has_waited else "in_progress"
    is_settled = outcome not in ("in_progress", "dropped_off")
    resolved_at = planned["resolved_at"]
    counts_from = case.last_active_at if resolved_at is None else resolved_at
    matures_at = counts_from + RECONTACT_WINDOW
    primary = min(case.escalations, key=lambda row: row.escalated_at, default=None)
    row = {
        **_names(case),
        "session_count": len(case.sessions),
        "is_eligible": case.is_eligible,
        "is_involved": case.is_involved,
        "is_handled": case.is_involved and is_settled,
        **{leg: planned[leg] for leg in LEGS},
        "has_human_touch": planned["has_human_touch"],
        "is_resolved_autonomously": planned["is_resolved_autonomously"],
        "first_blocker": planned["first_blocker"],
        "outcome": outcome,
        "resolution_kind": planned["resolution_kind"],
        "resolved_at": moment(resolved_at),
        "reopened_at": moment(planned["reopened_at"]),
        "recontacted_at": moment(case.recontacted_at),
        "matures_at": moment(matures_at),
        "is_mature": as_of >= matures_at,
        "handling_seconds": _seconds(case.opened_at, resolved_at),
        "primary_escalation_reason": primary and primary.reason_code,
    }
    row["is_durable"] = _is_durable(row)
    return row


def _names(case: CasePlan) -> Row:
    root = case.sessions[0] if case.sessions else None
    ticket = root.truth_ticket if root else case.tickets[0].name
    named_by = case if root else case.tickets[0]
    return {
        "case_id": case.case_id or ticket or (root and root.session_id),
        "source_system": named_by.source_system or "default",
        "opened_at": moment(case.opened_at),
        "opened_on": day_of(case.opened_at),
        "customer_id": text(case.customer),
        "intent": case.intent,
        "tier": case.tier,
        "channel": case.channel,
        "agent_name": case.agent_name,
        "agent_version": case.agent_version,
    }


def _seconds(opened_at: int, resolved_at: int | None) -> float | None:
    return None if resolved_at is None else (resolved_at - opened_at) / SECOND


def _is_durable(row: Row) -> bool | None:
    if not (row["is_handled"] and row["is_mature"] and _is_known(row)):
        return None
    if row["reopened_at"] or row["recontacted_at"]:
        return False
    return row["is_resolved_autonomously"]


def _is_known(row: Row) -> bool:
    return row["customer_id"] is not None and row["intent"] is not None


def session_row(session: SessionPlan, case_id: str) -> Row:
    """The row of `fct_sessions`; the parent by its session id."""
    parent = session.parent
    return {
        "case_id": case_id,
        "source_system": session.source_system or "default",
        "session_id": session.session_id,
        "link_rule": session.link_rule,
        "parent_session_id": parent.session_id if parent else None,
        "started_at": moment(session.started_at),
        "ended_at": moment(session.ended_at),
        "customer_id": text(session.customer),
        "channel": session.channel,
        "ticket_id": session.truth_ticket,
        "intent": session.truth_intent,
        "agent_name": session.agent_name,
        "agent_version": session.agent_version,
        "is_production": session.is_production,
    }


def escalation_row(row: Escalation, case: CasePlan, case_id: str) -> Row:
    """The row of `fct_escalations`."""
    return {
        "case_id": case_id,
        "is_eligible": case.is_eligible,
        "session_id": row.session_id,
        "reason_code": row.reason_code,
        "reason_detail": row.reason_detail,
        "initiated_by": row.initiated_by,
        "escalated_at": moment(row.escalated_at),
        "source": row.source,
    }


def kpi_sums(case: CasePlan, row: Row) -> dict[str, Sum]:
    """What one case adds to the numerator and denominator of every KPI."""
    if not row["is_eligible"] or row["outcome"] in ("in_progress", "dropped_off"):
        return {}
    is_true = row["is_resolved_autonomously"] is True
    sums: dict[str, Sum] = {"automation_rate": (is_true, 1)}
    if row["is_handled"]:
        sums |= _handled_sums(case, row, is_true)
    elif row["outcome"] == "resolved_by_human":
        stated = case.tallies.handle_seconds
        if stated is None:
            sums["aht_human_elapsed_seconds"] = (row["handling_seconds"], 1)
        else:
            sums["aht_human_active_seconds"] = (stated, 1)
    return sums


def _handled_sums(case: CasePlan, row: Row, is_true: bool) -> dict[str, Sum]:
    tally, touched = case.tallies, row["has_human_touch"]
    may_be = row["is_resolved_autonomously"] is not False
    is_missing = any(row[leg] == "missing" for leg in LEGS)
    reopened, ever = row["reopened_at"], case.expected["was_ever_closed"]
    unstated = [item for item in case.escalations if item.reason_code == "unstated"]
    sums: dict[str, Sum] = {
        "autonomous_resolution_rate": (is_true, 1),
        "autonomous_resolution_rate_upper": (may_be, 1),
        "containment_rate": (not touched, 1),
        "escalation_rate": (touched, 1),
        "policy_check_pass_rate": (tally.checks_passed, tally.checks_evaluated),
        "action_compliance_rate": (tally.actions_compliant, tally.actions_bound),
        "audited_compliance_rate": (tally.audit_compliant_weight, tally.audit_weight),
        "ces_mean": (tally.effort_total, tally.surveys_answered),
        "ces_favourable_rate": (tally.surveys_favourable, tally.surveys_answered),
        "ces_response_rate": (tally.surveys_answered, tally.surveys_sent),
        "reopen_rate": (bool(reopened), ever),
        "evidence_coverage": (not is_missing, 1),
        "unstated_reason_share": (len(unstated), len(case.escalations)),
        "cost_per_resolution_usd": (tally.cost_micros, is_true),
        "action_failure_rate": (tally.attempts_failed, tally.attempts),
        "cost_per_case_usd": (tally.cost_micros, 1),
        "tokens_per_case": (tally.input_tokens + tally.output_tokens, 1),
    }
    if is_true:
        sums["aht_automated_seconds"] = (row["handling_seconds"], 1)
    if row["is_mature"] and _is_known(row):
        lasts = is_true and not reopened and not row["recontacted_at"]
        once = lasts and row["session_count"] == 1
        sums["durable_resolution_rate"] = (lasts, 1)
        sums["first_contact_resolution_rate"] = (once, 1)
        sums["cost_per_durable_resolution_usd"] = (tally.cost_micros, lasts)
    return sums


class KpiTotals:
    """Sums of the KPIs, overall and by cell."""

    def __init__(self) -> None:
        self.totals: dict[str, list[float]] = defaultdict(lambda: [0, 0])
        self.cells: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0, 0])

    def add(self, case: CasePlan, row: Row) -> None:
        """Add a case."""
        where = tuple(row[name] or "unknown" for name in DIMENSIONS)
        for kpi, (numerator, denominator) in kpi_sums(case, row).items():
            if numerator or denominator:
                cell = self.cells[row["opened_on"], *where, kpi]
                for sums in (cell, self.totals[kpi]):
                    sums[0] += numerator
                    sums[1] += denominator

    def total_rows(self) -> Iterable[Row]:
        """Numerator and denominator of every KPI."""
        for kpi, sums in sorted(self.totals.items()):
            yield {"kpi": kpi, **_as_sums(kpi, sums)}

    def cell_rows(self) -> Iterable[Row]:
        """The same by day, intent, tier, channel, agent and version."""
        for (opened_on, *where, kpi), sums in sorted(self.cells.items()):
            cell = dict(zip(DIMENSIONS, where, strict=True))
            yield {"opened_on": opened_on, **cell, "kpi": kpi, **_as_sums(kpi, sums)}


def _as_sums(kpi: str, sums: list[float]) -> Row:
    numerator = sums[0]
    if kpi in COSTS:
        numerator /= 1_000_000
    return {"numerator": numerator, "denominator": sums[1]}


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a file of the truth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
