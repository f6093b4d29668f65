"""What is run, in which order, and what is noted of it."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import floor, loading, trends
from benchmarks.load import Load, Plan, make
from benchmarks.measure import disk_bytes, run
from benchmarks.pipeline import Place, Refresh, refresh
from orchestration import project

HISTORY = 100  # batches of a quarter of an hour before the batch that is timed
PARTS = ("full", "loading", "batches", "trends")
DISK_FACTOR = 4  # of the load's size: the load, two warehouses, what dbt spills
BYTES_PER_EVENT = 480  # an agent event with its share of the other feeds

Results = dict[str, Any]


class BenchmarkError(Exception):
    """The benchmark cannot run, or the pipeline and the floor do not agree."""


@dataclass
class Bench:
    """One run of the benchmark in a folder of its own.

    Attributes:
        work: takes the load, the homes and the logs.
        events: agent events of a day.
        repeats: batches timed in a row on each history.
        parts: which of `PARTS` to run.
    """

    work: Path
    events: int
    repeats: int
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.built: set[str] = set()  # places that this run has refreshed

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"[{time.monotonic() - self.began:7.1f} s] {text}", flush=True)

    def run(self) -> Results:
        """Everything, in one go."""
        self.work.mkdir(parents=True, exist_ok=True)
        self._require_disk()
        load, results = self._make_load()
        main = self._place("main")
        if "full" in self.parts:
            results["full"] = self._full(load, main)
        if "loading" in self.parts:
            results["loading"] = self._loading(load, main)
        if "batches" in self.parts:
            results["batches"] = self._batches(load, main)
        if "trends" in self.parts:
            results["trends"] = self._trends(load, main)
        return results

    def _require_disk(self) -> None:
        free = shutil.disk_usage(self.work).free
        wanted = DISK_FACTOR * BYTES_PER_EVENT * self.events
        if free < wanted:
            raise BenchmarkError(
                f"{self.work} has {free / 1e9:.1f} GB free, about {wanted / 1e9:.1f} "
                "are needed: name another folder with --work, or fewer --events"
            )

    def _make_load(self) -> tuple[Load, Results]:
        began = time.monotonic()
        plan = Plan(self.events, HISTORY + self.repeats)
        load = make(self.work / "load", plan, self.say)
        records = {feed: load.count(feed, 0, HISTORY) for feed in load.records}
        self.say(f"load: {sum(records.values()):,} records for the full run")
        return load, {
            "machine": _machine(),
            "load": {
                "records": records,
                "bytes": load.bytes(0, HISTORY),
                "files": HISTORY,
                "events_per_batch": plan.events_per_file,
                "copies": plan.copies,
                "seconds": time.monotonic() - began,
            },
        }

    def _place(self, name: str) -> Place:
        """Folders of a pipeline; all share what dbt has parsed."""
        return Place(
            landing=self.work / name / "landing",
            home=self.work / name / "home",
            target=self.work / "target",
            logs=self.work / "logs",
        )

    def _fresh(self, name: str) -> Place:
        shutil.rmtree(self.work / name, ignore_errors=True)
        return self._place(name)

    def _full(self, load: Load, main: Place) -> Results:
        """Floor and pipeline, one after the other, on the whole load."""
        main = self._fresh("main")
        load.land(main.landing, 0, HISTORY)
        self._parse_once(load)
        by_hand = self._floor(load, main)
        built = refresh("full refresh", main, self._as_of(load, HISTORY), self.say)
        self.built.add("main")
        records = sum(load.count(feed, 0, HISTORY) for feed in load.records)
        if built.records != records:
            raise BenchmarkError(
                f"the pipeline read {built.records:,} of {records:,} records"
            )
        different = floor.differences(self._floor_database(), main.published)
        if different:
            raise BenchmarkError(
                "the floor and the pipeline differ:\n  " + "\n  ".join(different)
            )
        self.say("floor and pipeline agree in every count and daily figure")
        return {
            "floor": by_hand,
            "pipeline": _shown(built),
            "ratio": built.run.seconds / by_hand["seconds"],
            "counts": floor.counts(self._floor_database()),
        }

    def _parse_once(self, load: Load) -> None:
        """A refresh with nothing landed, so that no timed one has to parse."""
        refresh("refresh of nothing", self._fresh("empty"), load.arrivals[0], self.say)
        self.built.add("empty")

    def _floor_database(self) -> Path:
        return self.work / "floor" / "floor.duckdb"

    def _floor(self, load: Load, main: Place) -> Results:
        database = self._floor_database()
        database.parent.mkdir(parents=True, exist_ok=True)
        as_of = self._as_of(load, HISTORY).isoformat()
        arguments = ("benchmarks.floor", str(main.landing), str(database), as_of)
        return self._measured("floor", arguments, database.parent)

    def _loading(self, load: Load, main: Place) -> Results:
        """All files into raw tables, by the engine's typed reader and by the loader."""
        if "main" not in self.built:
            main = self._fresh("main")
            load.land(main.landing, 0, HISTORY)
        took = {}
        for name in ("engine", "loader"):
            folder = self.work / "loading" / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            database = folder / "loaded.duckdb"
            arguments = ("benchmarks.loading", name, str(main.landing), str(database))
            took[name] = self._measured(f"loading by the {name}", arguments, folder)
            took[name]["records"] = loading.records(database)
            shutil.rmtree(folder)
        records = sum(load.count(feed, 0, HISTORY) for feed in load.records)
        for name, it in took.items():
            if it["records"] != records:
                raise BenchmarkError(
                    f"the {name} read {it['records']:,} of {records:,} records"
                )
        return {
            **took,
            "ratio": took["loader"]["seconds"] / took["engine"]["seconds"],
            "cpu_ratio": took["loader"]["cpu_seconds"] / took["engine"]["cpu_seconds"],
        }

    def _measured(self, name: str, module: tuple[str, ...], folder: Path) -> Results:
        """A module of the benchmark, run by itself; `folder` is what it fills."""
        took = run(
            name,
            [sys.executable, "-m", *module],
            self.work / "logs" / f"{name.replace(' ', '_')}.log",
            self.say,
            folder=project.ROOT,
        )
        return {
            "seconds": took.seconds,
            "cpu_seconds": took.cpu_seconds,
            "peak_bytes": took.peak_bytes,
            "disk_bytes": disk_bytes(folder),
        }

    def _as_of(self, load: Load, files: int) -> datetime:
        """The "now" of a run when so many files have landed."""
        return load.arrivals[files - 1]

    def _batches(self, load: Load, main: Place) -> Results:
        """The same batches on no history, on one batch and on a hundred."""
        results = {}
        for name, history in (("empty", 0), ("1x", 1), (f"{HISTORY}x", HISTORY)):
            place = self._with_history(name, history, load, main)
            took = []
            for number in range(HISTORY, HISTORY + self.repeats):
                load.land(place.landing, number, number + 1)
                as_of = self._as_of(load, number + 1)
                took.append(
                    refresh(f"batch {number} on {name}", place, as_of, self.say)
                )
            seconds = [it.run.seconds for it in took]
            middle = sorted(took, key=lambda it: it.run.seconds)[(len(took) - 1) // 2]
            results[name] = {
                **_shown(middle),
                "seconds": statistics.median(seconds),
                "all_seconds": seconds,
            }
        return results

    def _with_history(self, name: str, batches: int, load: Load, main: Place) -> Place:
        """A pipeline that has built the last so many batches before the timed ones."""
        if batches == HISTORY and "main" in self.built:
            return main
        if name in self.built:
            return self._place(name)
        place = self._fresh(name)
        load.land(place.landing, HISTORY - batches, HISTORY)
        as_of = self._as_of(load, HISTORY)
        refresh(f"history of {name}", place, as_of, self.say)
        return place

    def _trends(self, load: Load, main: Place) -> Results:
        published = main.published
        if not published.exists():
            published = self._with_history("1x", 1, load, main).published
        path = self.work / "trends.duckdb"
        self.say("three made-up years of daily figures ...")
        rows = trends.make_history(published, path)
        self.say(f"trend queries on {rows['kpi_daily']:,} daily figures ...")
        answers = trends.ask(path)
        return {
            "rows": rows,
            "rounds": trends.ROUNDS,
            "queries": [vars(answer) for answer in answers],
            "p95": max(answer.p95 for answer in answers),
        }


def _shown(built: Refresh) -> Results:
    return {
        "seconds": built.run.seconds,
        "cpu_seconds": built.run.cpu_seconds,
        "peak_bytes": built.run.peak_bytes,
        "disk_bytes": built.disk,
        "records": built.records,
        "phases": built.phases,
        "kinds": built.kinds,
        "nodes": built.nodes,
    }


def _machine() -> Results:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_revision": project.git_revision(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("duckdb", "dbt-core", "dagster")},
    }
