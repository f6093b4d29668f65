"""One definition feeds all: catalogue, metrics and trends say the same."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from tests.semantic import CUTS, Metrics, SqlEngine, figures, trends_sql


@pytest.fixture(scope="module")
def metrics(warehouse: Path) -> Metrics:
    manifest = warehouse.parent / "target" / "semantic_manifest.json"
    return Metrics(manifest, SqlEngine.DUCKDB)


def test_every_kpi_of_the_catalogue_is_a_metric_and_no_other(metrics: Metrics) -> None:
    with (project.ROOT / "seeds" / "kpi_catalog.csv").open(encoding="utf-8") as lines:
        catalog = {row["kpi"]: row["label"] for row in csv.DictReader(lines)}
    assert metrics.labels == catalog


@pytest.mark.parametrize(("period_type", "segment_type"), CUTS)
def test_every_metric_equals_its_trend_to_the_last_digit(
    warehouse: Path, metrics: Metrics, period_type: str, segment_type: str
) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(metrics.sql(metrics.kpis, period_type, segment_type))
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        trends = connection.execute(trends_sql(period_type, segment_type)).fetchall()
    stored = {
        (period.isoformat(), segment, kpi): value
        for period, segment, kpi, value in trends
        if value is not None
    }
    assert stored
    assert figures(rows, segment_type) == stored
