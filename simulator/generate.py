"""Acts out as many cases as are asked for, and writes feeds and truth."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulator.clock import DAY, HOUR, SECOND, midnight, zulu
from simulator.evidence import gather
from simulator.faults import add_faulty_lines, add_odd_files
from simulator.landing import FEEDS, Landing
from simulator.plot import CasePlan, Period, Plot, rows_in_order
from simulator.scenarios import EDGES, Scenario, load
from simulator.traffic import Calendar, draw_intent, usual_scenario
from simulator.truth import (
    KpiTotals,
    Row,
    case_row,
    escalation_row,
    kpi_sums,
    moment,
    session_row,
    write_rows,
)

MADE_UP = (
    "Everything in this folder is made up by the simulator: no real customers, "
    "agents, orders or companies. It is the truth from which the landing files "
    "were acted out, planned by hand in simulator/scenarios, as of the end of "
    "the simulated period.\n"
)
# A small run gives more of its cases to the edge scenarios, so that each has a
# turn; a large one keeps them rare.
EDGE_SHARE = 0.08
EDGE_SHARE_MOST = 0.25
EDGE_ROUNDS = 2.3
TRIES = 60
CASE = ("case_id", "opened_at")  # what tells a case; a test may share a ticket


class SimulatorError(Exception):
    """Something about the call that its author can mend."""


@dataclass(frozen=True)
class Settings:
    """What to simulate, and where to write it."""

    days: int
    cases_per_day: int
    seed: int
    until: date
    out: Path
    truth: Path
    faults: bool = False

    @property
    def period(self) -> Period:
        """The simulated time."""
        first = self.until - timedelta(days=self.days)
        return Period(midnight(first), midnight(self.until))


def check(settings: Settings) -> None:
    """Refuse what would mix or spoil folders."""
    if settings.days < 1 or settings.cases_per_day < 1:
        raise SimulatorError("--days and --cases-per-day must be 1 or more")
    out, truth = settings.out.resolve(), settings.truth.resolve()
    if truth == out or out in truth.parents:
        raise SimulatorError(
            f"--truth {truth} lies in the landing folder {out}: the truth must stay "
            "apart from what the loader reads; choose a folder beside it"
        )
    for feed in FEEDS:
        if (out / feed).exists() and any((out / feed).iterdir()):
            raise SimulatorError(
                f"{out / feed} is not empty: remove it or choose another --out, so "
                "that the landing folder and its truth stay one run"
            )


def simulate(settings: Settings) -> dict[str, Any]:
    """Write the feeds and their truth; the manifest tells what was written."""
    check(settings)
    load()
    landing = Landing(settings.period.until)
    ledger = Ledger(settings.period.until)
    for scenario, plot in plots(settings):
        ledger.record(scenario, plot)
        landing.deliver(plot)
    if settings.faults:
        add_faulty_lines(landing, settings.period)
    _progress("writing the landing files")
    landing.write(settings.out)
    if settings.faults:
        add_odd_files(landing, settings.period, settings.out)
    _progress("writing the truth")
    return ledger.write(settings, landing)


def _progress(message: str) -> None:
    print(f"simulator: {message}", file=sys.stderr, flush=True)


def plots(settings: Settings) -> Iterator[tuple[Scenario, Plot]]:
    """Act out plots until there are enough cases and every edge had its turn."""
    period = settings.period
    calendar = Calendar(period)
    edges = _fitting_edges(settings.days)
    wanted = settings.days * settings.cases_per_day
    share = max(EDGE_SHARE, min(EDGE_SHARE_MOST, EDGE_ROUNDS * len(edges) / wanted))
    cases = turns = number = 0
    while cases < wanted or turns < len(edges):
        number += 1
        is_edge = turns < share * number or cases >= wanted
        edge = edges[turns % len(edges)] if is_edge and edges else None
        turns += edge is not None
        acted = _act_out(settings, calendar, number, edge)
        if acted is not None:
            cases += len(acted[1].cases)
            yield acted
        if number % 5_000 == 0:
            _progress(f"{cases:,} of {wanted:,} cases")


def _fitting_edges(days: int) -> list[Scenario]:
    """The edge scenarios that the period is long enough for."""
    return [edge for edge in EDGES.values() if edge.days <= days]


def _act_out(
    settings: Settings, calendar: Calendar, number: int, edge: Scenario | None
) -> tuple[Scenario, Plot] | None:
    """One plot that ends before the period does; other times are tried."""
    period = settings.period
    for attempt in range(TRIES):
        rng = random.Random(f"{settings.seed}/{number}/{attempt}")
        start = _start(edge, period, calendar, rng)
        if start is None:
            continue
        intent = draw_intent(edge.about if edge else "any", start, period, rng)
        scenario = edge or usual_scenario(intent, start, period, rng)
        plot = Plot(number, intent, start, period, rng)
        scenario.act(plot)
        gather(plot)
        if plot.latest < period.until:
            return scenario, plot
    return None


def _start(
    edge: Scenario | None, period: Period, calendar: Calendar, rng: random.Random
) -> int | None:
    if edge and edge.near_end:
        return period.until - rng.randint(2 * 3_600, 20 * 3_600) * SECOND
    if edge and edge.days * DAY > (period.until - period.start) / 2:
        room = period.until - period.start - int(edge.days * DAY) + HOUR
        return period.start + rng.randrange(room // SECOND) * SECOND
    start = calendar.draw(rng)
    is_late = edge and start + edge.days * DAY > period.until
    return None if is_late else start


class Ledger:
    """Collects the truth of all plots."""

    def __init__(self, as_of: int) -> None:
        self.as_of = as_of
        self.cases: list[Row] = []
        self.sessions: list[Row] = []
        self.escalations: list[Row] = []
        self.surveys: list[Row] = []
        self.audits: list[Row] = []
        self.checks: list[Row] = []
        self.actions: list[Row] = []
        self.kpis = KpiTotals()
        self.scenarios: Counter[str] = Counter()

    def record(self, scenario: Scenario, plot: Plot) -> None:
        """Take down what a plot must become."""
        self.scenarios[scenario.name] += 1
        for case in plot.cases:
            row = case_row(case, self.as_of)
            self.cases.append({"scenario": scenario.name, **row, **_sums(case, row)})
            self.kpis.add(case, row)
            self._record_parts(case, row["case_id"])
            self._record_acts(case, {name: row[name] for name in CASE})

    def _record_parts(self, case: CasePlan, case_id: str) -> None:
        for session in rows_in_order(case.sessions):
            self.sessions.append(session_row(session, case_id))
        for row in case.escalations:
            self.escalations.append(escalation_row(row, case, case_id))
        for survey in case.surveys:
            times = {
                "sent_at": moment(survey["sent_at"]),
                "responded_at": moment(survey["responded_at"]),
            }
            self.surveys.append({"case_id": case_id, **survey, **times})
        for audit in case.audits:
            times = {"audited_at": moment(audit["audited_at"])}
            self.audits.append({"case_id": case_id, **audit, **times})

    def _record_acts(self, case: CasePlan, names: Row) -> None:
        for rows, acts in ((self.checks, case.checks), (self.actions, case.actions)):
            for act in acts:
                rows.append({**names, **act, "at": moment(act["at"])})

    def write(self, settings: Settings, landing: Landing) -> dict[str, Any]:
        """Write every file of the truth."""
        folder = settings.truth
        counts = landing.counts
        tables: dict[str, list[Row]] = {
            "cases": sorted(self.cases, key=_by("opened_at", "case_id")),
            "sessions": sorted(self.sessions, key=_by("source_system", "session_id")),
            "escalations": sorted(self.escalations, key=_by("escalated_at", "case_id")),
            "surveys": sorted(self.surveys, key=_by("response_id")),
            "audits": sorted(self.audits, key=_by("audit_id")),
            "checks": sorted(self.checks, key=_by("event_id")),
            "actions": sorted(self.actions, key=_by("event_id")),
            "kpi_totals": list(self.kpis.total_rows()),
            "kpi_cells": list(self.kpis.cell_rows()),
            "loads": [counts[feed].as_row(feed) for feed in FEEDS],
            "rejects": sorted(landing.rejects, key=_by("path", "reason")),
        }
        for name, rows in tables.items():
            write_rows(folder / f"{name}.jsonl", rows)
        (folder / "README.txt").write_text(MADE_UP, encoding="utf-8")
        manifest = self._manifest(settings, {k: len(v) for k, v in tables.items()})
        text = json.dumps(manifest, indent=2) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        return manifest

    def _manifest(self, settings: Settings, rows: dict[str, int]) -> dict[str, Any]:
        period = settings.period
        missing = set(EDGES) - set(self.scenarios)
        return {
            "made_up": MADE_UP.strip(),
            "as_of": zulu(self.as_of),
            "period_start": zulu(period.start),
            "period_end": zulu(period.until),
            "release_at": zulu(period.release_at),
            "shift_at": zulu(period.shift_at),
            "outage_at": zulu(period.outage_at),
            "days": settings.days,
            "cases_per_day": settings.cases_per_day,
            "seed": settings.seed,
            "faults": settings.faults,
            "rows": rows,
            "scenarios": dict(sorted(self.scenarios.items())),
            "scenarios_left_out": sorted(missing),
        }


def _sums(case: CasePlan, row: Row) -> Row:
    """What the case adds to the KPIs, for whoever looks for a difference."""
    sums = kpi_sums(case, row)
    return {"tallies": asdict(case.tallies), "counted_in": sorted(sums)}


def _by(*names: str) -> Callable[[Row], tuple[str, ...]]:
    return lambda row: tuple(str(row[name]) for name in names)
