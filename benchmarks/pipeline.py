"""The pipeline, as `make refresh` runs it, and where its time goes."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.measure import Progress, Run, disk_bytes, run
from orchestration import project

REFRESH = (sys.executable, "-m", "orchestration", "refresh")
SHOWN_NODES = 15


@dataclass(frozen=True)
class Place:
    """Folders of one pipeline; `target` may be shared, so that dbt parses once."""

    landing: Path
    home: Path
    target: Path
    logs: Path

    @property
    def warehouse(self) -> Path:
        """Its DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.home / "published" / "current.duckdb"

    def environment(self, as_of: datetime) -> dict[str, str]:
        """What the refresh must find in its environment."""
        return {
            "ACSR_LANDING": str(self.landing),
            "ACSR_HOME": str(self.home),
            "ACSR_AS_OF": as_of.astimezone(UTC).isoformat(),
            "DBT_TARGET": "duckdb",
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.logs),
            "PYTHONDONTWRITEBYTECODE": "",
        }


@dataclass(frozen=True)
class Refresh:
    """A measured refresh.

    Attributes:
        run: time and memory.
        phases: seconds by phase, in order; they add up to the run's.
        kinds: seconds that dbt spent on models, tests, seeds, and their number; two
            threads work, so that these add up to more than the phase.
        nodes: the slowest nodes of dbt and their seconds.
        records: records of the files that this refresh loaded.
        disk: bytes of the home folder afterwards.
    """

    run: Run
    phases: dict[str, float]
    kinds: dict[str, tuple[float, int]]
    nodes: list[tuple[str, float]]
    records: int
    disk: int = field(default=0)


def refresh(name: str, place: Place, as_of: datetime, progress: Progress) -> Refresh:
    """Runs one refresh as of a moment; raises if it does not publish."""
    place.landing.mkdir(parents=True, exist_ok=True)
    took = run(
        name,
        REFRESH,
        place.logs / f"{name.replace(' ', '_')}.log",
        progress,
        place.environment(as_of),
        project.ROOT,
    )
    results = json.loads(_newest_results(place.target).read_bytes())
    files = _files(place.warehouse, took.began_at)
    kinds = _kinds(results)
    return Refresh(
        run=took,
        phases=_phases(took, results, files, kinds),
        kinds=kinds,
        nodes=_slowest(results),
        records=sum(records for *_, records in files),
        disk=disk_bytes(place.home),
    )


def _newest_results(target: Path) -> Path:
    """What dbt wrote at the end of its last build."""
    return max(target.rglob("run_results.json"), key=lambda path: path.stat().st_mtime)


def _files(warehouse: Path, since: datetime) -> list[tuple[datetime, datetime, int]]:
    """Start, end and records of each file loaded since then."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            "select started_at, finished_at, records from raw.load_history "
            "where started_at >= $since",
            {"since": since.replace(tzinfo=None)},
        ).fetchall()


def _phases(
    took: Run,
    results: dict,
    files: list[tuple[datetime, datetime, int]],
    kinds: dict[str, tuple[float, int]],
) -> dict[str, float]:
    """Seconds of each phase: start-up, load, dbt's start-up, nodes, publication."""
    built_at = _moment(results["metadata"]["generated_at"])
    nodes = results["elapsed_time"]
    starts = [started for started, *_ in files]
    ends = [finished for _, finished, _ in files]
    began = took.began_at.replace(tzinfo=None)
    load_began = min(starts, default=began)
    load_ended = max(ends, default=load_began)
    build = (built_at - load_ended).total_seconds()
    tests = kinds.get("test", (0.0, 0))[0]
    share = tests / (sum(seconds for seconds, _ in kinds.values()) or 1)
    return {
        "start-up": (load_began - began).total_seconds(),
        "load": (load_ended - load_began).total_seconds(),
        "dbt start-up": build - nodes,
        "models": nodes * (1 - share),
        "tests": nodes * share,
        "publication, end": (
            took.ended_at.replace(tzinfo=None) - built_at
        ).total_seconds(),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _kinds(results: dict) -> dict[str, tuple[float, int]]:
    seconds: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for result in results["results"]:
        kind = result["unique_id"].split(".")[0]
        seconds[kind] += result["execution_time"]
        number[kind] += 1
    return {kind: (seconds[kind], number[kind]) for kind in sorted(seconds)}


def _slowest(results: dict) -> list[tuple[str, float]]:
    by_node = {
        ".".join(result["unique_id"].split(".")[::2][:2]): result["execution_time"]
        for result in results["results"]
    }
    return sorted(by_node.items(), key=lambda item: -item[1])[:SHOWN_NODES]
