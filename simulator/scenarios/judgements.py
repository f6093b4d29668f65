"""Surveys and audits: what counts as answered, and whose verdict wins."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from typing import Unpack

from simulator.clock import HOUR
from simulator.evidence import ANSWERS, Answer, audit, counts_audit, survey
from simulator.plot import CUSTOMER, PERSON, CaseChoices, CasePlan, Plot
from simulator.scenarios import add_edge, edge
from simulator.stories import (
    ASKED_ONLY,
    leave_open,
    resolve,
    understand,
    understood_case,
)
from simulator.vocabulary import IDENTITY_POLICY


def _judged_case(plot: Plot, **plan: Unpack[CaseChoices]) -> CasePlan:
    """A resolved case whose surveys and audits are all told here."""
    case, _, _, closed_at = resolve(plot, **plan)
    case.resolves(closed_at)
    case.takes_evidence = False
    plot.wait(hours=1)
    return case


def _next_day(case: CasePlan) -> None:
    case.plot.jump_to(case.plot.latest + 20 * HOUR)


def _add_scale(position: int, answer: Answer) -> None:
    def act(plot: Plot) -> None:
        survey(_judged_case(plot), answer)

    add_edge(f"survey_scale_{position:02d}", act)


for _position, _answer in enumerate(ANSWERS):
    if _answer.scale_min is not None or _answer.higher_is_better is False:
        _add_scale(_position, _answer)


@edge()
def survey_never_answered(plot: Plot) -> None:
    """Unanswered surveys are rows: sent, not answered."""
    survey(_judged_case(plot), None)


@edge()
def survey_sent_then_answered(plot: Plot) -> None:
    """The answered record has the later time and replaces the one before."""
    survey(_judged_case(plot), Answer(6, 6), sent_first=True)


@edge()
def survey_score_without_answer_time(plot: Plot) -> None:
    survey(_judged_case(plot), None, score=7)


@edge()
def survey_answer_time_without_score(plot: Plot) -> None:
    case = _judged_case(plot)
    at = plot.spell(plot.now + HOUR)
    survey(case, None, responded_at=at)


@edge()
def satisfaction_is_not_effort(plot: Plot) -> None:
    """CSAT answers are rows, but no CES."""
    case = _judged_case(plot)
    survey(case, Answer(2, 2), kind="csat")
    survey(case, Answer(7, 7))


@edge()
def two_surveys_of_one_case(plot: Plot) -> None:
    """Each response is a row."""
    case = _judged_case(plot)
    survey(case, Answer(3, 3), about="session")
    survey(case, Answer(5, 5), about="ticket")


@edge()
def survey_names_ticket_and_another_session(plot: Plot) -> None:
    """It goes by the ticket."""
    one = _judged_case(plot)
    two = _judged_case(plot)
    other = two.sessions[0]
    survey(
        one,
        Answer(1, 1),
        session_id=other.session_id,
        source_system=other.source_system,
    )


@edge()
def survey_of_nobody(plot: Plot) -> None:
    """It names a session and a ticket that no feed knows."""
    case = _judged_case(plot)
    body = {
        "response_id": plot.name("response"),
        "survey_type": "ces",
        "ticket_id": f"SIM-{plot.tag}-97",
        "sent_at": plot.spell(plot.tick()),
    }
    plot.add("survey_responses", body, plot.now)
    case.surveys.append(
        {
            "case_id": None,
            "response_id": body["response_id"],
            "survey_type": "ces",
            "sent_at": plot.now,
            "responded_at": None,
            "effort_score": None,
        }
    )
    survey(case, Answer(4, 4))


@edge(about="any")
def survey_of_a_people_only_case(plot: Plot) -> None:
    """Not handled by the agent: in no figure of it."""
    case = plot.case(involved=False, tier_from="ticket")
    ticket = case.ticket(says_intent=case.intent)
    ticket.created(CUSTOMER)
    plot.wait(hours=1)
    closed_at = ticket.solved(PERSON)
    case.takes_evidence = False
    case.expects(
        legs="missing missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )
    plot.wait(hours=1)
    survey(case, Answer(7, 7))
    audit(case, "violation")
    counts_audit(case, 10.0, False)


@edge(days=5)
def evidence_of_a_test(plot: Plot) -> None:
    """Tests are in no figure, whatever is said of them."""
    case = plot.case(eligible=False)
    talk = case.session(is_test=True, is_production=False)
    talk.starts()
    understand(talk)
    leave_open(talk)
    case.expects(
        legs=f"{ASKED_ONLY} missing",
        resolved=False,
        blocker="action",
        outcome="silent",
    )
    plot.wait(hours=1)
    survey(case, Answer(7, 7))
    audit(case, "violation")
    counts_audit(case, 10.0, False)


@edge(days=3)
def audit_violation_wins(plot: Plot) -> None:
    """Two auditors differ: a violation wins, with its own weight.

    They differ on the escalation too: the one who finds fault wins.
    """
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "compliant", probability=0.2, should_have_escalated=True)
    _next_day(case)
    audit(
        *(case, "violation"),
        probability=0.1,
        about="session",
        should_have_escalated=False,
    )
    counts_audit(case, 10.0, False)


@edge(days=4)
def audit_earliest_winning_weight(plot: Plot) -> None:
    """The weight is that of the earliest audit with the winning verdict."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "unclear", probability=0.5)
    _next_day(case)
    audit(case, "compliant", probability=0.05)
    _next_day(case)
    audit(case, "compliant", probability=0.2)
    counts_audit(case, 20.0, True)


