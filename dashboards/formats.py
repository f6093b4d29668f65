"""Values as text: one way per unit, the same as on the terminal."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from orchestration.report import amount, change

NONE = "\N{EN DASH}"
RIGHT = (
    "share",
    "seconds",
    "usd",
    "count",
    "score_1_to_7",
    "tokens",
    "points",
    "number",
)
WORDS = {
    "met": "Target met",
    "missed": "Target missed",
    "too_small": "Too few cases",
    "no_target": "No target",
    "not_proven": "Not proven",
    "no_answers": "No answers",
    "resolved_autonomously": "Resolved autonomously",
    "resolved_by_human": "Resolved by people",
    "closed_unproven": "Closed, unproven",
    "dropped_off": "Dropped off",
    "in_progress": "In progress",
    "resolved_and_easy": "Resolved and easy",
    "resolved_but_hard": "Resolved but hard",
    "unresolved_but_easy": "Unresolved but easy",
    "unresolved_and_hard": "Unresolved and hard",
    "to_do": "To do",
    "ai_agent": "AI agent",
    "out_of_scope": "Not in scope",
    "none": "None",
}
TONES = {
    "good": (
        *("met", "supported", "pass", "passed", "success", "compliant", "closed"),
        *("fresh", "done", "resolved_autonomously", "resolved_and_easy", "ready"),
    ),
    "warn": (
        *("warning", "open", "to_do", "not_proven", "missing", "resolved_but_hard"),
        *("escalated", "closed_unproven", "abandoned", "unresolved_but_easy"),
    ),
    "bad": (
        *("missed", "critical", "refuted", "fail", "failed", "failure", "overdue"),
        *("timeout", "violation", "stale", "error", "unresolved_and_hard"),
    ),
}


def shown(value: object, unit: str) -> str:
    """A value in its unit; a dash where there is none."""
    if value is None:
        return NONE
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return words(value) if unit in ("words", "badge") else value
    number = float(value) if isinstance(value, Decimal) else value
    if unit == "count":
        return f"{number:,.0f}"
    if unit == "points":
        return change(number, "share")
    if unit == "milliseconds":
        return f"{number:,.0f} ms" if number < 10_000 else f"{number / 1000:,.1f} s"
    if unit == "number":
        return f"{number:,.2f}"
    return amount(number, unit)


def moved(value: float | None, unit: str) -> str:
    """A difference, signed, in its unit; a dash where there is none."""
    return NONE if value is None else change(value, unit)


def words(name: str) -> str:
    """A word out of a closed list, for people."""
    return WORDS.get(name) or name.replace("_", " ").capitalize()


def tone(name: object) -> str:
    """What a word means: good, warn, bad, or nothing said."""
    return next((tone for tone, names in TONES.items() if name in names), "plain")
