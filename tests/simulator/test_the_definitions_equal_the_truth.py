"""Whose count wins, evidence and readiness, recomputed from the planned cases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
import yaml
from statsmodels.stats.proportion import proportion_confint

from orchestration import project
from tests.simulator.comparing import Key, Month, Row, differences, query, told

DEFINITIONS = (
    "contained",
    "assumed_resolved_24h",
    "assumed_resolved_72h",
    "no_callback_24h",
    "strict_upper",
    "strict_or_informational",
    "strict",
    "durable",
    "audited",
)
LEGS = ("intent_leg", "policy_leg", "action_leg", "closure_leg")
WINDOWS = (24, 72, 168)
RULES = {
    "ticket": {"ticket"},
    "ticket_and_continued": {"ticket", "continued"},
    "all": {"ticket", "continued", "same_customer_and_intent"},
}
TARGET = 0.7
MIN_CASES = 30
READINESS_DAYS = 28
DAY = timedelta(hours=24)


def moment(text: str) -> datetime:
    """A time of the truth."""
    return datetime.fromisoformat(text)


@cache
def wilson(share: float, trials: float) -> tuple[float, float]:
    """Wilson's 95 % interval, by statsmodels."""
    lower, upper = proportion_confint(share * trials, trials, 0.05, method="wilson")
    return max(0.0, float(lower)), min(1.0, float(upper))


def month_of(row: Row) -> str:
    """The first day of the month in which a case opened."""
    return f"{row['opened_on'][:7]}-01"


def segments(row: Row) -> Iterator[tuple[str, str]]:
    """What a case is counted in."""
    yield "all", "all"
    yield "intent", row["intent"] or "unknown"


class Planned:
    """The planned cases with what hangs on them."""

    def __init__(self, month: Month) -> None:
        self.as_of = moment(month.manifest["as_of"])
        self.eligible = [row for row in month.rows("cases") if row["is_eligible"]]
        self.handled = [row for row in self.eligible if row["is_handled"]]
        self.named: dict[str, list[Row]] = defaultdict(list)
        for row in self.eligible:
            self.named[row["case_id"]].append(row)
        self.sessions = self.by_case(
            row for row in month.rows("sessions") if row["is_production"]
        )
        self.audits = self.by_case(month.rows("audits"))
        self.of_customer: dict[Key, list[Row]] = defaultdict(list)
        for row in self.eligible:
            self.of_customer[row["customer_id"], row["intent"]].append(row)

    def by_case(self, rows: Iterable[Row]) -> dict[Key, list[Row]]:
        """Rows by case, sessions in their order; two helpdesks may share a name."""
        found: dict[Key, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=in_order):
            cases = self.named[row["case_id"]]
            if len(cases) > 1:
                cases = [it for it in cases if it["customer_id"] == row["customer_id"]]
            for case in cases:
                found[key_of(case)].append(row)
        return found

    def counts_from(self, row: Row) -> datetime:
        """When a case was closed or, not closed, last did anything."""
        return moment(row["matures_at"]) - timedelta(hours=168)

    def is_called_back(self, row: Row) -> bool:
        """Whether the customer came back within a day, to the case or with another."""
        left_at = None
        for session in self.sessions[key_of(row)]:
            began_at, ended_at = (
                moment(session["started_at"]),
                moment(session["ended_at"]),
            )
            if left_at and began_at <= left_at + DAY:
                return True
            left_at = max(left_at or ended_at, ended_at)
        since = self.counts_from(row)
        later = self.of_customer[row["customer_id"], row["intent"]]
        return any(
            since < moment(other["opened_at"]) <= since + DAY
            for other in later
            if other is not row
        )

    def judgement(self, row: Row) -> tuple[bool, float] | None:
        """What auditors of the claim found, and the weight of who found it."""
        told_by = [
            (
                audit["is_outcome_correct"] and audit["verdict"] != "violation",
                moment(audit["audited_at"]),
                audit["audit_id"],
                1 / (audit["inclusion_probability"] or 1),
            )
            for audit in self.audits[key_of(row)]
            if is_in_claim(audit) and audit["is_outcome_correct"] is not None
        ]
        first = min(told_by, default=None)
        return first and (first[0], first[3])

    def flags(self, row: Row) -> dict[str, tuple[bool, float] | None]:
        """For each definition whether it counts the case, and its weight."""
        alone = not row["has_human_touch"]
        proven = row["is_resolved_autonomously"]
        silent = self.as_of - self.counts_from(row)
        closed = row["resolved_at"] is not None
        knows = row["customer_id"] is not None and row["intent"] is not None
        is_told = row["is_mature"] and knows
        failed = any(row[leg] == "fail" for leg in LEGS)
        answered = row["resolution_kind"] == "informational" and not failed
        judged = self.judgement(row)
        found: dict[str, bool | None] = {
            "contained": alone,
            "assumed_resolved_24h": alone and (closed or silent >= DAY),
            "assumed_resolved_72h": alone and (closed or silent >= 3 * DAY),
            "no_callback_24h": alone and not self.is_called_back(row)
            if is_told
            else None,
            "strict_upper": proven is not False,
            "strict_or_informational": proven is True or answered,
            "strict": proven is True,
            "durable": row["is_durable"] is True if is_told else None,
        }
        weighed = {
            name: None if flag is None else (flag, 1.0) for name, flag in found.items()
        }
        weighed["audited"] = judged and (alone and judged[0], judged[1])
        return weighed