@edge(days=2)
def audit_unclear_is_no_verdict(plot: Plot) -> None:
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "unclear")


@edge(days=2)
def audit_by_a_model(plot: Plot) -> None:
    """The claim rests on people's audits only."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "violation", auditor_type="llm", probability=0.05)
    audit(case, "compliant", auditor_type="human", probability=0.25)
    counts_audit(case, 4.0, True)


@edge(days=2)
def audit_targeted(plot: Plot) -> None:
    """A targeted audit is no sample."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "violation", method="targeted", probability=None)
    audit(case, "compliant", method="census", probability=1)
    counts_audit(case, 1.0, True)


@edge(days=2)
def audit_without_probability(plot: Plot) -> None:
    """A random audit that gives no probability is out of the claim."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "violation", probability=None)


@edge(days=2)
def audit_method_unsaid_is_random(plot: Plot) -> None:
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "compliant", method=None, probability=0.05)
    counts_audit(case, 20.0, True)


@edge(days=2)
def audit_of_a_census(plot: Plot) -> None:
    """Everything was looked at: the weight is one, said or not."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "violation", method="census", probability=None)
    counts_audit(case, 1.0, False)


@edge(days=2)
def audit_names_ticket_and_another_session(plot: Plot) -> None:
    one = _judged_case(plot)
    two = _judged_case(plot)
    other = two.sessions[0]
    _next_day(two)
    audit(
        one,
        "violation",
        probability=0.25,
        session_id=other.session_id,
        source_system=other.source_system,
    )
    counts_audit(one, 4.0, False)


@edge(days=3)
def evidence_of_the_merged_ticket(plot: Plot) -> None:
    """Survey and audit name the ticket that was merged away."""
    case, source, talk = understood_case(plot)
    target = case.ticket()
    target.created()
    source.merged_into(target)
    talk.truth_ticket = target.name
    talk.checks_identity()
    talk.writes()
    closed_at = target.solved()
    talk.ends("resolved")
    case.resolves(closed_at)
    case.takes_evidence = False
    plot.wait(hours=1)
    survey(case, Answer(7, 7))
    _next_day(case)
    audit(case, "compliant", probability=0.2)
    counts_audit(case, 5.0, True)


@edge(about="any")
def survey_of_a_drop_off(plot: Plot) -> None:
    """Who dropped off was not handled."""
    case = plot.case(intent=None, tier_from="seed")
    talk = case.session()
    talk.starts()
    talk.greets()
    talk.ends("abandoned")
    case.takes_evidence = False
    case.expects(
        legs="missing missing none missing",
        resolved=False,
        blocker="action",
        outcome="dropped_off",
    )
    plot.wait(hours=1)
    survey(case, Answer(2, 2))


def _add_comparison(name: str, person: str, model: str) -> None:
    def act(plot: Plot) -> None:
        case = _judged_case(plot)
        _next_day(case)
        audit(case, model, auditor_type="llm", probability=None, method="targeted")
        audit(case, person, probability=0.25)
        counts_audit(case, 4.0, person == "compliant")

    add_edge(name, act, days=2)


_add_comparison("model_passes_a_violation", "violation", "compliant")
_add_comparison("model_and_person_find_a_violation", "violation", "violation")
_add_comparison("model_and_person_find_nothing", "compliant", "compliant")


@edge(days=3)
def audit_of_two_policies(plot: Plot) -> None:
    """One policy was kept and the other was not: the case has a violation."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "compliant", probability=0.2, policy_id=IDENTITY_POLICY)
    audit(case, "violation", probability=0.2)
    counts_audit(case, 5.0, False)


@edge(days=4)
def violation_reviewed_by_a_later_audit(plot: Plot) -> None:
    """A model's suspicion is looked into; what a person found, by another person."""
    case = _judged_case(plot)
    _next_day(case)
    audit(case, "violation", auditor_type="llm", probability=None, method="targeted")
    _next_day(case)
    audit(case, "violation", method="targeted", probability=None)
    _next_day(case)
    audit(case, "compliant", method="targeted", probability=None)
