from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import project, report

MONDAYS = "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"
RESOLUTION, HANDLING = "autonomous_resolution_rate", "aht_automated_seconds"


class Published:
    """A published file with made-up figures."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run("create schema marts")
        self.run(
            """
            create table marts.publications as select
                'p' as publication_id, false as is_made_up_sample,
                timestamp '2026-01-28 09:30:00' as as_of,
                timestamp '2026-01-28 09:15:00' as newest_event_at,
                timestamp '2026-01-28 09:31:00' as published_at
            """
        )
        self.run(
            """
            create table marts.kpi_trends (
                period_type varchar, period_start date, segment_type varchar,
                segment varchar, kpi varchar, numerator double, denominator double,
                effective_n double,
                value double, interval_lower double, interval_upper double,
                previous_value double, change double, target double, status varchar,
                is_too_small boolean, is_provisional boolean
            )
            """
        )
        self.run(
            """
            create table marts.feed_health (
                feed varchar, records bigint, rejected bigint, quarantined_files bigint
            )
            """
        )
        self.run(
            """
            create table marts.dim_kpis (
                kpi varchar, sort_order bigint, label varchar, unit varchar,
                direction varchar
            )
            """
        )
        self.run(
            "insert into marts.dim_kpis values (?, 1, ?, 'share', 'up')",
            *(RESOLUTION, "Autonomous resolution"),
        )
        self.run(
            "insert into marts.dim_kpis values (?, 2, ?, 'seconds', 'down')",
            *(HANDLING, "Handling time"),
        )

    def run(self, statement: str, *values: object) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(statement, values or None)

    def week(self, kpi: str, start: str, **changes: object) -> None:
        """One week of all cases; what is not said is a figure like any other."""
        row = {
            "period_type": "week",
            "period_start": start,
            "segment_type": "all",
            "kpi": kpi,
            "numerator": 120.0,
            "denominator": 900.0,
            "effective_n": 200.0,
            "value": 0.6,
            "interval_lower": 0.5308,
            "interval_upper": 0.6654,
            "change": -0.012,
            "target": 0.7,
            "status": "missed",
            "is_too_small": False,
            "is_provisional": False,
            **changes,
        }
        self.run(
            f"insert into marts.kpi_trends ({', '.join(row)}) "
            f"values ({', '.join('?' * len(row))})",
            *row.values(),
        )

    def line(self, label: str) -> str:
        """The report's line on a KPI, its blanks as one."""
        lines = [it for it in report.render(self.path).splitlines() if label in it]
        assert len(lines) == 1, lines
        return " ".join(lines[0].split())


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path / "it's current.duckdb")


def test_a_kpi_has_value_interval_target_status_trend_and_cases(
    published: Published,
) -> None:
    published.week(RESOLUTION, MONDAYS[2])

    assert published.line("Autonomous resolution") == (
        "Autonomous resolution 60.0% 53.1% to 66.5% >= 70.0% missed -1.2 pp 200"
    )
    text = report.render(published.path)
    week = "Week from Monday 2026-01-19 (the newest whose figures are final), all cases"
    assert week in text
    assert "KPIs as of 2026-01-28 09:30 UTC, newest record 2026-01-28 09:15 UTC" in text
    assert "provisional" not in text
    assert "too few" not in text


def test_a_week_that_is_over_goes_before_the_running_one(published: Published) -> None:
    published.week(RESOLUTION, MONDAYS[2], is_provisional=True)
    published.week(RESOLUTION, MONDAYS[3], value=0.1, is_provisional=True)
    published.week(RESOLUTION, MONDAYS[2], value=0.2, segment_type="intent")
    published.week(RESOLUTION, MONDAYS[2], value=0.3, period_type="day")

    assert " 60.0%~ " in published.line("Autonomous resolution")


def test_before_the_first_week_is_over_the_running_one_is_shown(
    published: Published,
) -> None:
    published.week(RESOLUTION, MONDAYS[3], value=0.1, is_provisional=True)

    assert " 10.0%~ " in published.line("Autonomous resolution")


def test_a_final_week_goes_before_a_provisional_one(published: Published) -> None:
    published.week(RESOLUTION, MONDAYS[1], value=0.5)
    published.week(RESOLUTION, MONDAYS[2], is_provisional=True)

    assert " 50.0% " in published.line("Autonomous resolution")