def key_of(case: Row) -> Key:
    """What tells cases apart."""
    return case["case_id"], case["opened_at"]


def in_order(row: Row) -> Key:
    """The order of sessions; that of audits does not matter."""
    return row.get("started_at") or "", row.get("session_id") or ""


def is_in_claim(audit: Row) -> bool:
    """By people, and drawn by a known chance or complete."""
    method = audit["sample_method"]
    is_drawn = method == "random" and audit["inclusion_probability"] is not None
    return audit["auditor_type"] == "human" and (method == "census" or is_drawn)


@pytest.fixture(scope="module")
def plan(month: Month) -> Planned:
    return Planned(month)


def test_every_definition_counts_the_planned_cases(
    month: Month, plan: Planned, warehouse: Path
) -> None:
    planned = []
    for row in plan.handled:
        flags = plan.flags(row)
        judged = plan.judgement(row)
        planned.append(
            {
                "case_id": row["case_id"],
                "opened_at": row["opened_at"],
                "opened_on": row["opened_on"],
                "month_start": month_of(row),
                "intent": row["intent"] or "unknown",
                **{f"is_{name}": flag and flag[0] for name, flag in flags.items()},
                "audit_weight": judged and judged[1],
            }
        )
    columns = ", ".join(f"bridge.{name}" for name in planned[0] if name != "opened_at")
    got = query(
        warehouse,
        f"""
        select cases.opened_at, {columns}
        from marts.definition_bridge_cases as bridge
        left join marts.fct_cases as cases on bridge.case_key = cases.case_key
        """,
    )
    found = differences(planned, got, ("case_id", "opened_at"))
    assert not found, told(found, month)
    for name in DEFINITIONS:
        flags = [row[f"is_{name}"] for row in planned]
        assert True in flags, name
        assert False in flags, name


def test_the_bridge_adds_them_up(month: Month, plan: Planned, warehouse: Path) -> None:
    key = ("month_start", "segment_type", "segment", "definition")
    parts: dict[Key, list[tuple[bool, bool, float]]] = defaultdict(list)
    for row in plan.handled:
        proven = row["is_resolved_autonomously"] is True
        for name, flag in plan.flags(row).items():
            for segment in segments(row) if flag else ():
                parts[month_of(row), *segment, name].append((flag[0], proven, flag[1]))
    planned = [
        {**dict(zip(key, where, strict=True)), **bridge_row(some)}
        for where, some in parts.items()
    ]
    got = query(
        warehouse,
        f"select {', '.join(planned[0])} from marts.definition_bridge",
    )
    assert not differences(planned, got, key)


def bridge_row(parts: list[tuple[bool, bool, float]]) -> Row:
    """The figures of the bridge over (counted, proven, weight)."""
    total = sum(weight for _, _, weight in parts)
    counted = sum(weight for flag, _, weight in parts if flag)
    strict = sum(weight for _, proven, weight in parts if proven)
    effective = total**2 / sum(weight**2 for _, _, weight in parts)
    lower, upper = wilson(counted / total, effective)
    return {
        "numerator": float(counted),
        "denominator": float(total),
        "strict_numerator": float(strict),
        "effective_n": effective,
        "value": counted / total,
        "strict_value": strict / total,
        "distance_to_strict": (counted - strict) / total,
        "interval_lower": lower,
        "interval_upper": upper,
        "is_too_small": effective < MIN_CASES,
    }


