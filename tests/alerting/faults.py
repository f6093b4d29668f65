"""Thirty kinds of fault, each in as many instances as a test wants.

Sixteen are rows of `kpi_alerts`, one for each rule of the seed; the others are what the
event log of a Dagster run would say.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import md5
from types import SimpleNamespace
from typing import Any

from dagster import AssetCheckSeverity, AssetKey, DagsterEventType, MetadataValue
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
)

from orchestration import project
from orchestration.alerting import of_marts, of_run
from orchestration.alerting.findings import Evidence, Finding

# what run_results.json names
OF_DBT = (
    "contract",
    "generic test",
    "singular test",
    "unit test",
    "source test",
    "model",
    "seed",
    "snapshot",
)
# checks of Dagster's own: name, asset, whether it blocks
CHECKS = (
    ("every_record_is_clean", "raw/agent_events", False),
    ("duplicates_agree", "raw/ticket_events", False),
    ("feed_is_fresh", "raw/survey_responses", False),
    ("the_newest_build_is_shown", "publication", False),
    ("grants_are_as_declared", "publication", True),
    ("a_test_that_warns", "marts/kpi_daily", False),
)
STEPS = ("raw__agent_events", "publication")
KILLED = "killed run"


def rules() -> list[dict[str, str]]:
    """The rows of the seed of alert rules."""
    path = project.ROOT / "seeds" / "alert_rules.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@dataclass(frozen=True)
class Fault:
    """One kind of fault: `name` says which; `is_row` where it is found."""

    name: str
    is_row: bool

    @property
    def comes_back(self) -> bool:
        """Whether its instances are one thing that ends and comes again."""
        return not self.is_row


def kinds() -> list[Fault]:
    """Every kind, in a fixed order."""
    rows = [f"{rule['kind']} {rule['kpi']}".strip() for rule in rules()]
    of_runs = [*OF_DBT, *(name for name, _, _ in CHECKS), *STEPS, KILLED]
    return [*(Fault(it, True) for it in rows), *(Fault(it, False) for it in of_runs)]


def row(kind: str, instance: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A row of `kpi_alerts`, as the query of alerts gives it."""
    rule = next(it for it in rules() if f"{it['kind']} {it['kpi']}".strip() == kind)
    return {
        "alert_key": md5(f"{kind} {instance}".encode()).hexdigest(),
        "kind": rule["kind"],
        "kpi": rule["kpi"] or None,
        "segment_type": "intent",
        "segment": f"intent_{instance}",
        "period_type": "day",
        "period_start": date(2026, 1, 1) + timedelta(days=instance),
        "severity": "warning",
        "owner": rule["owner"],
        "what_to_do": rule["what_to_do"],
        "case_query": "select 1",
        "value": 0.41,
        "lower_limit": 0.5,
        "upper_limit": None,
        "n": 120.0,
        "label": rule["kpi"].replace("_", " ").capitalize() or None,
        "unit": "hours" if rule["kind"] == "stale_feed" else "share",
        **changes,
    }


def marts(rows: list[dict[str, Any]]) -> list[Finding]:
    """What is found in marts that list these rows."""

    def ask(query: str) -> list[dict[str, Any]]:
        return [{"n": 1}] if "information_schema" in query else rows

    return of_marts(ask)


def evidence(names: list[str], job: str = "refresh") -> Evidence:
    """What is found in a run with these faults; without any it came through."""
    run = SimpleNamespace(run_id="0123456789abcdef", job_name=job)
    broken = [it for it in names if not _only_warns(it)]
    return of_run(events(names), run, is_whole=not broken)


def events(names: list[str]) -> SimpleNamespace:
    """The instance of a run with these faults: all that is read of it is its events."""
    return SimpleNamespace(all_logs=lambda *_, **__: list(_entries(names)))


def _only_warns(name: str) -> bool:
    return any(name == check and not blocks for check, _, blocks in CHECKS)


def _entries(names: list[str]) -> Iterator[SimpleNamespace]:
    for name, asset, blocks in CHECKS:
        yield _check(name, asset, blocks, name not in names)
    causes = [
        {"name": it.replace(" ", "_"), "kind": it, "said": "no", "failures": 3}
        for it in names
        if it in OF_DBT
    ]
    if causes:
        yield _step("dbt_project", {"causes": MetadataValue.json(causes)})
    for name in STEPS:
        if name in names:
            yield _step(name, None)
    if KILLED in names:
        yield _entry(DagsterEventType.RUN_FAILURE, message="its process was killed")


def _check(name: str, asset: str, blocks: bool, passed: bool) -> SimpleNamespace:
    told: dict[str, Any] = {}
    if name == "a_test_that_warns":
        told = {
            "unique_id": MetadataValue.text(f"test.acsr_warehouse.{name}.0a1b"),
            "dagster_dbt/failed_row_count": MetadataValue.int(3),
        }
    return _entry(
        DagsterEventType.ASSET_CHECK_EVALUATION,
        asset_check_evaluation_data=AssetCheckEvaluation(
            asset_key=AssetKey(asset.split("/")),
            check_name=name,
            passed=passed,
            metadata=told,
            severity=(AssetCheckSeverity.ERROR if blocks else AssetCheckSeverity.WARN),
        ),
    )


def _step(key: str, told: dict[str, Any] | None) -> SimpleNamespace:
    return _entry(
        DagsterEventType.STEP_FAILURE,
        step_key=key,
        step_failure_data=SimpleNamespace(
            user_failure_data=told and SimpleNamespace(metadata=told),
            error=SimpleNamespace(message=f"{key} broke", cause=None),
        ),
    )


def _entry(
    kind: DagsterEventType,
    **told: Any,  # noqa: ANN401
) -> SimpleNamespace:
    event = SimpleNamespace(event_type=kind, **told)
    return SimpleNamespace(
        get_dagster_event=lambda: event, step_key=told.get("step_key")
    )
