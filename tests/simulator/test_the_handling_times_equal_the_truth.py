"""Handling time like with like, recomputed from the planned cases."""

from __future__ import annotations

import csv
import math
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration import project
from tests.simulator.comparing import Key, Month, Row, differences, query, told
from tests.support import dbt

# No cell of the month has thirty cases of people; with two, some are compared.
FEW = 2
USD_PER_HOUR = 45
KEY = (
    *("period_type", "period_start", "people_measure", "segment_type"),
    *("intent", "tier", "channel"),
)
CLOCKS = ("active", "elapsed", "business")
Times = dict[Key, list[float]]


@pytest.fixture(scope="module")
def loose(
    month: Month, warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The warehouse of the month, where few cases of people are enough."""
    home = tmp_path_factory.mktemp("loose")
    copy = home / warehouse.name
    shutil.copyfile(warehouse, copy)
    dbt(
        *(home, month.manifest["as_of"], "run", "--select", "handling_time_comparison"),
        *("--vars", f"{{min_cases: {FEW}, human_cost_usd_per_hour: {USD_PER_HOUR}}}"),
    )
    return copy


def desk_hours() -> dict[int, tuple[timedelta, timedelta]]:
    """The hours of the seed, which are by UTC."""
    hours = {}
    for row in seed("business_hours"):
        assert row["time_zone"] == "UTC"
        opens, closes = (clock(row[name]) for name in ("opens_at", "closes_at"))
        hours[int(row["weekday"])] = (opens, closes)
    return hours


def seed(name: str) -> list[dict[str, str]]:
    with (project.ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def open_seconds(begins: datetime, ends: datetime) -> float:
    """Opening seconds between two moments, day by day."""
    hours = desk_hours()
    closed = {row["holiday_date"] for row in seed("holidays")}
    total = timedelta()
    midnight = datetime.combine(begins.date(), datetime.min.time(), UTC)
    while midnight < ends:
        day = midnight.date()
        if day.isoweekday() in hours and day.isoformat() not in closed:
            opens, closes = hours[day.isoweekday()]
            spell = min(ends, midnight + closes) - max(begins, midnight + opens)
            total += max(spell, timedelta())
        midnight += timedelta(days=1)
    return total.total_seconds()


def times_of(row: Row) -> Iterator[tuple[str, float]]:
    """What a case is measured by: the agent's clock, or those of people."""
    if not row["is_eligible"]:
        return
    if row["is_resolved_autonomously"]:
        yield "agent", row["handling_seconds"]
    elif not row["is_involved"] and row["outcome"] == "resolved_by_human":
        stated = row["tallies"]["handle_seconds"]
        if stated is not None:
            yield "active", float(stated)
            return
        yield "elapsed", row["handling_seconds"]
        moments = (row["opened_at"], row["resolved_at"])
        yield "business", open_seconds(*map(datetime.fromisoformat, moments))


def planned_times(month: Month) -> dict[Key, dict[str, Times]]:
    """Seconds by period, measure and cell."""
    found: dict[Key, dict[str, Times]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    rows = [(row, list(times_of(row))) for row in month.rows("cases")]
    first = min(date.fromisoformat(row["opened_on"]) for row, times in rows if times)
    for row, times in rows:
        cell = tuple(row[name] or "unknown" for name in ("intent", "tier", "channel"))
        for measure, seconds in times:
            for period in (
                ("all", first.isoformat()),
                ("month", row["opened_on"][:7] + "-01"),
            ):
                found[period][measure][cell].append(seconds)
    return found


def planned_rows(month: Month, min_cases: int) -> Iterator[Row]:
    """Every row of the mart, without intervals."""
    for period, measures in planned_times(month).items():
        agent = measures["agent"]
        for measure in CLOCKS:
            people = measures[measure]
            cells = {
                cell: cell_row(agent.get(cell, []), people.get(cell, []), measure)
                for cell in agent.keys() | people.keys()
            }
            for cell, row in cells.items():
                is_known = "unknown" not in cell
                row["is_compared"] = bool(
                    is_known and row["agent_cases"] and row["people_cases"] >= min_cases
                )
            total = standardised(list(cells.values()))
            for cell, row in [*cells.items(), (("all",) * 3, total)]:
                kind = "all" if row is total else "cell"
                key = (*period, measure, kind, *cell)
                yield {**dict(zip(KEY, key, strict=True)), **finished(row, measure)}


def cell_row(agent: list[float], people: list[float], measure: str) -> Row:
    """A cell, whether it is compared or not."""
    row = {"agent_cases": len(agent), "people_cases": len(people)}
    for who, times in (("agent", agent), ("people", people)):
        row[f"{who}_mean_seconds"] = sum(times) / len(times) if times else None
        row[f"{who}_p50_seconds"] = quantile(times, 0.5)
        row[f"{who}_p90_seconds"] = quantile(times, 0.9)
    if agent and people:
        own = 0.0 if measure == "active" else row["agent_mean_seconds"]
        row["saved"] = row["people_mean_seconds"] - own
    return row


def standardised(cells: list[Row]) -> Row:
    """All cells: those compared, weighted by the agent's cases."""
    compared = [row for row in cells if row["is_compared"]]
    weight = sum(row["agent_cases"] for row in compared)
    total: Row = {
        "agent_cases": sum(row["agent_cases"] for row in cells),
        "people_cases": sum(row["people_cases"] for row in cells),
        "covered_people_cases": sum(row["people_cases"] for row in compared),
        "covered_agent_cases": weight,
        "is_compared": bool(compared),
    }
    for name in ("agent_mean_seconds", "people_mean_seconds", "saved"):
        parts = [row["agent_cases"] * row[name] for row in compared]
        total[name] = sum(parts) / weight if compared else None
    for who in ("agent", "people"):
        total |= {f"{who}_p50_seconds": None, f"{who}_p90_seconds": None}
    return total


def finished(row: Row, measure: str) -> Row:
    """The row as the mart has it."""
    is_compared = row["is_compared"]
    row.setdefault("covered_agent_cases", is_compared * row["agent_cases"])
    row.setdefault("covered_people_cases", is_compared * row["people_cases"])
    of_cell = row.pop("saved", None)
    saved = of_cell if is_compared else None
    covered, cases = row["covered_agent_cases"], row["agent_cases"]
    hours = None if saved is None else saved * covered / 3600
    is_money = hours is not None and measure == "active"
    return {
        **row,
        "coverage": covered / cases if cases else None,
        "seconds_saved_per_case": saved,
        "hours_saved": hours,
        "cost_saved_usd": hours * USD_PER_HOUR if is_money else None,
    }


def quantile(values: list[float], share: float) -> float | None:
    """A quantile that interpolates linearly between neighbours."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def test_handling_times_are_compared_as_planned(month: Month, loose: Path) -> None:
    planned = list(planned_rows(month, FEW))
    columns = ", ".join(planned[0])
    got = query(loose, f"select {columns} from marts.handling_time_comparison")
    found = differences(planned, got, KEY)
    assert not found, told(found, month)
    for measure in CLOCKS:
        [whole] = [
            row
            for row in planned
            if row["people_measure"] == measure
            and (row["period_type"], row["segment_type"]) == ("all", "all")
        ]
        assert 0 < whole["coverage"] < 1


def test_where_people_have_too_few_cases_nothing_is_claimed(
    month: Month, warehouse: Path
) -> None:
    """As the settings are: the month's people have no cell of thirty cases."""
    planned = [
        {**row, "cost_saved_usd": None} for row in planned_rows(month, min_cases=30)
    ]
    columns = ", ".join(planned[0])
    got = query(warehouse, f"select {columns} from marts.handling_time_comparison")
    found = differences(planned, got, KEY)
    assert not found, told(found, month)
    assert not any(row["is_compared"] for row in got)


def test_intervals_hold_what_was_saved(loose: Path) -> None:
    rows = query(
        loose,
        """
        select seconds_saved_per_case, seconds_saved_lower, seconds_saved_upper
        from marts.handling_time_comparison
        where seconds_saved_lower is not null
        """,
    )
    assert rows
    for row in rows:
        lower, upper = row["seconds_saved_lower"], row["seconds_saved_upper"]
        assert lower <= row["seconds_saved_per_case"] <= upper
