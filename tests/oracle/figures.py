"""The daily figures: what each case adds to the numerator and denominator of each KPI.

Every KPI is a pair of sums, so each case is asked for its share of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.oracle.cases import Case, is_required_evaluation
from tests.oracle.records import Record, Ticket, latest, moment, said, ticket_of
from tests.oracle.sessions import World

Share = tuple[str, float, float]
Cell = tuple[Any, ...]


def dimensions(case: Case) -> Cell:
    """Name the cell of the daily figures that a case belongs to."""
    words = (
        case.intent,
        case.tier,
        case.first_said("channel"),
        case.first_said("agent_name"),
        case.first_said("agent_version"),
    )
    return (case.opened_on, *(word or "unknown" for word in words))


def survey_records(feeds: dict[str, list[Record]]) -> list[Record]:
    """Keep one record per survey response."""
    return latest(
        feeds["survey_responses"],
        "response_id",
        lambda record: record.get("responded_at") or record["sent_at"],
    )


def audit_records(feeds: dict[str, list[Record]]) -> list[Record]:
    """Keep one record per audit."""
    return latest(
        feeds["compliance_audits"], "audit_id", lambda record: record["audited_at"]
    )


def attached(
    records: list[Record], cases: list[Case], world: World
) -> dict[tuple[str, ...], list[Record]]:
    """Bring surveys and audits to their cases: by ticket if one is named."""
    by_case: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        case = case_of(record, cases, world)
        if case is not None:
            by_case[case.key].append(record)
    return by_case


def case_of(record: Record, cases: list[Case], world: World) -> Case | None:
    """Find the case that a survey or an audit is about."""
    ticket = ticket_of(record, world.settings)
    if ticket is not None:
        return case_of_ticket(world.target(ticket), cases)
    session_id = (
        said(record, "source_system") or "default",
        said(record, "session_id"),
    )
    for case in cases:
        if any(session.key == session_id for session in case.sessions):
            return case
    return None


def case_of_ticket(ticket: Ticket, cases: list[Case]) -> Case | None:
    """Find the case of a ticket, an eligible one first."""
    holding = [case for case in cases if ticket in case.tickets]
    return max(holding, key=lambda case: case.is_eligible, default=None)


def shares(
    case: Case, durable: bool | None, surveys: list[Record], audits: list[Record]
) -> Iterator[Share]:
    """Tell what a case adds to the numerator and denominator of each KPI."""
    if not case.is_eligible:
        return
    yield from shares_of_all(case)
    yield from shares_of_people(case)
    if case.is_handled:
        yield from shares_of_resolution(case)
        yield from shares_of_durability(case, durable)
        yield from shares_of_work(case)
        yield from shares_of_surveys(surveys)
        yield from shares_of_audits(audits)


def shares_of_all(case: Case) -> Iterator[Share]:
    """Tell the KPIs that are not about handled cases alone."""
    is_true = case.is_resolved_autonomously is True
    if case.outcome not in ("in_progress", "dropped_off"):
        yield "automation_rate", is_true, 1
    if is_true:
        yield "aht_automated_seconds", case.handling_seconds or 0.0, 1
    for row in case.escalations:
        yield "unstated_reason_share", row["reason_code"] == "unstated", 1


def shares_of_people(case: Case) -> Iterator[Share]:
    """Tell the time of cases that people resolved without the agent."""
    if case.is_involved or case.outcome != "resolved_by_human":
        return
    stated = [
        event.handle_seconds
        for event in case.ticket_events
        if event.handle_seconds is not None and event.at <= case.resolved_at
    ]
    if stated:
        yield "aht_human_active_seconds", sum(stated), 1
    else:
        yield "aht_human_elapsed_seconds", case.handling_seconds or 0.0, 1


def shares_of_resolution(case: Case) -> Iterator[Share]:
    """Tell how a handled case ended."""
    verdict = case.is_resolved_autonomously
    has_evidence = "missing" not in case.legs.values()
    was_closed = case.resolved_at is not None or case.reopened_at is not None
    yield "autonomous_resolution_rate", verdict is True, 1
    yield "autonomous_resolution_rate_upper", verdict is not False, 1
    yield "containment_rate", not case.has_human_touch, 1
    yield "escalation_rate", case.has_human_touch, 1
    yield "evidence_coverage", has_evidence, 1
    yield "reopen_rate", case.reopened_at is not None, was_closed


def shares_of_durability(case: Case, durable: bool | None) -> Iterator[Share]:
    """Tell whether a resolution lasted, where that can be known."""
    is_known = None not in (case.customer, case.intent)
    if case.is_mature and is_known:
        is_first = durable is True and len(case.sessions) == 1
        yield "durable_resolution_rate", durable is True, 1
        yield "first_contact_resolution_rate", is_first, 1
        costs = (e.number("cost_usd") for e in case.events if e.action == "llm_called")
        cost = sum(number or 0.0 for number in costs)
        yield "cost_per_durable_resolution_usd", cost, durable is True


def shares_of_work(case: Case) -> Iterator[Share]:
    """Tell of checks, actions and cost."""
    for event in case.events:
        if is_required_evaluation(event):
            yield "policy_check_pass_rate", event.outcome == "pass", 1
        if event.action == "action_executed" and event.is_automation:
            yield "action_failure_rate", event.outcome != "success", 1
        if event.action == "llm_called":
            yield "cost_per_resolution_usd", event.number("cost_usd") or 0.0, 0
            yield "cost_per_case_usd", event.number("cost_usd") or 0.0, 0
            tokens = (event.number("input_tokens"), event.number("output_tokens"))
            yield "tokens_per_case", sum(number or 0 for number in tokens), 0
    for action in case.write_actions:
        if any(case.binding_chains(attempt) for attempt in action):
            is_compliant = not any(case.is_violation(attempt) for attempt in action)
            yield "action_compliance_rate", is_compliant, 1
    yield "cost_per_resolution_usd", 0.0, case.is_resolved_autonomously is True
    yield "cost_per_case_usd", 0.0, 1
    yield "tokens_per_case", 0.0, 1


def shares_of_surveys(surveys: list[Record]) -> Iterator[Share]:
    """Tell what customers said: scores on 1..7, 7 the easiest."""
    for survey in surveys:
        if survey["survey_type"] != "ces":
            continue
        is_answered = None not in (survey.get("score"), survey.get("responded_at"))
        yield "ces_response_rate", is_answered, 1
        if is_answered:
            yield "ces_mean", ease(survey), 1
            yield "ces_favourable_rate", ease(survey) >= 5, 1


def ease(survey: Record) -> float:
    """Bring a score to 1..7 with 7 easiest."""
    low = survey["scale_min"] if survey.get("scale_min") is not None else 1
    high = survey["scale_max"] if survey.get("scale_max") is not None else 7
    score = 1 + 6 * (survey["score"] - low) / (high - low)
    return 8 - score if survey.get("higher_is_better") is False else score


def shares_of_audits(audits: list[Record]) -> Iterator[Share]:
    """Tell the one verdict of a case, by people from drawn samples, weighted."""
    drawn = sorted(
        (audit for audit in audits if is_in_claim(audit)),
        key=lambda audit: (moment(audit["audited_at"]), str(audit["audit_id"])),
    )
    for verdict in ("violation", "compliant"):
        winning = [audit for audit in drawn if audit["verdict"] == verdict]
        if winning:
            weight = 1 / (winning[0].get("inclusion_probability") or 1)
            is_clean = verdict == "compliant"
            yield "audited_compliance_rate", weight * is_clean, weight
            return


def is_in_claim(audit: Record) -> bool:
    """Whether an audit was drawn, by people, with a known probability."""
    method = said(audit, "sample_method") or "random"
    is_by_people = (said(audit, "auditor_type") or "human") == "human"
    is_weighed = audit.get("inclusion_probability") is not None
    return is_by_people and (method == "census" or (method == "random" and is_weighed))
