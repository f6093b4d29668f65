"""Writes docs/real-logs.md: what the warehouse says of agents that nobody here built.

    python -m tests.real_data.page

Loads and builds the public data beside the checkout in a folder of its own, and writes
figures only. `test_real_logs_page.py` does it again and compares.
"""

from __future__ import annotations

import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration import project
from tests.real_data.landed import AS_OF, land_all
from tests.support import SHARED_DATA, build_warehouse

PAGE = project.ROOT / "docs" / "real-logs.md"
Row = tuple[Any, ...]
BUILD = ("build", "--exclude-resource-types", "unit_test", "test")
# The page tells the story of this one.
SHOWN = "azure-gpt-4o__airline__judged"

RUNS = """
create or replace temporary view runs as

with

writes as (
    select case_key
    from marts.fct_actions
    where is_write and is_automation and outcome = 'success'
    group by all
),

handovers as (
    select case_key
    from marts.fct_escalations
    where reason_detail = 'agent_transfer_tool'
    group by all
)

select
    bridge.*,
    replace(parse_filename(simulations.file_path), '.json.gz', '') as file,
    coalesce(simulations.reward, 0) >= 1 as is_rewarded,
    writes.case_key is not null as has_written,
    handovers.case_key is null as is_without_tool,
    cases.resolved_at is not null as is_closed,
    cases.has_human_touch,
    cases.first_blocker,
    cases.intent_leg,
    cases.policy_leg,
    cases.closure_leg,
    cases.is_resolved_autonomously
from marts.definition_bridge_cases as bridge
inner join marts.fct_cases as cases on bridge.case_key = cases.case_key
inner join staging.stg_tau2_runs__sessions as simulations
    on
        cases.source_system = simulations.source_system
        and cases.case_id = simulations.session_id
left join writes on bridge.case_key = writes.case_key
left join handovers on bridge.case_key = handovers.case_key
"""

COUNTS = {
    "no handover tool": "is_without_tool",
    "contained": "is_contained",
    "contained, and a change succeeded": "is_contained and has_written",
    "contained and closed": "is_contained and is_closed",
    "strict": "is_strict",
    "strict, upper": "is_strict_upper",
    "right": "is_rewarded",
    "contained and right": "is_contained and is_rewarded",
    "contained, changed and right": "is_contained and has_written and is_rewarded",
    "went to a person": "has_human_touch",
}

GAPS = {
    "failed": "is_resolved_autonomously = false",
    "undecided": "is_resolved_autonomously is null",
    "no intent": "intent_leg = 'missing'",
    "no check": "policy_leg = 'missing'",
    "no closure": "closure_leg = 'missing'",
    "undecided, and only the intent missing": (
        "is_resolved_autonomously is null"
        " and policy_leg != 'missing' and closure_leg != 'missing'"
    ),
}

BRIDGE = """
select
    label,
    cast(sum(numerator) as bigint),
    cast(sum(denominator) as bigint),
    any_value(description)
from marts.definition_bridge
where segment_type = 'all'
group by label, sort_order
order by sort_order
"""

INCIDENTS = """
select
    count(*), count_if(is_involved), count(resolved_at), count(reopened_at),
    count_if(has_human_touch)
from marts.fct_cases
where source_system != 'tau2'
"""

TEXT = """# What the warehouse says of real logs

Written by `make real-logs`, and compared with what it would write by a test. The logs
are public: result files of [tau2-bench](https://github.com/sierra-research/tau2-bench),
in which language models serve simulated customers, and a year of a ServiceNow desk
(UCI no. 498). Only figures are here. The models are real, the customers are not, and a
benchmark is no production: read these pages for the distances, not for the models.

*Right* is the benchmark's own reward, which compares the back end with what it should
have become. No figure of the warehouse reads it. A run that hands over may be right, so
right is counted beside contained and within it.

## One agent, counted in many ways

{story}

## Every agent

Runs that the agent handled, by result file. *No handover tool* is what a board counts
that looks for the escalation tool only; *contained* also sees customers who were told
that they would be handed over. *A change succeeded*: a write to a back-end system.

{agents}

## The definitions

All {handled} handled runs under every definition that
[`definition_bridge`](../README.md#what-each-mart-answers) compares.

{bridge}

A definition that cannot be judged of these logs has no row: they name no customer, so
that a call-back cannot be seen, and no person has audited them in this warehouse.

## What to log next

The strict figure is zero because no run says what the customer wanted: that is the
first leg, and it is missing everywhere. Missing evidence is no failure and no success,
so the runs that nothing else makes fail are in the upper figure.

{gaps}

{first_step}

## People's tickets

{incidents}
"""


