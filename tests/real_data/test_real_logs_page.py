"""The page of real logs says what the warehouse says."""

from __future__ import annotations

import duckdb

from tests.real_data.page import PAGE, page


def test_the_page_is_what_would_be_written(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(warehouse), "`make real-logs`"
