"""`make trace OF=…`: where a record went, from its line to the KPIs.

It is named by its id, or by file and line. What is not in the raw tables was rejected,
superseded, a duplicate or left out; then the line itself is read again where it still
lies, to say which record has its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from orchestration import engines, project, rejects
from orchestration.loading import FEEDS, open_landing, read_settings
from orchestration.loading.containers import unpacked
from orchestration.loading.files import unchanged_blocks
from orchestration.loading.lines import split_lines
from orchestration.loading.secrets import mask_id
from orchestration.loading.suppression import CUSTOMER, Node, Suppression

QUERIES = Path(__file__).parent / "queries"
ID_FIELDS = ("event_id", "response_id", "audit_id")
SEGMENT = ("intent", "tier", "channel", "agent_name", "agent_version")


def trace(of: str) -> str:
    """Everything that is known of a record, as text.

    `of` is the id of a record, or `<file>:<line>` with the file as the history has it.
    Raises ProjectError where nothing is known of it.
    """
    if not of.strip():
        raise project.ProjectError(
            "of what? make trace OF=<id of a record>, or OF=<file>:<line>"
        )
    path, number = _place(of)
    with engines.building() as ask:
        tracer = _Tracer(ask)
        records = tracer.ask("trace_records", of, path, number)
        refused = tracer.ask("trace_rejects", path, number, f'"{of}"', path, number)
        lines = [*tracer.records(records), *tracer.rejects(refused)]
        if not lines or (not records and number is not None):
            lines += tracer.superseded(path, number)
    if not lines:
        raise project.ProjectError(
            f"nothing is known of {of}: no raw table, rejected record or loaded file "
            "has it; has it landed (`make refresh`), and is it written as in the log?"
        )
    return "\n".join(lines)


def _place(of: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+):([0-9]{1,12})", of, re.DOTALL)
    return (match[1], int(match[2])) if match else (of, None)


class _Tracer:
    """Asks one step after the other, and tells it."""

    def __init__(self, ask: engines.Ask) -> None:
        self._ask = ask
        self._told: set[str] = set()

    def ask(self, name: str, *values: object) -> list[engines.Row]:
        """Rows of one of this project's queries."""
        query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
        return self._ask(query, *values)

    def records(self, rows: Iterable[engines.Row]) -> Iterator[str]:
        """Rows of the raw tables, each followed to the KPIs."""
        for row in rows:
            said = "" if row["version"] in (None, 0) else f", version {row['version']}"
            yield (
                f"raw.{row['feed']}: {row['record_id']} ({row['kind']}{said}) at "
                f"{row['occurred_at']} UTC, from {row['file_path']}:"
                f"{row['line_number']}, loaded by {row['load_id']}"
            )
            yield from self._cases(row)
            yield from self._facts(row)

    def _cases(self, row: engines.Row) -> Iterator[str]:
        session, ticket = row["session_id"], row["ticket_id"]
        cases = self.ask("trace_cases", row["source_system"], session, ticket, ticket)
        if not cases:
            yield "  no case: not built yet, or what it names is not known"
        keys = dict.fromkeys(case["case_key"] for case in cases)
        for key in keys:
            own = [case for case in cases if case["case_key"] == key]
            for case in own:
                if case["session_id"] is not None:
                    rule = case["link_rule"] or "first of its case"
                    yield f"  session {case['session_id']}: {rule}"
            case = own[0]
            blocker = f", {case['first_blocker']}" if case["first_blocker"] else ""
            yield (
                f"  case {case['case_id']} ({key}), opened on {case['opened_on']}: "
                f"{case['outcome']}{blocker}"
            )
            if key not in self._told:
                self._told.add(key)
                yield from self._kpis(key, case)

    def _facts(self, row: engines.Row) -> Iterator[str]:
        for fact in self.ask("trace_facts", row["file_path"], row["line_number"]):
            yield f"  {fact['fact']}: {fact['fact_key']}"

    def _kpis(self, key: str, case: engines.Row) -> Iterator[str]:
        measured = self.ask("trace_kpis", key)
        if not measured:
            why = "" if case["is_eligible"] else ": test traffic, or not production"
            yield f"  counts in no KPI{why}"
        for row in measured:
            segment = ", ".join(f"{it} {row[it] or 'unknown'}" for it in SEGMENT)
            yield f"  counts in kpi_daily on {row['opened_on']} ({segment}):"
            for name, counted in row.items():
                kpi, mark, side = name.rpartition("__")
                if mark and side == "d" and counted:
                    share = row[f"{kpi}__n"]
                    yield f"    {kpi}: {_figure(share)} of {_figure(counted)}"

    def rejects(self, rows: Iterable[engines.Row]) -> Iterator[str]:
        """Rejected records, each with what became of it."""
        for row in rows:
            detail = f" ({row['detail']})" if row["detail"] else ""
            yield (
                f"raw.rejected_records: {row['path']}:{row['line_number']} is "
                f"{row['reason']}{detail}, read by {row['load_id']}"
            )
            if row["outcome"] is None:
                yield "  not mended yet: `make rejects`, docs/operations.md"
            else:
                yield f"  {rejects.told(row)}, by load {row['outcome_load_id']}"

    def superseded(self, path: str, number: int | None) -> Iterator[str]:
        """What has the place of a line that was loaded and is in no table."""
        files = self.ask("trace_files", path)
        if number is None or not files:
            return
        feed = files[0]["feed"]
        yield (
            f"{path} was loaded by {files[0]['load_id']}, and no row is of line "
            f"{number}: a duplicate, superseded, blank, or left out"
        )
        line = _line(feed, path, number)
        if line is None:
            yield "  the file is not there any more, or has no such line"
            return
        yield from self._instead(line)

    def _instead(self, line: bytes) -> Iterator[str]:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            yield "  the line is no JSON object now"
            return
        settings = read_settings(project.ROOT / "dbt_project.yml", project.home())
        if _is_suppressed(record, settings.suppressed):
            yield "  left out: its customer asked to be forgotten"
            return
        name = next((it for it in ID_FIELDS if it in record), None)
        if name is None:
            yield "  the line has no id"
            return
        known = mask_id(str(record[name]), settings.hash_key)
        others = self.ask("trace_records", known, "", None)
        if not others:
            yield f"  no record has its {name} {known}"
        for other in others:
            yield f"  the record that has its place is {known}:"
            yield from (f"  {told}" for told in self.records([other]))


def _is_suppressed(record: dict[str, object], hashes: frozenset[str]) -> bool:
    settings = read_settings(project.ROOT / "dbt_project.yml", project.home())
    known = Suppression(settings, set(hashes))
    customer = mask_id(str(record.get("customer_id") or ""), settings.hash_key)
    return known.has(Node(CUSTOMER, "", customer))


def _line(feed: str, path: str, number: int) -> bytes | None:
    """A line of a landed file of JSON lines, if it is still there."""
    if FEEDS[feed].reader != "json_lines":
        return None
    landing = open_landing(project.landing())
    for listed in landing.walk(feed):
        if listed.name == path:
            with landing.fetched(listed) as file:
                lines = split_lines(unpacked(unchanged_blocks(file), file.name))
                return next((line for at, line in lines if at == number), None)
    return None


def _figure(value: object) -> str:
    return json.dumps(float(value)).removesuffix(".0") if value is not None else "-"