def test_without_a_final_week_the_provisional_one_is_marked(
    published: Published,
) -> None:
    published.week(RESOLUTION, MONDAYS[2], is_provisional=True, is_too_small=True)

    assert " 60.0%~! " in published.line("Autonomous resolution")
    text = report.render(published.path)
    assert "Week from Monday 2026-01-19, all cases" in text
    assert "~ provisional" in text
    assert "! too few cases" in text


def test_an_earlier_week_is_named(published: Published) -> None:
    published.week(RESOLUTION, MONDAYS[2])
    published.week(RESOLUTION, MONDAYS[1])
    published.week(
        HANDLING,
        MONDAYS[0],
        value=5400.0,
        change=60.0,
        **dict.fromkeys(("target", "interval_lower", "interval_upper")),
        status="no_target",
    )
    published.week(HANDLING, MONDAYS[2], value=None)

    assert published.line("Handling time") == (
        "Handling time *01-05 90.0 min - - - +60.0 s 200"
    )


def test_a_made_up_sample_says_so(published: Published) -> None:
    assert "MADE-UP" not in report.render(published.path)
    published.run("update marts.publications set is_made_up_sample = true")
    assert "MADE-UP SAMPLE" in report.render(published.path)


def test_a_rollback_says_so(published: Published) -> None:
    assert "ROLLED BACK" not in report.render(published.path)
    published.run(
        "alter table marts.publications add column rolled_back_to varchar default 'o'"
    )
    assert "ROLLED BACK to publication o" in report.render(published.path)


def test_rejected_records_are_named_by_feed(published: Published) -> None:
    published.run(
        "insert into marts.feed_health values "
        "('agent_events', 12000, 3, 1), ('ticket_events', 40, 0, 0), "
        "('tau2_runs', 0, 0, 0)"
    )
    text = report.render(published.path)
    assert "Records: agent_events 12,000, ticket_events 40" in text
    assert "agent_events: 3 rejected, 1 of them whole files" in text
    assert "which and why: raw.rejected_records in " in text
    assert "ticket_events: " not in text
    assert "tau2_runs" not in text


def test_it_says_where_to_look_next(published: Published) -> None:
    text = report.render(published.path)
    assert str(published.path) in text
    assert "make dev" in text
    assert "make docs" in text
    assert "There is no KPI yet" in text


def test_without_a_publication_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        project.ProjectError, match=r"nothing is published yet.*make run"
    ):
        report.render(tmp_path / "current.duckdb")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.6, "share", "60.0%"),
        (0.9987, "share", "99.87%"),
        (1.0, "share", "100.0%"),
        (0.0, "share", "0.0%"),
        (72.65, "seconds", "72.7 s"),
        (600.0, "seconds", "10.0 min"),
        (710388.0, "seconds", "197.3 h"),
        (0.01234, "usd", "$0.0123"),
        (1234.5, "usd", "$1,234.50"),
        (5.678, "score_1_to_7", "5.68"),
        (12345.6, "tokens", "12,346"),
        (None, "share", "-"),
    ],
)
def test_an_amount_is_read_in_its_unit(
    value: float | None, unit: str, text: str
) -> None:
    assert report.amount(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.031, "share", "+3.1 pp"),
        (-0.031, "share", "-3.1 pp"),
        (-0.0004, "share", "+0.0 pp"),
        (-90.0, "seconds", "-90.0 s"),
        (None, "share", "-"),
    ],
)
def test_a_change_is_signed_and_in_points(
    value: float | None, unit: str, text: str
) -> None:
    assert report.change(value, unit) == text


def test_every_unit_of_the_catalog_is_known() -> None:
    with (project.ROOT / "seeds" / "kpi_catalog.csv").open(newline="") as handle:
        units = {entry["unit"] for entry in csv.DictReader(handle)}
    assert units == {"share", "seconds", "usd", "score_1_to_7", "tokens"}


def test_the_newest_publication_speaks(published: Published) -> None:
    published.run(
        "insert into marts.publications values (?, ?, ?, ?, ?)",
        *("q", False, *[datetime(2026, 1, 29)] * 3),
    )
    assert "KPIs as of 2026-01-29 00:00 UTC" in report.render(published.path)
