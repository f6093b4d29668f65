"""Surveys and audits of a case, with what they add to the KPIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.clock import HOUR, MINUTE
from simulator.plot import CasePlan, Json, Plot


@dataclass(frozen=True)
class Answer:
    """An answer on some scale, and the effort score on 1..7 that it must become."""

    score: float
    effort: float
    scale_min: float | None = None
    scale_max: float | None = None
    higher_is_better: bool | None = None


# Worked out by hand: 1 + 6 (score - min) / (max - min), reversed 8 - x.
ANSWERS: tuple[Answer, ...] = (
    *(Answer(score, score) for score in range(1, 8)),
    Answer(1, 1, 1, 5),
    Answer(2, 2.5, 1, 5, True),
    Answer(3, 4, 1, 5),
    Answer(4, 5.5, 1, 5),
    Answer(5, 7, 1, 5),
    Answer(0, 1, 0, 10),
    Answer(5, 4, 0, 10),
    Answer(10, 7, 0, 10),
    Answer(75, 5.5, 0, 100),
    Answer(3, 5, 1, 4),
    Answer(2, 3, 1, 4),
    Answer(1, 7, 1, 7, False),
    Answer(3, 5, 1, 7, False),
    Answer(7, 1, None, None, False),
    Answer(4, 2.5, 1, 5, False),
    Answer(2, 5.5, 1, 5, False),
)
FAVOURABLE = 5


def _subject(case: CasePlan, about: str) -> dict[str, Any]:
    """The case's own names, as a survey or an audit gives them."""
    root = case.sessions[0] if case.sessions else None
    ticket = case.tickets[0] if case.tickets else None
    named = root.ticket_named if root else ticket and ticket.ticket_id
    subject: dict[str, Any] = {}
    by_ticket = about in ("ticket", "both") or root is None
    if by_ticket and named is not None:
        owner = (root.ticket if root else ticket) or None
        subject["ticket_id"] = named
        subject["ticket_system"] = owner.system if owner else None
    if root and (about in ("session", "both") or not subject):
        subject["session_id"] = root.session_id
        subject["source_system"] = root.source_system
    return subject


def survey(
    case: CasePlan,
    answer: Answer | None,
    *,
    kind: str = "ces",
    about: str = "ticket",
    sent_first: bool = False,
    **fields: Json,
) -> dict[str, Any]:
    """Send a survey; it is answered some minutes later, or not at all.

    With `sent_first` the unanswered row lands when the survey is sent, and the
    answered one, of the same id, replaces it.
    """
    plot = case.plot
    sent_at = plot.tick()
    body = {
        "response_id": plot.name("response"),
        "survey_type": kind,
        **_subject(case, about),
        "sent_at": plot.spell(sent_at),
        **fields,
    }
    if answer is None:
        plot.add("survey_responses", body, sent_at)
        responded_at = None
    else:
        responded_at = sent_at + plot.rng.randint(1, 300) * MINUTE
        record = plot.add("survey_responses", _answered(body, answer), responded_at)
        record.body["responded_at"] = plot.spell(responded_at)
        record.first_at = sent_at
        record.correction = "answered" if sent_first else None
        plot.latest = max(plot.latest, responded_at)
    if kind == "ces":
        _count_survey(case, answer)
    row = {
        "response_id": body["response_id"],
        "survey_type": kind,
        "sent_at": sent_at,
        "responded_at": responded_at,
        "effort_score": answer.effort if answer else None,
    }
    case.surveys.append(row)
    return row


def _answered(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        **body,
        "score": answer.score,
        "scale_min": answer.scale_min,
        "scale_max": answer.scale_max,
        "higher_is_better": answer.higher_is_better,
    }


def _count_survey(case: CasePlan, answer: Answer | None) -> None:
    tallies = case.tallies
    tallies.surveys_sent += 1
    if answer is not None:
        tallies.surveys_answered += 1
        tallies.surveys_favourable += answer.effort >= FAVOURABLE
        tallies.effort_total += answer.effort