def page(connection: duckdb.DuckDBPyConnection) -> str:
    """The page, from the warehouse of all the real data."""
    connection.execute(RUNS)
    [(handled, decidable)] = connection.execute(
        f"select count(*), count_if({GAPS['undecided, and only the intent missing']})"
        " from runs"
    ).fetchall()
    return TEXT.format(
        story=_story(connection),
        agents=_by_file(connection),
        bridge=_bridge(connection),
        gaps=_gaps(connection),
        handled=handled,
        first_step=_filled(
            f"One `intent_classified` per session would decide {decidable} of them for "
            "the better. The rest of the undecided lack a check or a closure, too."
        ),
        incidents=_incidents(connection),
    )


def _story(connection: duckdb.DuckDBPyConnection) -> str:
    [(_, runs, *counts)] = _counts(connection, COUNTS, f"where file = '{SHOWN}'")
    shown = {
        name: _share(count, runs) for name, count in zip(COUNTS, counts, strict=True)
    }
    told = _filled(
        f"`{SHOWN}`, {runs} handled runs. {shown['no handover tool']} never called "
        f"the handover tool, {shown['contained']} were contained, in "
        f"{shown['contained, and a change succeeded']} a change succeeded without a "
        f"person, and {shown['contained and right']} were contained and right. "
        f"{shown['strict']} are proven; with all evidence that is missing it could be "
        f"{shown['strict, upper']}."
    )
    rows = [
        (name, count, shown[name]) for name, count in zip(COUNTS, counts, strict=True)
    ]
    return told + "\n\n" + _table(("counted as", "runs", "share"), rows)


def _by_file(connection: duckdb.DuckDBPyConnection) -> str:
    rows = [
        (file, runs, *(_share(count, runs) for count in counts))
        for file, runs, *counts in _with_total(_counts(connection, COUNTS))
    ]
    return _table(("file", "runs", *COUNTS), rows)


def _gaps(connection: duckdb.DuckDBPyConnection) -> str:
    return _table(("file", "runs", *GAPS), _with_total(_counts(connection, GAPS)))


def _with_total(counted: list[Row]) -> list[Row]:
    """The rows, the names of their files as code, and one of all."""
    sums = [sum(column) for column in zip(*(row[1:] for row in counted), strict=True)]
    return [*((f"`{file}`", *counts) for file, *counts in counted), ("all", *sums)]


def _counts(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, str], where: str = ""
) -> list[Row]:
    counts = ", ".join(f"count_if({condition})" for condition in columns.values())
    return connection.execute(
        f"select file, count(*), {counts} from runs {where} group by file order by file"
    ).fetchall()


def _bridge(connection: duckdb.DuckDBPyConnection) -> str:
    rows = [
        (label, counted, of, _share(counted, of), description)
        for label, counted, of, description in connection.execute(BRIDGE).fetchall()
    ]
    return _table(("definition", "counted", "of", "share", "what it counts"), rows)


def _incidents(connection: duckdb.DuckDBPyConnection) -> str:
    [counts] = connection.execute(INCIDENTS).fetchall()
    cases, involved, closed, reopened, touched = counts
    return _filled(
        f"The desk's {cases:,} incidents are people's cases: {touched:,} have a "
        f"person's touch, {involved:,} an agent's. {closed:,} are closed and "
        f"{reopened:,} were reopened. They are in no rate of an agent; they are what "
        "an agent's handling time could be compared with."
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, 88, break_on_hyphens=False)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Builds the warehouse and writes the page; 1 where there are no data."""
    if not SHARED_DATA.is_dir():
        print(f"error: there are no real data at {SHARED_DATA}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        built = build_warehouse(
            land_all(root, SHARED_DATA), AS_OF, root / "home", BUILD
        )
        with duckdb.connect(str(built), read_only=True) as connection:
            PAGE.write_text(page(connection), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(project.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
