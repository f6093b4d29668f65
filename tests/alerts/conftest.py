"""The control charts as dbt compiles them."""

from __future__ import annotations

import pytest

from tests.alerts.charts import compiled_chart


@pytest.fixture(scope="session")
def sql(tmp_path_factory: pytest.TempPathFactory) -> str:
    return compiled_chart(tmp_path_factory.mktemp("charts"))
