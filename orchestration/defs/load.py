"""One asset per feed, keyed to its dbt source, so that lineage starts at the files."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    MaterializeResult,
    asset,
)

from orchestration import engines, project, sample
from orchestration.defs.metadata import LOGGING
from orchestration.defs.resources import WAREHOUSE
from orchestration.engines import Warehouse
from orchestration.loading import (
    FEEDS,
    FeedReport,
    load_feed,
    read_settings,
    remembering,
)

SOURCE = "raw"
SHOWN_LINES = 20

# None of them blocks: the run goes on and the warning names what needs an eye.
_CHECKS = {
    "every_record_is_clean": "No record was rejected and no file was quarantined.",
    "duplicates_agree": "No record contradicted another one of the same identity.",
    "feed_is_fresh": "The dbt source's `warn_after` has not passed without a row.",
}


def key(feed: str) -> AssetKey:
    """The asset of a feed: the key that dagster-dbt gives the dbt source."""
    return AssetKey([SOURCE, feed])


def _asset(feed: str) -> AssetsDefinition:
    @asset(
        key=key(feed),
        group_name="feeds",
        kinds={project.engine()},
        owners=[LOGGING],
        pool=WAREHOUSE,
        description=f"Rows of the files below `{feed}/` in the landing root.",
        check_specs=[
            AssetCheckSpec(name, asset=key(feed), description=text)
            for name, text in _CHECKS.items()
        ],
    )
    def load(context: AssetExecutionContext) -> MaterializeResult:
        as_of = project.as_of()
        settings = read_settings(project.ROOT / "dbt_project.yml", project.home())
        with (
            engines.loading() as warehouse,
            remembering(project.landing(), project.file_hashes()) as landing,
        ):
            sample.refuse_a_mixture(warehouse)
            warehouse.mask(feed)
            report = load_feed(
                feed,
                landing=landing,
                warehouse=warehouse.store,
                settings=settings,
                load_id=f"load-{context.run_id[:13]}",
                now=max(as_of, datetime.now(UTC)),
                progress=context.log.info,
            )
            return MaterializeResult(
                metadata=_counts(report, warehouse),
                check_results=_judge(report, warehouse, as_of),
            )

    return load


def _counts(report: FeedReport, warehouse: Warehouse) -> dict[str, object]:
    rows = warehouse.value(f"select count(*) from {SOURCE}.{report.feed}")
    counts = {
        "files": len(report.new_files),
        "records": report.records,
        "loaded": report.loaded,
        "duplicates": report.duplicates,
        "replaced": report.replaced,
        "rejected": report.rejected,
        "suppressed": report.suppressed,
    }
    return {"dagster/row_count": rows, **counts}


def _judge(
    report: FeedReport, warehouse: Warehouse, as_of: datetime
) -> list[AssetCheckResult]:
    findings = (
        _unclean(report),
        _contradictions(report),
        _staleness(report, warehouse, as_of),
    )
    return [
        AssetCheckResult(
            check_name=name,
            asset_key=key(report.feed),
            passed=finding is None,
            severity=AssetCheckSeverity.WARN,
            description=finding,
        )
        for name, finding in zip(_CHECKS, findings, strict=True)
    ]


def _unclean(report: FeedReport) -> str | None:
    """What was turned away in this load, by reason and by file."""
    said = [f"{count:,} x {reason}" for reason, count in sorted(report.reasons.items())]
    said += [f"quarantined {file.path}: {file.problem}" for file in report.quarantined]
    said += [
        f"left for the next load {file.path}: {file.problem}" for file in report.skipped
    ]
    said += [
        f"{file.rejected:,} of {file.records:,} rejected in {file.path}"
        for file in report.files
        if file.rejected and file.status == "loaded"
    ]
    if len(said) > SHOWN_LINES:
        said[SHOWN_LINES:] = [f"... and {len(said) - SHOWN_LINES:,} more lines"]
    return "\n".join(said) or None


def _contradictions(report: FeedReport) -> str | None:
    if not report.replaced:
        return None
    return (
        f"{report.replaced:,} rows gave way to a record of the same identity and "
        "other content"
    )


def _staleness(report: FeedReport, warehouse: Warehouse, as_of: datetime) -> str | None:
    """What the freshness of the dbt source says about this feed, as of then."""
    source = _sources().get(report.feed, {})
    limit = (source.get("freshness") or {}).get("warn_after") or {}
    column = source.get("loaded_at_field")
    if not column or not limit.get("count"):
        return None
    newest = warehouse.value(f"select max({column}) from {SOURCE}.{report.feed}")
    if newest is None:
        return None  # every feed is optional
    age = as_of.replace(tzinfo=None) - newest
    if age <= limit["count"] * timedelta(**{f"{limit['period']}s": 1}):
        return None
    return (
        f"the newest row came {newest:%Y-%m-%d %H:%M} UTC, more than "
        f"{limit['count']} {limit['period']}s before {as_of:%Y-%m-%d %H:%M} UTC"
    )


@cache
def _sources() -> dict[str, dict]:
    """The dbt sources of the feeds, by table."""
    declared = json.loads(project.manifest().read_bytes())["sources"].values()
    return {it["name"]: it for it in declared if it["source_name"] == SOURCE}


feeds = [_asset(feed) for feed in FEEDS]
