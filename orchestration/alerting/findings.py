"""What needs somebody: an alert of the marts, a failed check or test, a failed run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import project

if TYPE_CHECKING:
    from dagster import (
        AssetCheckEvaluation,
        DagsterInstance,
        DagsterRun,
        EventLogEntry,
    )

    from orchestration.engines import Ask

QUERY = Path(__file__).parents[1] / "queries" / "alerts.sql"
ALERTS = "kpi_alerts"
IS_THERE = (
    "select count(*) as n from information_schema.tables "
    "where lower(table_schema) = 'marts'"
)
SEVERITIES = ("notice", "warning", "critical")
OPERATOR = "Analytics engineering"
LOGGING = "Logging"
NO_ROWS = "<= 0 rows"
SAID_CHARACTERS = 1_500
DELIVERED = "alerts_are_delivered"

_TITLES = {
    "threshold": "{label}: beyond its limit",
    "control_limit": "{label}: not as usual",
    "zero_tolerance": "{label}: violated",
    "stale_feed": "A feed has fallen silent",
    "unstated_reasons": "Escalations give no reason",
}
_OF_CHECKS = {
    "every_record_is_clean": "Mend what writes these records, then replay the files",
    "duplicates_agree": "Find out which of two sources writes one identity twice",
    "feed_is_fresh": "Look for the export or collector that stopped",
    "the_newest_build_is_shown": "Mend what was wrong, then `make resume`",
    "grants_are_as_declared": "Revoke what is too much, grant what lacks",
}


@dataclass(frozen=True)
class Finding:
    """One thing that needs somebody.

    `key` is what makes it the same one when it is found again; findings of one `cause`
    go into one message. What `lasts` is over when it is no longer found and is told
    again when it comes back; the others are told once for good. `is_over_told` says
    whether its end is worth a message. `cases` is the command that lists what is behind
    it. `value` and the limits are text, with their units.
    """

    key: str
    cause: str
    title: str
    severity: str
    subject: str
    owner: str
    what_to_do: str
    cases: str
    value: str | None = None
    limit: str | None = None
    n: float | None = None
    said: str | None = None
    lasts: bool = True
    is_over_told: bool = True


@dataclass(frozen=True)
class Evidence:
    """What a run showed: what is wrong, and what it found in order.

    `is_whole` says that it came through: what this job used to find and did not find
    now is in order as well.
    """

    job: str
    findings: list[Finding]
    sound: frozenset[str]
    is_whole: bool


def of_marts(ask: Ask) -> list[Finding]:
    """The alerts of the published marts, one by one; none where none are published."""
    if not ask(f"{IS_THERE} and lower(table_name) = '{ALERTS}'")[0]["n"]:
        return []
    return [_of_row(row) for row in ask(QUERY.read_text(encoding="utf-8"))]


def _of_row(row: Mapping[str, Any]) -> Finding:
    kind, label = row["kind"], row["label"] or row["kpi"]
    period = f"{row['period_type']} of {row['period_start']:%Y-%m-%d}"
    place = "all cases"
    if row["segment_type"] != "all":
        place = f"{row['segment_type'].replace('_', ' ')} {row['segment']}"
    if kind == "stale_feed":
        period = f"newest record {row['period_start']:%Y-%m-%d}"
    return Finding(
        key=row["alert_key"],
        cause=f"{kind} {row['kpi'] or ''} {row['owner']} {row['what_to_do']}",
        title=_TITLES.get(kind, kind).format(label=label),
        severity=row["severity"],
        subject=f"{place}, {period}",
        owner=row["owner"],
        what_to_do=row["what_to_do"],
        cases=f"make cases OF={row['alert_key'][:12]}",
        value=_amount(row["value"], row["unit"]),
        limit=_limit(row),
        n=row["n"],
        # a judged day or week stays what it was; a feed can fall silent again
        lasts=kind == "stale_feed",
    )


def _amount(value: float | None, unit: str | None) -> str:
    from orchestration.report import amount

    if value is not None and unit in ("hours", "violations"):
        return f"{value:,.0f} {unit if value != 1 else unit[:-1]}"
    return amount(value, unit or "")


def _limit(row: Mapping[str, Any]) -> str | None:
    lower, upper = row["lower_limit"], row["upper_limit"]
    bounds = [
        f"{sign} {_amount(bound, row['unit'])}"
        for sign, bound in ((">=", lower), ("<=", upper))
        if bound is not None
    ]
    return " and ".join(bounds) or None


def of_run(instance: DagsterInstance, run: DagsterRun, *, is_whole: bool) -> Evidence:
    """What the checks, tests and steps of a run found, so far.

    `is_whole`: the run published, or kept to a rollback, and so all of it was in order.
    """
    from dagster import DagsterEventType as Kind

    wanted = {
        Kind.ASSET_CHECK_EVALUATION,
        Kind.ASSET_MATERIALIZATION,
        Kind.STEP_FAILURE,
        Kind.STEP_SUCCESS,
        Kind.RUN_FAILURE,
    }
    found: dict[str, Finding] = {}
    sound: set[str] = set()
    failures: list[EventLogEntry] = []
    steps = 0
    for entry in instance.all_logs(run.run_id, of_type=wanted):
        event = entry.get_dagster_event()
        if event.event_type == Kind.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if check.passed:
                sound.add(_check_key(check))
            elif check.check_name != DELIVERED:
                found.setdefault(_check_key(check), _of_check(check, run))
        elif event.event_type == Kind.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization.metadata
            if "unique_id" in made:
                sound.add(_dbt_key(made["unique_id"].value))
        elif event.event_type == Kind.STEP_SUCCESS:
            sound.add(f"step {event.step_key}")
        elif event.event_type == Kind.STEP_FAILURE:
            steps += 1
            for finding in _of_step(entry, run):
                found[finding.key] = finding
        else:
            failures.append(entry)
    if failures and not steps:
        finding = _of_failure(failures[-1], run)
        found[finding.key] = finding
    findings = list(found.values())
    return Evidence(run.job_name, findings, frozenset(sound - found.keys()), is_whole)


def _check_key(check: AssetCheckEvaluation) -> str:
    if "unique_id" in check.metadata:
        return _dbt_key(check.metadata["unique_id"].value)
    return f"check {'/'.join(check.asset_key.path)} {check.check_name}"


def _dbt_key(unique_id: Any) -> str:  # noqa: ANN401
    """Of a dbt node: kind.package.name, and for generic tests a hash."""
    return f"dbt {str(unique_id).split('.')[2]}"


def _of_check(check: AssetCheckEvaluation, run: DagsterRun) -> Finding:
    name = check.check_name
    asset = "/".join(check.asset_key.path)
    is_error = check.severity.value == "ERROR"
    is_dbt = "unique_id" in check.metadata
    rows = check.metadata.get("dagster_dbt/failed_row_count")
    n = float(rows.value) if rows else None
    is_feed = asset.startswith("raw/") and not is_dbt
    cases = f"make cases OF={name if is_dbt else asset}"
    if not is_dbt and name != "every_record_is_clean":
        cases = _run_command(run)
    return Finding(
        key=_check_key(check),
        cause=f"check {name}",
        title=f"Test failed: {name}" if is_dbt else f"Check failed: {name}",
        severity="critical" if is_error else "warning",
        subject=asset,
        owner=LOGGING if is_feed else OPERATOR,
        what_to_do=_OF_CHECKS.get(name) or _what_to_do(is_error),
        cases=cases,
        value=None if n is None else _rows(n),
        limit=None if n is None else NO_ROWS,
        n=n,
        said=check.description and check.description[:SAID_CHARACTERS],
        is_over_told=is_error or name in ("feed_is_fresh", "the_newest_build_is_shown"),
    )


def _rows(n: float) -> str:
    return f"{n:,.0f} row{'s' if n != 1 else ''}"


def _what_to_do(is_error: bool) -> str:
    if is_error:
        return "Nothing is published until it passes: mend the model or the data"
    return "Look at the rows; what is published has them"


def _of_step(entry: EventLogEntry, run: DagsterRun) -> Iterator[Finding]:
    """What dbt named, one by one; else the step, under the cause at the root."""
    step = entry.step_key or "?"
    data = entry.get_dagster_event().step_failure_data
    told = data.user_failure_data.metadata if data.user_failure_data else {}
    if "causes" in told:
        yield from _of_causes(told["causes"].value)
        return
    error = data.error
    while error and error.cause:
        error = error.cause
    said = error.message.strip() if error else "no reason given"
    yield Finding(
        key=f"step {step}",
        cause=f"step {said}",
        title=f"{run.job_name} failed; nothing was published",
        severity="critical",
        subject=step,
        owner=OPERATOR,
        what_to_do="Mend the cause; the next refresh goes on by itself",
        cases=_run_command(run),
        said=said[:SAID_CHARACTERS],
    )


def _of_causes(causes: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    for cause in causes:
        name, kind, failures = cause["name"], cause["kind"], cause["failures"]
        has_rows = kind.endswith("test") and kind != "unit test" and failures
        yield Finding(
            key=f"dbt {name}",
            cause=f"check {name}",
            title=f"{kind[0].upper()}{kind[1:]} failed: {name}",
            severity="critical",
            subject=name,
            owner=OPERATOR,
            what_to_do=_what_to_do(True),
            cases=f"make cases OF={name}" if has_rows else f"dbt build --select {name}",
            value=_rows(failures) if has_rows else None,
            limit=NO_ROWS if has_rows else None,
            n=failures if has_rows else None,
            said=cause["said"][:SAID_CHARACTERS],
        )


def _of_failure(entry: EventLogEntry, run: DagsterRun) -> Finding:
    return Finding(
        key=f"run {run.job_name}",
        cause=f"run {run.job_name}",
        title=f"{run.job_name} did not end; nothing was published",
        severity="warning",
        subject=f"run {run.run_id[:8]}",
        owner=OPERATOR,
        what_to_do="Nothing, if the next one ends; else look for memory and limits",
        cases=_run_command(run),
        said=(entry.get_dagster_event().message or "")[:SAID_CHARACTERS],
    )


def of_no_run(job: str, said: str) -> Evidence:
    """What is known where a run could not even begin, as when dbt does not parse."""
    finding = Finding(
        key="run definitions",
        cause="run definitions",
        title=f"{job} could not begin; nothing was published",
        severity="critical",
        subject="the project does not load",
        owner=OPERATOR,
        what_to_do="Mend what is named, or go back to the revision before",
        cases="make lint",
        said=said[:SAID_CHARACTERS],
    )
    return Evidence(job, [finding], frozenset(), is_whole=False)


def _run_command(run: DagsterRun) -> str:
    base = project.dagster_url()
    if base:
        return f"{base.rstrip('/')}/runs/{run.run_id}"
    return f"make dev, then /runs/{run.run_id}"
