"""Land worlds, build the marts once, and hold every row against the reference."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from tests.oracle.figures import Cell
from tests.oracle.records import Record, Settings, line_of, read_seeds, scoped
from tests.oracle.reference import Answer, answer
from tests.oracle.worlds import AS_OF, FEEDS, Vocabulary, World, draw_world
from tests.support import BUILD, build_warehouse, dbt

PROJECT = Path(__file__).parents[2]
NAME = "w{:05d}"
FILES = 3
NAME_LENGTH = len(NAME.format(0))

SESSION_COLUMNS = (
    "link_rule",
    "parent_session_id",
    "started_at",
    "ended_at",
    "channel",
    "ticket_id",
    "intent",
    "agent_name",
    "agent_version",
    "is_production",
)
CASE_COLUMNS = (
    "case_id",
    "source_system",
    "opened_at",
    "opened_on",
    "intent",
    "tier",
    "channel",
    "agent_name",
    "agent_version",
    "session_count",
    "is_eligible",
    "is_involved",
    "is_handled",
    "intent_leg",
    "policy_leg",
    "action_leg",
    "closure_leg",
    "has_human_touch",
    "is_resolved_autonomously",
    "first_blocker",
    "outcome",
    "resolution_kind",
    "resolved_at",
    "reopened_at",
    "recontacted_at",
    "matures_at",
    "is_mature",
    "is_durable",
    "handling_seconds",
    "primary_escalation_reason",
)
ESCALATION_COLUMNS = (
    "session_id",
    "reason_code",
    "reason_detail",
    "initiated_by",
    "escalated_at",
    "source",
)

DIMENSIONS = ("opened_on", "intent", "tier", "channel", "agent_name", "agent_version")
TABLES = ("fct_sessions", "fct_cases", "fct_escalations", "kpi_daily")

Rows = dict[Any, Record]


@dataclass(frozen=True)
class Difference:
    """One row that the marts and the reference tell differently."""

    world: str
    table: str
    key: Any
    expected: Record | None
    actual: Record | None

    @property
    def columns(self) -> dict[str, tuple[Any, Any]]:
        """Name the columns that differ, with both values."""
        expected, actual = self.expected, self.actual
        if expected is None or actual is None:
            return {"row": (expected, actual)}
        return {
            name: (expected[name], actual[name])
            for name in expected
            if not is_same(expected[name], actual[name])
        }

    def __str__(self) -> str:
        told = [
            f"    {name}: expected {expected!r}, the mart says {actual!r}"
            for name, (expected, actual) in self.columns.items()
        ]
        return "\n".join([f"  {self.table} {self.key}", *told])


def is_same(expected: object, actual: object) -> bool:
    """Compare two values; sums of floats may differ in their last digits."""
    if isinstance(expected, float) and isinstance(actual, (int, float)):
        return abs(expected - actual) <= 1e-9 * max(1.0, abs(expected))
    return expected == actual


def vocabulary() -> Vocabulary:
    """Draw on the seeds, with words beside them that no seed knows."""
    seeds = read_seeds(PROJECT / "seeds")
    aliases = sorted(seeds.intent_aliases.items())[:1]
    informational = sorted(seeds.intents_without_action)[:2]
    others = sorted(seeds.intent_tiers.keys() - seeds.intents_without_action)[:2]
    intents = dict.fromkeys([*informational, *others, *chain(*aliases), "stargazing"])
    patterns = sorted(seeds.action_patterns)
    reads = [pattern for pattern in patterns if not seeds.action_patterns[pattern]]
    writes = [pattern for pattern in patterns if seeds.action_patterns[pattern]]
    names = [pattern.replace("*", "a_thing") for pattern in [*reads[:3], *writes[:5]]]
    return Vocabulary(tuple(intents), (*names, "frobnicate"))


def draw_worlds(count: int, seed: int) -> list[World]:
    """Draw the worlds of a campaign; the same seed draws the same worlds."""
    words = vocabulary()
    return [
        draw_world(Random(f"{seed}:{number}"), NAME.format(number), words)
        for number in range(count)
    ]


def land(worlds: Iterable[World], landing: Path) -> None:
    """Write the worlds as landing files, records scattered over files and out of order.

    A correction may so land before or after what it corrects, or in another file.
    """
    rng = Random("landing")
    every = list(worlds)
    for feed in FEEDS:
        folder = landing / feed
        folder.mkdir(parents=True)
        lines = [line_of(record) for world in every for record in world.feeds[feed]]
        rng.shuffle(lines)
        for number in range(FILES):
            text = "".join(f"{line}\n" for line in lines[number::FILES])
            (folder / f"{number}.jsonl").write_text(text, encoding="utf-8")


def expected_answers(worlds: Iterable[World], now: Settings) -> dict[str, Answer]:
    """Ask the reference about every world."""
    seeds = read_seeds(PROJECT / "seeds")
    return {world.name: answer(world.feeds, seeds, now) for world in worlds}


def world_of(name: str) -> str:
    """Tell the world from an id in it."""
    return name[:NAME_LENGTH]


class Marts:
    """The rows that the product built, under natural names instead of keys."""

    def __init__(
        self, tables: dict[str, list[Record]], customers: dict[str, str]
    ) -> None:
        """Name the rows of the compared tables; customers by the key they carry."""
        self.customers = customers
        sessions, cases = tables["fct_sessions"], tables["fct_cases"]
        self.roots = {
            row["case_key"]: (row["source_system"], row["session_id"])
            for row in sessions
            if row["parent_session_id"] is None
        }
        self.sessions = numbered(
            ((row["source_system"], row["session_id"]), self.session(row))
            for row in sessions
        )
        self.case_ids = {row["case_key"]: row["case_id"] for row in cases}
        self.cases = numbered((self.key(r["case_key"]), self.case(r)) for r in cases)
        self.escalations = numbered(
            (self.key(row["case_key"]), self.only(row, ESCALATION_COLUMNS))
            for row in tables["fct_escalations"]
        )
        self.figures = summed(
            (tuple(row[name] for name in (*DIMENSIONS, "kpi")), numbers_of(row))
            for row in tables["kpi_daily"]
        )

    def key(self, case_key: str) -> tuple[str, ...]:
        """Name a case by its root."""
        if case_key in self.roots:
            return ("session", *self.roots[case_key])
        return ("ticket", self.case_ids.get(case_key, "no case"))

    def only(self, row: Record, columns: tuple[str, ...]) -> Record:
        """Keep the columns that are compared."""
        return {name: row[name] for name in columns}

    def session(self, row: Record) -> Record:
        """Name a session's case and customer."""
        return {
            "root": self.roots.get(row["case_key"], "no root"),
            "customer": self.customers.get(row["customer_key"], row["customer_key"]),
            **self.only(row, SESSION_COLUMNS),
        }

    def case(self, row: Record) -> Record:
        """Name a case's customer."""
        return {
            "customer": self.customers.get(row["customer_key"], row["customer_key"]),
            **self.only(row, CASE_COLUMNS),
        }


