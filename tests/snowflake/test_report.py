"""The report on Snowflake says what it says on DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration import project, report
from tests.snowflake.account import set_up
from tests.snowflake.support import Server

DATABASE = "REPORTING_ON"
STATEMENTS = (
    """
    create table marts.publications as select
        'p' as publication_id, true as is_made_up_sample,
        cast('2026-01-28 09:30:00' as timestamp) as as_of,
        cast('2026-01-28 09:15:00' as timestamp) as newest_event_at,
        cast('2026-01-28 09:31:00' as timestamp) as published_at
    """,
    """
    create table marts.dim_kpis (
        kpi varchar, sort_order bigint, label varchar, unit varchar, direction varchar
    )
    """,
    """
    insert into marts.dim_kpis values
        ('a', 1, 'Autonomous resolution', 'share', 'up'),
        ('b', 2, 'Handling time', 'seconds', 'down')
    """,
    """
    create table marts.kpi_trends (
        period_type varchar, period_start date, segment_type varchar, kpi varchar,
        effective_n double, value double, interval_lower double,
        interval_upper double, change double, target double, status varchar,
        is_too_small boolean, is_provisional boolean
    )
    """,
    """
    insert into marts.kpi_trends values
        ('week', '2026-01-12', 'all', 'a', 200, 0.5, 0.4, 0.6, 0.1, 0.7, 'missed',
            false, true),
        ('week', '2026-01-19', 'all', 'a', 210, 0.6, 0.5308, 0.6654, 0.1, 0.7,
            'missed', false, true),
        ('week', '2026-01-26', 'all', 'a', 9, 0.1, 0.0, 0.2, null, 0.7, 'missed',
            true, true),
        ('week', '2026-01-05', 'all', 'b', 80, 5400, null, null, 60, null,
            'no_target', false, false),
        ('day', '2026-01-20', 'all', 'b', 80, 1, null, null, 60, null, 'no_target',
            false, false)
    """,
    """
    create table marts.feed_health (
        feed varchar, records bigint, rejected bigint, quarantined_files bigint
    )
    """,
    """
    insert into marts.feed_health values
        ('agent_events', 12000, 3, 1), ('ticket_events', 40, 0, 0)
    """,
)


@pytest.fixture
def account(
    snowflake_server: Server, setup_script: str, monkeypatch: pytest.MonkeyPatch
) -> Server:
    """An account that is set up, and an environment that leads there."""
    set_up(snowflake_server, setup_script, DATABASE)
    for name, value in snowflake_server.environment(DATABASE).items():
        monkeypatch.setenv(name, value)
    return snowflake_server


def test_the_same_tables_give_the_same_report(account: Server, tmp_path: Path) -> None:
    with pytest.raises(project.ProjectError, match="nothing is published yet at REPO"):
        report.render()

    account.run(f"use database {DATABASE}_PUBLISHED", *STATEMENTS)
    current = tmp_path / "current.duckdb"
    with duckdb.connect(str(current)) as connection:
        connection.execute("create schema marts")
        for statement in STATEMENTS:
            connection.execute(statement)

    shown = report.render()
    assert f"REPORTER: {DATABASE}_PUBLISHED.MARTS" in shown
    assert "  60.0%~  " in shown
    assert shown == report.render(current).replace(
        str(current), f"{DATABASE}_PUBLISHED.MARTS on Snowflake"
    )