def audit(
    case: CasePlan,
    verdict: str,
    *,
    method: str | None = "random",
    probability: float | None = 0.1,
    auditor_type: str | None = None,
    about: str = "ticket",
    **fields: Json,
) -> dict[str, Any]:
    """An auditor judges the case; `counts_audit` says what it is worth."""
    plot = case.plot
    at = plot.tick()
    auditor = "sim-judge-model" if auditor_type == "llm" else "sim-auditor"
    body = {
        "audit_id": plot.name("audit"),
        **_subject(case, about),
        "audited_at": plot.spell(at),
        "auditor_id": f"{auditor}-{plot.rng.randint(1, 6)}",
        "auditor_type": auditor_type,
        "sample_method": method,
        "stratum": f"{case.intent}/{case.tier}" if method != "targeted" else None,
        "inclusion_probability": probability,
        "policy_id": plot.intent.policy,
        "verdict": verdict,
        "severity": "medium" if verdict == "violation" else None,
        "is_outcome_correct": _is_outcome_correct(case, verdict),
        "should_have_escalated": _should_have_escalated(case, verdict),
        **fields,
    }
    plot.add("compliance_audits", body, at)
    row = {
        "audit_id": body["audit_id"],
        "audited_at": at,
        "verdict": verdict,
        "policy_id": body["policy_id"],
        "auditor_type": body["auditor_type"] or "human",
        "sample_method": body["sample_method"] or "random",
        "inclusion_probability": body["inclusion_probability"],
        "severity": body["severity"],
        "is_outcome_correct": body["is_outcome_correct"],
        "should_have_escalated": body["should_have_escalated"],
    }
    case.audits.append(row)
    return row


def _is_outcome_correct(case: CasePlan, verdict: str) -> bool | None:
    """What the auditor thinks of what became of the case; some say nothing of it."""
    number = case.plot.number
    if number % 13 == 5:
        return None
    if verdict == "violation":
        return number % 5 == 4  # the right thing, done against a rule
    return number % 7 != 2


def _should_have_escalated(case: CasePlan, verdict: str) -> bool | None:
    """What the auditor thinks of handing over; some say nothing of it."""
    number = case.plot.number
    if number % 11 == 3:
        return None
    if case.expected.get("has_human_touch"):
        return number % 4 != 0
    return number % 17 == 0 or (verdict == "violation" and number % 2 == 0)


def counts_audit(case: CasePlan, weight: float, is_compliant: bool) -> None:
    """Say what the audits of a case add to the audited rate."""
    case.tallies.audit_weight = weight
    case.tallies.audit_compliant_weight = weight if is_compliant else 0.0


def gather(plot: Plot) -> None:
    """Survey and audit a random sample of the plot's cases, as on any day."""
    for case in plot.cases:
        if case.takes_evidence and case.expected["outcome"] != "silent":
            _survey_some(case)
            _audit_some(case)


def _efforts(case: CasePlan) -> tuple[int, ...]:
    """Weights of the scores 1..7: who was helped found it easier."""
    outcome = case.expected["outcome"]
    if outcome == "resolved_autonomously":
        return (1, 2, 4, 8, 18, 34, 33)
    if outcome in ("closed_unproven", "resolved_by_human"):
        return (4, 7, 11, 16, 24, 23, 15)
    return (20, 22, 20, 15, 12, 7, 4)


def _survey_some(case: CasePlan) -> None:
    plot, rng = case.plot, case.plot.rng
    if rng.random() > 0.3 or not plot.has_room(days=0.4):
        return
    plot.jump_to(plot.latest + rng.randint(2, 90) * MINUTE)
    about = rng.choice(("ticket", "ticket", "session", "both"))
    effort = rng.choices(range(1, 8), _efforts(case))[0]
    fitting = [answer for answer in ANSWERS if answer.effort == effort]
    answer = None
    if rng.random() < 0.45:
        usual = rng.random() < 0.8
        answer = Answer(effort, effort) if usual else rng.choice(fitting)
    kind = "ces" if rng.random() < 0.85 else "csat"
    survey(case, answer, kind=kind, about=about, sent_first=rng.random() < 0.3)


def _audit_some(case: CasePlan) -> None:
    plot, rng = case.plot, case.plot.rng
    probability = 0.2 if case.tier == "tier_2" else 0.1
    is_drawn = rng.random() < probability
    delay = rng.randint(12, 60) * HOUR
    if plot.latest + delay + HOUR >= plot.period.until:
        return
    failed = case.expected["policy_leg"] == "fail"
    if is_drawn:
        plot.jump_to(plot.latest + delay)
        share = 0.6 if failed else 0.004
        verdict = rng.choices(
            ("violation", "unclear", "compliant"), (share, 0.03, 0.97 - share)
        )[0]
        audit(case, verdict, probability=probability, about=rng.choice(_ABOUT))
        if verdict != "unclear":
            counts_audit(case, 1 / probability, verdict == "compliant")
    if rng.random() < 0.05:
        plot.jump_to(plot.latest + MINUTE)
        verdict = "violation" if failed else "compliant"
        audit(case, verdict, auditor_type="llm", probability=0.05)
    if failed and rng.random() < 0.2:
        plot.jump_to(plot.latest + MINUTE)
        audit(case, "violation", method="targeted", probability=None)


_ABOUT = ("ticket", "ticket", "session", "both")