def read_marts(home: Path, now: Settings) -> Marts:
    """Read the compared tables from a warehouse."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        tables = {name: table(db, name) for name in TABLES}
        return Marts(tables, customers(db, now))


def numbers_of(row: Record) -> tuple[float, float]:
    """Read the pair of sums of a daily figure."""
    return float(row["numerator"]), float(row["denominator"])


def summed(
    cells: Iterable[tuple[Cell, tuple[float, float]]],
) -> dict[Cell, tuple[float, float]]:
    """Add up the shares of each cell."""
    sums: dict[Cell, tuple[float, float]] = {}
    for cell, (numerator, denominator) in cells:
        before = sums.get(cell, (0.0, 0.0))
        sums[cell] = (before[0] + numerator, before[1] + denominator)
    return sums


def table(db: duckdb.DuckDBPyConnection, name: str) -> list[Record]:
    """Read a mart as dicts, times free of their zone."""
    found = db.execute(f"select * from marts.{name}")
    names = [column[0] for column in found.description]
    return [
        {name: plain(value) for name, value in zip(names, row, strict=True)}
        for row in found.fetchall()
    ]


def plain(value: Any) -> Any:  # noqa: ANN401
    """Bring a time with a zone to UTC without one."""
    if getattr(value, "tzinfo", None) is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def customers(db: duckdb.DuckDBPyConnection, now: Settings) -> dict[str, str]:
    """Map customer keys back to the made-up ids that landed."""
    found: dict[str, str] = {}
    for feed in ("agent_events", "ticket_events"):
        rows = db.execute(
            "select staged.customer_key, landed.source_system, landed.customer_id "
            f"from staging.stg_{feed}__events as staged "
            f"inner join raw.{feed} as landed using (source_system, event_id) "
            "where landed.customer_id is not null"
        ).fetchall()
        for key, source_system, customer_id in rows:
            is_global = now.customer_id_scope == "global"
            found[key] = (
                customer_id if is_global else scoped(source_system, customer_id)
            )
    return found


def numbered(rows: Iterable[tuple[tuple[str, ...], Record]]) -> Rows:
    """Number rows that share a name, in an order that the rows alone decide."""
    grouped: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for key, row in rows:
        grouped[key].append(row)
    return {
        (*key, number): row
        for key, shared in grouped.items()
        for number, row in enumerate(sorted(shared, key=repr_of))
    }


def repr_of(row: Record) -> str:
    """Write a row so that equal rows are written equally."""
    return json.dumps({name: str(row[name]) for name in sorted(row)})


def short(key: tuple[str, ...]) -> tuple[str, ...]:
    """Name a case as the marts can: a ticket's system is no column of theirs."""
    return key if key[0] == "session" else ("ticket", key[2])


