"""KPIs as the semantic layer asks for them: the SQL that `mf query` would send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.sql.render.snowflake import SnowflakeSqlPlanRenderer
from metricflow.sql.render.sql_plan_renderer import SqlPlanRenderer
from metricflow_semantic_interfaces.implementations.semantic_manifest import (
    PydanticSemanticManifest,
)
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

CELL = "kpi_cell"
RENDERERS: dict[SqlEngine, SqlPlanRenderer] = {
    SqlEngine.DUCKDB: DuckDbSqlPlanRenderer(),
    SqlEngine.SNOWFLAKE: SnowflakeSqlPlanRenderer(),
}
# Each period and each way to cut the figures at least once.
CUTS = (
    ("day", "all"),
    ("day", "agent_version"),
    ("week", "intent"),
    ("week", "channel"),
    ("month", "tier"),
)


@dataclass(frozen=True)
class _Dialect:
    """All that MetricFlow asks of a database before it sends anything."""

    sql_engine_type: SqlEngine

    @property
    def sql_plan_renderer(self) -> SqlPlanRenderer:
        return RENDERERS[self.sql_engine_type]


@dataclass(frozen=True)
class Metrics:
    """The metrics of a project, read from dbt's `semantic_manifest.json`."""

    manifest: Path
    engine: SqlEngine

    @cached_property
    def _semantics(self) -> PydanticSemanticManifest:
        return parse_manifest_from_dbt_generated_manifest(
            manifest_json_string=self.manifest.read_text(encoding="utf-8")
        )

    @cached_property
    def _flow(self) -> MetricFlowEngine:
        return MetricFlowEngine(
            semantic_manifest_lookup=SemanticManifestLookup(self._semantics),
            sql_client=_Dialect(self.engine),
        )

    @property
    def labels(self) -> dict[str, str | None]:
        """What the metrics that stand for a KPI are called: those that divide."""
        return {
            one.name: one.label
            for one in self._semantics.metrics
            if one.type.value == "ratio"
        }

    @property
    def kpis(self) -> list[str]:
        """Their names, in the order of the project."""
        return list(self.labels)

    def sql(self, metrics: Sequence[str], period_type: str, segment_type: str) -> str:
        """The query for metrics by period and, unless it is `all`, by segment."""
        cuts = [f"metric_time__{period_type}"]
        if segment_type != "all":
            cuts.append(f"{CELL}__{segment_type}")
        asked = MetricFlowQueryRequest.create(
            metric_names=list(metrics), group_by_names=cuts
        )
        return self._flow.explain(asked).sql_statement.sql


def trends_sql(period_type: str, segment_type: str) -> str:
    """The values of the trends under one cut: period, segment, KPI, value."""
    return f"""
        select period_start, segment, kpi, value
        from marts.kpi_trends
        where period_type = '{period_type}' and segment_type = '{segment_type}'
    """


Figures = dict[tuple[str, str, str], float]


def figures(rows: Sequence[dict[str, Any]], segment_type: str) -> Figures:
    """Values by first day of the period, segment and KPI; those unknown left out."""
    keys = ("metric_time", CELL)
    found: Figures = {}
    for row in rows:
        cut = {name: value for name, value in row.items() if name.startswith(keys)}
        period = next(cut[name] for name in cut if name.startswith("metric_time"))
        segment = cut.get(f"{CELL}__{segment_type}", "all")
        for name, value in row.items():
            if name not in cut and value is not None:
                found[str(period)[:10], segment, name] = float(value)
    return found
