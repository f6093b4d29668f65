"""Scores, reviews and the audit queue, against the same worked out from the truth."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import chi2
from statsmodels.stats.inter_rater import cohens_kappa

from orchestration import project
from tests.simulator.comparing import (
    Key,
    Month,
    Row,
    differences,
    multiset_differences,
    plain,
    query,
    told,
)
from tests.simulator.compliance import (
    Acts,
    CaseName,
    acts_by_case,
    is_in_claim,
    name_of,
    named,
    periods_of,
    policy_severity,
    seed,
    weight,
    winner,
)

SEGMENTS = ("period_type", "period_start", "segment_type", "segment")
TARGET = 0.999
CASE_CUTS = ("all", "intent", "agent_version")
Sums = dict[Key, dict[str, float]]


@pytest.fixture(scope="module")
def acts(month: Month) -> dict[CaseName, Acts]:
    return acts_by_case(month)


@pytest.fixture(scope="module")
def cases(month: Month) -> list[Row]:
    """Eligible cases, with their audits."""
    audits: dict[str, list[Row]] = defaultdict(list)
    for row in month.rows("audits"):
        audits[row["case_id"]].append(row)
    return [
        {**row, "audits": audits[row["case_id"]]}
        for row in month.rows("cases")
        if row["is_eligible"]
    ]


def test_the_actions_of_each_case_are_those_that_were_planned(
    cases: list[Row], acts: dict[CaseName, Acts]
) -> None:
    """The rules of binding, told here a second time, agree with the scenarios."""
    for row in cases:
        found = acts[name_of(row)]
        tallies = row["tallies"]
        assert len(found.evaluated) == tallies["checks_evaluated"], row["scenario"]
        bound = bool(found.broken)
        assert bound == bool(tallies["actions_bound"]), row["scenario"]
        is_broken = any(one.violations for one in found.broken)
        is_planned = tallies["actions_compliant"] < tallies["actions_bound"]
        assert is_broken == is_planned, row["scenario"]


class Scores:
    """Sums by period and segment."""

    def __init__(self, cases: Iterable[Row]) -> None:
        self.cases = [row for row in cases if row["is_handled"]]
        self.first_day = min(row["opened_on"] for row in self.cases)
        self.sums: Sums = defaultdict(lambda: defaultdict(float))
        self.shown: set[Key] = set()

    def add(self, row: Row, segments: Iterable[tuple[str, str]], **more: float) -> None:
        """Adds amounts of a case under some segments."""
        for period in periods_of(row["opened_on"], self.first_day):
            for segment in segments:
                for name, amount in more.items():
                    self.sums[(*period, *segment)][name] += amount

    def show(self, row: Row, segments: Iterable[tuple[str, str]]) -> None:
        """Says that the segments have a row."""
        for period in periods_of(row["opened_on"], self.first_day):
            self.shown |= {(*period, *segment) for segment in segments}


def cuts(row: Row) -> list[tuple[str, str]]:
    """The segments of a case as a whole."""
    return [(cut, "all" if cut == "all" else named(row[cut])) for cut in CASE_CUTS]


def add_checks(scores: Scores, row: Row, acts: Acts) -> None:
    """What the checks say of a case, and of each policy in it."""
    tallies = row["tallies"]
    scores.show(row, cuts(row))
    scores.add(
        row,
        cuts(row),
        handled_cases=1,
        evaluated_checks=tallies["checks_evaluated"],
        passed_checks=tallies["checks_passed"],
        bound_actions=tallies["actions_bound"],
        compliant_actions=tallies["actions_compliant"],
    )
    for check in acts.evaluated:
        policy = [("policy", named(check["policy_id"]))]
        scores.show(row, policy)
        is_passed = check["outcome"] == "pass"
        scores.add(row, policy, evaluated_checks=1, passed_checks=is_passed)
    for one in acts.broken:
        policy = [("policy", named(one.policy_id))]
        scores.show(row, policy)
        scores.add(row, policy, bound_actions=1, compliant_actions=not one.violations)


def add_audits(scores: Scores, row: Row, acts: Acts) -> None:
    """What auditors say of a case: as a whole, and by policy."""
    claimed = [it for it in row["audits"] if is_in_claim(it)]
    add_verdict(scores, row, claimed, cuts(row), row["policy_leg"] == "pass")
    for policy in {named(it["policy_id"]) for it in row["audits"]}:
        mine = [it for it in row["audits"] if named(it["policy_id"]) == policy]
        segment = [("policy", policy)]
        claimed = [it for it in mine if is_in_claim(it)]
        add_verdict(scores, row, claimed, segment, acts.is_passed(policy))
        add_others(scores, row, mine, [*cuts(row), *segment])


def add_verdict(
    scores: Scores,
    row: Row,
    audits: list[Row],
    segments: list[tuple[str, str]],
    is_passed: bool,
) -> None:
    won = winner(audits)
    if won is None:
        return
    heavy, is_bad = weight(won), won["verdict"] == "violation"
    scores.add(
        row,
        segments,
        audited_cases=1,
        audited_violations=is_bad,
        audited_weight=heavy,
        compliant_weight=0 if is_bad else heavy,
        squares=heavy**2,
        blind_spot_cases=is_passed,
        blind_spot_violations=is_passed and is_bad,
        blind_spot_weight=heavy if is_passed else 0,
        blind_spot_violating=heavy if is_passed and is_bad else 0,
    )


def add_others(
    scores: Scores, row: Row, audits: list[Row], segments: list[tuple[str, str]]
) -> None:
    """What is in no claim, and how models agree with people."""
    scores.show(row, segments)
    people = [it for it in audits if it["auditor_type"] == "human"]
    models = [it for it in audits if it["auditor_type"] == "llm"]
    for one in people:
        is_bad, method = one["verdict"] == "violation", one["sample_method"]
        is_targeted = method == "targeted"
        scores.add(
            row,
            segments,
            unclear_audits=is_in_claim(one) and one["verdict"] == "unclear",
            audits_without_probability=method == "random" and not is_in_claim(one),
            targeted_audits=is_targeted,
            targeted_violations=is_targeted and is_bad,
        )
    for one in models:
        is_bad = one["verdict"] == "violation"
        scores.add(row, segments, model_audits=1, model_violations=is_bad)
    by_person, by_model = winner(people), winner(models)
    if by_person and by_model:
        one, other = (it["verdict"] == "violation" for it in (by_person, by_model))
        scores.add(
            row,
            segments,
            compared_verdicts=1,
            found_by_person=one,
            found_by_model=other,
            false_passes=one and not other,
            false_fails=other and not one,
        )


COUNTS = (
    *("evaluated_checks", "passed_checks", "bound_actions", "compliant_actions"),
    *("audited_cases", "audited_violations", "unclear_audits", "blind_spot_cases"),
    *("blind_spot_violations", "audits_without_probability", "targeted_audits"),
    *("targeted_violations", "model_audits", "model_violations", "compared_verdicts"),
    *("found_by_person", "found_by_model", "false_passes", "false_fails"),
)


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def figures(key: Key, sums: dict[str, float]) -> Row:
    """A whole row of compliance_scores; SciPy's quantiles, statsmodels' kappa."""
    weights, good = sums["audited_weight"], sums["compliant_weight"]
    size = share(weights**2, sums["squares"])
    rate = share(good, weights)
    held = 0.0 if size is None or rate is None else size * (weights - good) / weights
    most, least = math.ceil(held - 1e-6), math.floor(held + 1e-6)
    many = chi2.ppf(0.95, 2 * (most + 1)) / 2
    few = chi2.ppf(0.05, 2 * least) / 2 if least else 0.0
    lower = None if size is None else max(0.0, 1 - many / size)
    upper = None if size is None else 1 - few / size
    status = claimed(lower, upper)
    needed = max(1, math.ceil(many / (1 - TARGET) - (size or 0)))
    is_case = key[2] != "policy"
    return {
        **dict(zip(SEGMENTS, key, strict=True)),
        "claim_status": status,
        "handled_cases": int(sums["handled_cases"]) if is_case else None,
        **{name: int(sums[name]) for name in COUNTS},
        "counted_violations": most,
        "audits_still_needed": {"supported": 0, "refuted": None}.get(status, needed),
        "policy_check_pass_rate": share(
            sums["passed_checks"], sums["evaluated_checks"]
        ),
        "action_compliance_rate": share(
            sums["compliant_actions"], sums["bound_actions"]
        ),
        "audited_weight": weights,
        "compliant_weight": good,
        "effective_n": size,
        "audited_compliance_rate": rate,
        "audited_rate_lower": lower,
        "audited_rate_upper": upper,
        "target": TARGET,
        "blind_spot_rate": share(
            sums["blind_spot_violating"], sums["blind_spot_weight"]
        ),
        "false_pass_rate": share(sums["false_passes"], sums["found_by_person"]),
        "false_fail_rate": share(
            sums["false_fails"], sums["compared_verdicts"] - sums["found_by_person"]
        ),
        "cohens_kappa": kappa(sums),
    }


def claimed(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return "not_audited"
    if lower >= TARGET:
        return "supported"
    return "refuted" if upper < TARGET else "not_proven"


def kappa(sums: dict[str, float]) -> float | None:
    """Null where both always say the same one thing."""
    both = sums["found_by_person"] - sums["false_passes"]
    neither = sums["compared_verdicts"] - both
    neither -= sums["false_passes"] + sums["false_fails"]
    if sums["compared_verdicts"] in (both, neither):
        return None
    table = [[both, sums["false_passes"]], [sums["false_fails"], neither]]
    return float(cohens_kappa(table, return_results=False))


def rounded(row: Row) -> Row:
    """Bounds to nine places: the seed has twelve."""
    return {
        name: round(value, 9) if isinstance(value, float) else value
        for name, value in row.items()
    }


def test_every_score_is_as_planned(
    month: Month, warehouse: Path, cases: list[Row], acts: dict[CaseName, Acts]
) -> None:
    scores = Scores(cases)
    for row in scores.cases:
        add_checks(scores, row, acts[name_of(row)])
        add_audits(scores, row, acts[name_of(row)])
    planned = [rounded(figures(key, scores.sums[key])) for key in scores.shown]
    got = query(warehouse, "select * from marts.compliance_scores")
    found = differences(planned, map(rounded, got), SEGMENTS)
    assert not found, told(found, month)
    [whole] = [row for row in planned if row["segment_type"] == "all"][:1]
    for name in ("blind_spot_violations", "compared_verdicts", "false_passes"):
        assert whole[name], f"the month must have some {name}"
    assert whole["cohens_kappa"] is not None


def hours_later(moment: str, hours: int) -> str:
    later = datetime.fromisoformat(moment) + timedelta(hours=hours)
    return str(plain(later.replace(tzinfo=None)))


def violations_of(row: Row, acts: Acts) -> Iterable[Row]:
    """The violations of a case, each once."""
    for check in acts.last_words:
        if check["outcome"] != "pass":
            yield {
                "source": "check",
                "policy_id": check["policy_id"],
                "severity": check["severity"],
                "opened_at": check["at"],
            }
    for one in acts.broken:
        if one.violations:
            at = min(attempt["at"] for attempt in one.violations)
            yield {
                "source": "action",
                "policy_id": one.policy_id,
                "severity": policy_severity(one.policy_id, at) or "unstated",
                "opened_at": at,
            }
    for audit in row["audits"]:
        if audit["verdict"] == "violation":
            is_human = audit["auditor_type"] == "human"
            yield {
                "source": "audit" if is_human else "model_audit",
                "policy_id": audit["policy_id"],
                "severity": audit["severity"],
                "opened_at": audit["audited_at"],
            }


def closing(violation: Row, audits: Iterable[Row]) -> Row | None:
    """The first later audit of that policy by a person, with a verdict."""
    policy = violation["policy_id"]
    later = [
        audit
        for audit in audits
        if audit["auditor_type"] == "human"
        and audit["verdict"] != "unclear"
        and datetime.fromisoformat(audit["audited_at"])
        > datetime.fromisoformat(violation["opened_at"])
        and (policy is None or policy == audit["policy_id"])
    ]
    return min(
        later, key=lambda it: datetime.fromisoformat(it["audited_at"]), default=None
    )


def test_every_review_is_as_planned(
    month: Month, warehouse: Path, cases: list[Row], acts: dict[CaseName, Acts]
) -> None:
    deadlines = {row["severity"]: row for row in seed("review_deadlines")}
    as_of = datetime.fromisoformat(month.manifest["as_of"])
    planned = []
    for row in cases:
        for violation in violations_of(row, acts[name_of(row)]):
            audit = closing(violation, row["audits"])
            deadline = deadlines[violation["severity"]]
            due_at = hours_later(violation["opened_at"], int(deadline["hours"]))
            is_over = datetime.fromisoformat(due_at) < as_of
            planned.append(
                {
                    "case_id": row["case_id"],
                    **violation,
                    "owner": deadline["owner"],
                    "due_at": due_at,
                    "status": "closed" if audit else "overdue" if is_over else "open",
                    "closed_at": audit and audit["audited_at"],
                    "closing_audit": audit and audit["audit_id"],
                }
            )
    got = query(
        warehouse,
        """
        select
            case_id, source, reviews.policy_id, reviews.severity, opened.opened_at,
            owner, due_at, status, closed_at, audits.audit_id as closing_audit
        from marts.fct_compliance_reviews as reviews
        inner join (
            select review_key, opened_at from marts.fct_compliance_reviews
        ) as opened using (review_key)
        inner join marts.fct_cases using (case_key)
        left join marts.fct_audits as audits
            on reviews.closing_audit_key = audits.audit_key
        """,
    )
    found = multiset_differences(planned, got)
    assert not found, told(found, month)
    statuses = Counter((row["source"], row["status"]) for row in planned)
    for source in ("check", "action", "audit", "model_audit"):
        assert statuses[source, "closed"], f"the month must have closed {source}s"
        assert statuses[source, "overdue"], f"the month must have overdue {source}s"


def hashed(*columns: str) -> str:
    """The key of columns, as the warehouse makes it."""
    text = "|".join(f"{len(column)}:{column}" for column in columns)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def lot(salt: str, case_key: str) -> float:
    return int(hashed(salt, case_key)[:10], 16) / 16**10


def stratum_of(row: Row) -> dict[str, str]:
    """The first rule that fits a case."""
    asked = ("policy_leg", "outcome", "tier", "intent")
    return next(
        rule
        for rule in sorted(seed("audit_strata"), key=lambda it: int(it["rule_number"]))
        if all(rule[name] in ("", row[name]) for name in asked)
    )


def answered(policy: str | None, audits: Iterable[Row]) -> str | None:
    """When the claim first had a verdict on a case and policy."""
    moments = [
        audit["audited_at"]
        for audit in audits
        if is_in_claim(audit)
        and audit["verdict"] != "unclear"
        and (policy is None or policy == audit["policy_id"])
    ]
    return min(moments, key=datetime.fromisoformat, default=None)


def roots(month: Month) -> dict[CaseName, Row]:
    """The first session of each case that has one, by its start too."""
    starts = {
        (row["case_id"], row["started_at"]): row
        for row in month.rows("sessions")
        if row["parent_session_id"] is None
    }
    by_case: dict[str, list[Row]] = defaultdict(list)
    for (case_id, _), row in starts.items():
        by_case[case_id].append(row)
    return {
        name_of(case): next(
            row for row in by_case[case["case_id"]] if row["is_production"]
        )
        for case in month.rows("cases")
        if case["is_eligible"] and case["is_handled"]
    }


def test_the_audit_queue_is_as_planned(
    month: Month, warehouse: Path, cases: list[Row], acts: dict[CaseName, Acts]
) -> None:
    variables: dict[str, Any] = project.dbt_variables()
    as_of = datetime.fromisoformat(month.manifest["as_of"])
    root_of = roots(month)
    planned = []
    for row in cases:
        if not (row["is_handled"] and row["is_mature"]):
            continue
        root, rule = root_of[name_of(row)], stratum_of(row)
        chance = float(rule["sampling_rate"])
        drawn = lot(
            variables["audit_salt"], hashed(root["source_system"], root["session_id"])
        )
        if drawn >= chance:
            continue
        policies = acts[name_of(row)].policies() - {None} or {None}
        for policy in policies:
            audited_at = answered(policy, row["audits"])
            due_at = hours_later(row["matures_at"], int(rule["due_hours"]))
            is_over = datetime.fromisoformat(due_at) < as_of
            status = "done" if audited_at else "overdue" if is_over else "to_do"
            planned.append(
                {
                    "case_id": row["case_id"],
                    "source_system": root["source_system"],
                    "session_id": root["session_id"],
                    "ticket_id": root["ticket_id"],
                    "policy_id": policy,
                    "stratum": rule["stratum"],
                    "inclusion_probability": chance,
                    "draw": drawn,
                    "status": status,
                    "due_at": due_at,
                    "audited_at": audited_at,
                }
            )
    names = ", ".join(planned[0])
    got = query(warehouse, f"select {names} from marts.audit_queue")
    found = multiset_differences(planned, got)
    assert not found, told(found, month)
    assert {row["status"] for row in planned} == {"to_do", "overdue", "done"}
    assert {row["stratum"] for row in planned} == {
        rule["stratum"] for rule in seed("audit_strata")
    }