def test_link_rules_split_the_planned_cases(
    month: Month, plan: Planned, warehouse: Path
) -> None:
    """A forest of sessions over the planned links, cut where a rule is left out."""
    key = ("month_start", "segment_type", "segment", "link_rules", "window_hours")
    counts: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for row in plan.handled:
        if row["customer_id"] is None or row["intent"] is None:
            continue
        for name, rules in RULES.items():
            pieces = cut(plan.sessions[key_of(row)], rules)
            for hours in WINDOWS:
                window = timedelta(hours=hours)
                if plan.counts_from(row) + window > plan.as_of:
                    continue
                lasts = has_lasted(row, pieces, window)
                once = lasts and len(pieces[-1]) == 1
                for segment in segments(row):
                    some = counts[month_of(row), *segment, name, hours]
                    adds = (1, len(pieces) > 1, len(pieces), once, lasts)
                    some[:] = [one + more for one, more in zip(some, adds, strict=True)]
    names = (
        "case_count",
        "split_case_count",
        "piece_count",
        "first_contact_count",
        "durable_count",
    )
    planned = [
        {
            **dict(zip(key, where, strict=True)),
            **dict(zip(names, some, strict=True)),
            **shares("first_contact", some[3], some[2]),
            **shares("durable", some[4], some[2]),
        }
        for where, some in counts.items()
    ]
    got = query(
        warehouse, f"select {', '.join(planned[0])} from marts.fcr_by_link_rule"
    )
    assert not differences(planned, got, key)
    assert {row["link_rules"] for row in planned if row["split_case_count"]} == {
        "ticket",
        "ticket_and_continued",
    }


def cut(sessions: list[Row], rules: set[str]) -> list[list[Row]]:
    """The sessions of a case in trees of these rules; last the tree of the last one."""
    tree_of: dict[str, list[Row]] = {}
    trees: list[list[Row]] = []
    for session in sessions:
        if session["link_rule"] in rules:
            tree = tree_of[session["parent_session_id"]]
        else:
            tree = []
            trees.append(tree)
        tree.append(session)
        tree_of[session["session_id"]] = tree
    last = tree_of[sessions[-1]["session_id"]]
    return [*(tree for tree in trees if tree is not last), last]


def has_lasted(row: Row, pieces: list[list[Row]], window: timedelta) -> bool:
    """Resolved, not reopened in its last piece, no re-contact in the window."""
    if row["is_resolved_autonomously"] is not True:
        return False
    if row["reopened_at"]:
        began_at = moment(pieces[-1][0]["started_at"])
        if len(pieces) == 1 or moment(row["reopened_at"]) > began_at:
            return False
    if row["recontacted_at"]:
        return moment(row["recontacted_at"]) > moment(row["resolved_at"]) + window
    return True


def shares(name: str, hits: int, trials: int) -> Row:
    """A rate with its interval."""
    lower, upper = wilson(hits / trials, trials)
    return {
        f"{name}_resolution_rate": hits / trials,
        f"{name}_interval_lower": lower,
        f"{name}_interval_upper": upper,
    }


def test_the_evidence_is_as_planned(
    month: Month, plan: Planned, warehouse: Path
) -> None:
    key = ("month_start", "intent", "agent_name", "agent_version")
    cells: dict[Key, list[Row]] = defaultdict(list)
    for row in plan.handled:
        named = (row[name] or "unknown" for name in key[1:])
        cells[month_of(row), *named].append(row)
    planned = [
        {**dict(zip(key, where, strict=True)), **evidence_row(some)}
        for where, some in cells.items()
    ]
    got = query(
        warehouse, f"select {', '.join(planned[0])} from marts.resolution_evidence"
    )
    found = differences(planned, got, key)
    assert not found, told(found, month)
    assert {row["log_next"] for row in planned} == {None, "intent", "policy", "closure"}


def evidence_row(rows: list[Row]) -> Row:
    """What is known of the cases of a cell."""

    def count(is_counted: Callable[[Row], bool]) -> int:
        return sum(map(is_counted, rows))

    legs = ("intent", "policy", "closure")
    open_ones = [row for row in rows if row["is_resolved_autonomously"] is None]
    lacking = {
        leg: sum(row[f"{leg}_leg"] == "missing" for row in open_ones) for leg in legs
    }
    resolved = count(lambda row: row["is_resolved_autonomously"] is True)
    complete = count(lambda row: all(row[f"{leg}_leg"] != "missing" for leg in legs))
    possible = resolved + len(open_ones)
    return {
        "log_next": max(legs, key=lacking.__getitem__) if open_ones else None,
        "is_too_small": len(rows) < MIN_CASES,
        "handled_cases": len(rows),
        "resolved_cases": resolved,
        "failed_cases": count(lambda row: row["is_resolved_autonomously"] is False),
        "undecided_cases": len(open_ones),
        "complete_cases": complete,
        **{
            f"{leg}_missing_cases": sum(row[f"{leg}_leg"] == "missing" for row in rows)
            for leg in legs
        },
        **{f"undecided_by_{leg}_cases": lacking[leg] for leg in legs},
        "resolution_rate_lower": resolved / len(rows),
        "resolution_rate_upper": possible / len(rows),
        "evidence_coverage": complete / len(rows),
        "interval_lower": wilson(resolved / len(rows), len(rows))[0],
        "interval_upper": wilson(possible / len(rows), len(rows))[1],
    }


