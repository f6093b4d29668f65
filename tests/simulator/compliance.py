"""What the truth says of compliance: chains, bound actions, verdicts, in plain Python.

Nothing here reads a mart. The rules are those of the definitions, told a second time.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

from orchestration import project
from tests.simulator.comparing import Month, Row

EVALUATED = ("pass", "fail", "error")
CaseName = tuple[str, str]
UNKNOWN = "unknown"


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed."""
    path = project.ROOT / "seeds" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def policy_severity(policy: str | None, at: str) -> str | None:
    """How severe a policy was on a day."""
    for row in seed("policies"):
        is_begun = row["policy_id"] == policy and row["valid_from"] <= at[:10]
        if is_begun and at[:10] < (row["valid_to"] or "9999"):
            return row["severity"]
    return None


def place(act: Row) -> tuple[str, bool, int, str]:
    """The order of events in a session."""
    sequence = act["sequence"]
    return act["at"], sequence is None, sequence or 0, str(act["event_id"])


@dataclass
class Broken:
    """A logical action under one policy: its attempts, and those that broke it."""

    policy_id: str | None
    attempts: int = 0
    violations: list[Row] = field(default_factory=list)


@dataclass
class Acts:
    """What was checked and done in one case."""

    evaluated: list[Row] = field(default_factory=list)
    last_words: list[Row] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def policies(self) -> set[str | None]:
        """The policies whose checks are evidence."""
        return {row["policy_id"] for row in self.last_words}

    def is_passed(self, policy: str) -> bool:
        """Whether every check and every action of a policy was in order."""
        words = [it for it in self.last_words if named(it["policy_id"]) == policy]
        acts = [it for it in self.broken if named(it.policy_id) == policy]
        is_clean = not any(it.violations for it in acts)
        return bool(words) and is_clean and all(it["outcome"] == "pass" for it in words)


def named(policy: str | None) -> str:
    """The segment of a policy."""
    return policy or UNKNOWN


def acts_by_case(month: Month) -> dict[CaseName, Acts]:
    """Checks and bound actions of every case."""
    found: dict[CaseName, Acts] = defaultdict(Acts)
    checks: dict[CaseName, list[Row]] = defaultdict(list)
    actions: dict[CaseName, list[Row]] = defaultdict(list)
    for rows, kept in (
        (month.rows("checks"), checks),
        (month.rows("actions"), actions),
    ):
        for row in rows:
            kept[name_of(row)].append(row)
    for name in checks.keys() | actions.keys():
        evaluated = [
            row
            for row in checks[name]
            if row["is_required"] and row["outcome"] in EVALUATED
        ]
        evidence = [row for row in evaluated if row["is_automation"]]
        chains = list(chained(evidence).values())
        found[name] = Acts(
            evaluated,
            [max(chain, key=place) for chain in chains],
            list(broken_by(actions[name], chains)),
        )
    return found


def name_of(row: Row) -> CaseName:
    """What tells a case."""
    return row["case_id"], row["opened_at"]


def chained(evidence: Iterable[Row]) -> dict[tuple[object, ...], list[Row]]:
    """Checks by session, policy (else check, else alone) and action."""
    chains: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in evidence:
        policy, check = row["policy_id"], row["check_id"]
        alone = None if policy or check else row["event_id"]
        what = (policy, None if policy else check, alone)
        chains[(row["session_id"], *what, row["action_id"])].append(row)
    return chains


def broken_by(actions: Iterable[Row], chains: list[list[Row]]) -> Iterator[Broken]:
    """Each logical write with each policy whose chains bind it."""
    logical: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in actions:
        if row["is_automation"]:
            name = row["action_id"] or row["action_name"]
            logical[(name, None if name else row["event_id"])].append(row)
    for attempts in logical.values():
        if not is_write(attempts):
            continue
        by_policy: dict[str | None, Broken] = {}
        for attempt in sorted(attempts, key=lambda row: row["at"]):
            for policy, is_violation in judged(attempt, chains).items():
                one = by_policy.setdefault(policy, Broken(policy))
                one.attempts += 1
                if is_violation:
                    one.violations.append(attempt)
        yield from by_policy.values()


def is_write(attempts: list[Row]) -> bool:
    """What the last attempt says, else the longest pattern of the seed that fits."""
    last = max(attempts, key=lambda row: (row["at"], *place(row)))
    if isinstance(last["is_write"], bool):
        return last["is_write"]
    name = (last["action_name"] or "").lower()
    fitting = [
        row
        for row in seed("actions")
        if fnmatchcase(name, row["action_pattern"].lower())
    ]
    longest = max(fitting, key=lambda row: len(row["action_pattern"]), default=None)
    return longest is not None and longest["is_write"] == "true"


def judged(attempt: Row, chains: list[list[Row]]) -> dict[str | None, bool]:
    """Whether an attempt broke each policy that binds it."""
    policies: dict[str | None, bool] = {}
    for chain in chains:
        first = chain[0]
        if first["session_id"] != attempt["session_id"]:
            continue
        before = [row for row in chain if place(row) < place(attempt)]
        names_it = first["action_id"] is not None
        binds = first["action_id"] == attempt["action_id"] if names_it else before
        if binds:
            is_passed = bool(before) and max(before, key=place)["outcome"] == "pass"
            policy = first["policy_id"]
            policies[policy] = policies.get(policy, False) or not is_passed
    return policies


def is_in_claim(audit: Row) -> bool:
    """Whether an audit may speak for all cases."""
    method = audit["sample_method"]
    is_sample = method == "random" and audit["inclusion_probability"] is not None
    return audit["auditor_type"] == "human" and (method == "census" or is_sample)


def winner(audits: Iterable[Row]) -> Row | None:
    """The audit whose verdict counts and weighs, if any has one."""
    said = [row for row in audits if row["verdict"] != "unclear"]
    return min(
        said,
        key=lambda row: (
            row["verdict"] != "violation",
            row["audited_at"],
            row["audit_id"],
        ),
        default=None,
    )


def weight(audit: Row) -> float:
    """How many cases an audited one stands for."""
    return 1 / (audit["inclusion_probability"] or 1)


def periods_of(opened_on: str, first_day: str) -> Iterator[tuple[str, str]]:
    """The periods that a day falls in, each with its first day."""
    day = date.fromisoformat(opened_on)
    yield "month", day.replace(day=1).isoformat()
    yield "quarter", day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1).isoformat()
    yield "all", first_day