def expected_rows(answers: dict[str, Answer]) -> dict[str, Rows]:
    """Lay all worlds together, under the same names as the marts."""
    every = list(answers.values())
    cases = [(short(k), row) for found in every for k, row in found.cases.items()]
    escalations = [
        (short(row["case"]), escalation_columns(row))
        for found in every
        for row in found.escalations
    ]
    sessions = [(k, row) for found in every for k, row in found.sessions.items()]
    return {
        "fct_sessions": numbered(sessions),
        "fct_cases": numbered(cases),
        "fct_escalations": numbered(escalations),
    }


def escalation_columns(row: Record) -> Record:
    """Tell an escalation's session by its id."""
    session = row["session"]
    named = {"session_id": None if session is None else session[1]}
    return named | {name: row[name] for name in ESCALATION_COLUMNS[1:]}


def differences(answers: dict[str, Answer], marts: Marts) -> list[Difference]:
    """Compare every row of sessions, cases and escalations."""
    actual = {
        "fct_sessions": marts.sessions,
        "fct_cases": marts.cases,
        "fct_escalations": marts.escalations,
    }
    return [
        Difference(world_of(key[-2]), table_, key, one, two)
        for table_, rows in expected_rows(answers).items()
        for key, one, two in paired(rows, actual[table_])
        if one is None or two is None or not all(is_same(one[n], two[n]) for n in one)
    ]


def paired(one: Rows, two: Rows) -> Iterator[tuple[Any, Record | None, Record | None]]:
    """Bring rows of the same name together."""
    for key in one.keys() | two.keys():
        yield key, one.get(key), two.get(key)


def figure_differences(
    answers: dict[str, Answer], marts: Marts
) -> list[tuple[Cell, tuple[float, float], tuple[float, float], list[str]]]:
    """Compare every cell of the daily figures; tell the worlds behind a cell."""
    expected = summed(c for found in answers.values() for c in found.figures.items())
    behind: dict[Cell, list[str]] = defaultdict(list)
    for name, found in answers.items():
        for cell in found.figures:
            behind[cell].append(name)
    found_differences = []
    for cell in expected.keys() | marts.figures.keys():
        one, two = (side.get(cell, (0.0, 0.0)) for side in (expected, marts.figures))
        if not (is_same(one[0], two[0]) and is_same(one[1], two[1])):
            found_differences.append((cell, one, two, behind[cell]))
    return sorted(found_differences, key=lambda found: len(found[3]))


def build(worlds: list[World], folder: Path, now: Settings) -> Marts:
    """Land worlds in an empty folder, load and build them under settings."""
    home = folder / "home"
    land(worlds, folder / "landing")
    as_of, variables = f"{now.as_of.isoformat()}Z", json.dumps(now.dbt_vars)
    command = (*BUILD, "--exclude-resource-type", "test", "--vars", variables)
    build_warehouse(folder / "landing", as_of, home, command)
    return read_marts(home, now)


def run_data_tests(folder: Path, now: Settings) -> None:
    """Ask the product's own tests about a folder that was built; fail as they do."""
    as_of, variables = f"{now.as_of.isoformat()}Z", json.dumps(now.dbt_vars)
    kind = ("--resource-type", "test")
    dbt(folder / "home", as_of, "build", *kind, "--vars", variables)


def report(worlds: list[World], found: list[Difference]) -> str:
    """Say how many rows differ in what, and tell the smallest world in full."""
    by_column: dict[str, int] = defaultdict(int)
    for difference in found:
        for column in difference.columns:
            by_column[f"{difference.table}.{column}"] += 1
    smallest = min(
        (world for world in worlds if any(d.world == world.name for d in found)),
        key=lambda world: world.size,
    )
    told = [str(d) for d in found if d.world == smallest.name]
    return "\n".join(
        [
            f"{len({d.world for d in found})} of {len(worlds)} worlds differ:",
            *(
                f"  {n} x {c}"
                for c, n in sorted(by_column.items(), key=lambda p: -p[1])
            ),
            f"The smallest of them, {smallest.name}, as of {AS_OF}:",
            *(f"  {line_of(record)}" for record in in_order(smallest)),
            *told,
        ]
    )


def in_order(world: World) -> list[Record]:
    """List a world's records by time."""
    records = [record for feed in FEEDS for record in world.feeds[feed]]
    times = ("timestamp", "sent_at", "audited_at")
    return sorted(records, key=lambda r: next(r[name] for name in times if name in r))


def campaign_size() -> tuple[int, int]:
    """Read how many worlds, and which, from the environment."""
    count = int(os.environ.get("ACSR_ORACLE_WORLDS", "1500"))
    return count, int(os.environ.get("ACSR_ORACLE_SEED", "1"))
