"""The dbt project as a whole: every unit test, on a warehouse where nothing landed."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.loading import FEEDS
from tests.support import build_warehouse


def test_every_rule_holds_and_every_feed_is_optional(tmp_path: Path) -> None:
    """All unit tests and all data tests, with no landing folder at all."""
    warehouse = build_warehouse(
        tmp_path / "nothing",
        "2026-01-31T12:00:00+00:00",
        tmp_path / "home",
        command=("build",),
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for feed in FEEDS:
            assert connection.table(f"raw.{feed}").count("*").fetchone() == (0,)
        marts = connection.execute(
            "select count(*) from information_schema.tables "
            "where table_schema = 'marts'"
        ).fetchone()
    assert marts != (0,)