def test_readiness_is_as_planned(month: Month, plan: Planned, warehouse: Path) -> None:
    key = ("intent", "segment_type", "agent_name", "agent_version")
    last = (plan.as_of - 3 * DAY).date() - timedelta(days=1)
    first = last - timedelta(days=READINESS_DAYS - 1)
    cells: dict[Key, list[Row]] = defaultdict(list)
    for row in plan.handled:
        if first <= date.fromisoformat(row["opened_on"]) <= last:
            intent, *agent = (row[n] or "unknown" for n in (key[0], *key[2:]))
            cells[intent, "all", "all", "all"].append(row)
            cells[intent, "agent_version", *agent].append(row)
    in_scope = intents_in_scope()
    planned = [
        {
            **dict(zip(key, where, strict=True)),
            **readiness_row(some, where[0] in in_scope),
            "window_start": first.isoformat(),
            "window_end": last.isoformat(),
        }
        for where, some in cells.items()
    ]
    got = query(
        warehouse,
        f"select {', '.join(planned[0])}, cases_needed, cases_still_needed "
        "from marts.intent_readiness",
    )
    needed = [
        (row, row.pop("cases_needed"), row.pop("cases_still_needed")) for row in got
    ]
    found = differences(planned, got, key)
    assert not found, told(found, month)
    assert any(row["status"] != "out_of_scope" for row in planned)
    for row, enough, more in needed:
        is_possible = row["target"] is not None and row["resolution_rate"] > TARGET
        assert (enough is not None) == is_possible
        if enough is not None:
            assert is_least_proof(row["resolution_rate"], enough)
            assert more == max(0, enough - row["handled_cases"])


def intents_in_scope() -> set[str]:
    """The intents of the seed which the agent is meant to resolve."""
    lines = (project.ROOT / "seeds" / "intents.csv").read_text(encoding="utf-8")
    names, *rows = (line.split(",") for line in lines.splitlines())
    at = names.index("is_in_scope")
    return {row[0] for row in rows if row[at] == "true"}


def readiness_row(rows: list[Row], is_in_scope: bool) -> Row:
    """How reliably the cases of an intent are resolved, with exact chances."""
    n = len(rows)
    hits = sum(row["is_resolved_autonomously"] is True for row in rows)
    open_ones = sum(row["is_resolved_autonomously"] is None for row in rows)
    lower, upper = wilson(hits / n, n)
    if not is_in_scope:
        status = "out_of_scope"
    elif n < MIN_CASES:
        status = "too_small"
    elif lower >= TARGET:
        status = "ready"
    elif wilson((hits + open_ones) / n, n)[0] >= TARGET:
        status = "evidence_missing"
    else:
        status = "not_ready"
    return {
        "status": status,
        "is_in_scope": is_in_scope,
        "handled_cases": n,
        "resolved_cases": hits,
        "undecided_cases": open_ones,
        "resolution_rate": hits / n,
        "interval_lower": lower,
        "interval_upper": upper,
        "resolution_rate_upper": (hits + open_ones) / n,
        "target": TARGET if is_in_scope else None,
        **{
            f"all_{k}_resolved": float(Fraction(math.comb(hits, k), math.comb(n, k)))
            if n >= k
            else None
            for k in range(1, 9)
        },
    }


def is_least_proof(share: float, cases: int) -> bool:
    """Whether Wilson's lower end is at the target with so many cases, not before."""
    reaches = wilson(share, cases)[0] >= TARGET - 1e-9
    is_least = wilson(share, cases - 1)[0] < TARGET + 1e-9
    return reaches and (is_least or cases == MIN_CASES)


def test_the_settings_here_are_those_of_the_project() -> None:
    text = (project.ROOT / "dbt_project.yml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)["vars"]
    windows = (*settings["compared_windows_hours"], settings["recontact_window_hours"])
    assert windows == WINDOWS
    assert settings["readiness_window_days"] == READINESS_DAYS
    assert settings["min_cases"] == MIN_CASES
