"""The same landed files, loaded and built on both engines, then compared row for row.

    python -m tests.snowflake.parity [--days N] [--cases-per-day N] [--no-real]

Takes a simulated month, then the real data where it lies beside the project. Each is
landed in two parts and built after each, so that a second build meets tables that are
there. Exits with 1 where any table differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from orchestration import project
from orchestration.loading import load_all, read_settings
from orchestration.loading.load import Warehouse
from orchestration.loading.load_files import moment
from orchestration.loading.settings import LoadSettings
from orchestration.loading.snowflake_store import SnowflakeStore
from orchestration.loading.warehouse import raw_tables
from orchestration.snowflake.connection import connect
from simulator.generate import Settings, simulate
from tests.snowflake.account import TO_NAME, render, set_up
from tests.snowflake.comparing import (
    SHOWN,
    Comparison,
    compare,
    from_duckdb,
    from_snowflake,
)
from tests.snowflake.support import Server, running_server, snowflake_dbt, write_key
from tests.support import BUILD, SHARED_DATA, dbt_state

LAYERS = ("staging", "intermediate", "marts")
# The record of builds: which build it was, and when.
OWN_TABLES = ("intermediate.builds",)
ALL_LAYERS = ("raw", "seeds", *LAYERS)
LATER = 5  # every fifth file lands after the first build
SECONDS = 3600  # of a build; a server that fails may leave dbt waiting for ever
REAL_AS_OF = "2026-07-01T00:00:00+00:00"
SAID = 600  # characters of what an engine says of a statement that fails
CLOCKS = (
    "orchestration.loading.load._utc_now",
    "orchestration.loading.duckdb_store._utc_now",
)
CLOCK_AS_TEXT = "orchestration.loading.snowflake_store._utc_now"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """Landed files, and the "now" by which both engines judge them."""

    name: str
    landing: Path
    as_of: str  # ISO 8601 with a zone


@dataclass(frozen=True)
class Build:
    """One dbt build of one engine."""

    engine: str
    number: int
    nodes: int
    seconds: float  # of wall time, with dbt's own start
    loading_seconds: float
    outcome: str  # dbt's last line


@dataclass
class Parity:
    """What came of one sample."""

    sample: str
    builds: list[Build] = field(default_factory=list)
    tables: list[Comparison] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows compared, as DuckDB counts them."""
        return sum(table.rows for table in self.tables)

    @property
    def differences(self) -> list[str]:
        """Every difference, with its table."""
        return [
            f"{table.name}: {difference}"
            for table in self.tables
            for difference in table.differences
        ]

    @property
    def _shown(self) -> Iterator[str]:
        for table in self.tables:
            for difference in table.differences[:SHOWN]:
                yield f"  {table.name}: {difference}"

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.sample}",
                *(
                    f"  build {build.number} on {build.engine:<9} "
                    f"{build.nodes:>4} nodes {build.seconds:6.1f} s, loading "
                    f"{build.loading_seconds:6.1f} s  {build.outcome}"
                    for build in self.builds
                ),
                *(
                    f"  {table.name:<44} {table.rows:>8,} rows "
                    f"{len(table.differences):>6,} differences"
                    for table in self.tables
                ),
                f"  {len(self.tables)} tables, {self.rows:,} rows, "
                f"{len(self.differences):,} differences",
                *self._shown,
            ]
        )


@dataclass(frozen=True)
class Engine:
    """One of the two: how to load into it and how to build on it."""

    name: str
    load: Callable[[Path, str], None]
    dbt: Callable[..., subprocess.CompletedProcess[str]]
    target: Path


def prove(
    sample: Sample,
    server: Server,
    script: str,
    folder: Path,
    command: tuple[str, ...] = BUILD,
    layers: tuple[str, ...] = LAYERS,
    tell: Tell = print,
) -> Parity:
    """Loads and builds a sample on both engines in two parts, then compares.

    `script` sets the account up, `folder` takes all that is made. A build that fails
    raises RuntimeError.
    """
    database = f"PARITY_{sample.name.upper()}"
    set_up(server, script, database)
    settings = read_settings(project.ROOT / "dbt_project.yml", folder, environ={})
    engines = (
        _duckdb(sample, folder / "duckdb", settings),
        _snowflake(sample, folder / "snowflake", settings, server, database),
    )
    parity = Parity(sample.name)
    parts = land_in_parts(sample.landing, folder / "landing")
    for number, landing in enumerate(parts, start=1):
        tell(f"{sample.name}: part {number}")
        with _stopped_clock(sample), ThreadPoolExecutor() as pool:
            jobs = [
                pool.submit(_build, engine, number, landing, command)
                for engine in engines
            ]
        parity.builds += [job.result() for job in jobs]
    with (
        duckdb.connect(str(folder / "duckdb" / "warehouse.duckdb")) as ours,
        closing(connect("TRANSFORMER", server.environment(database))) as theirs,
    ):
        parity.tables += _compared(ours, theirs, layers)
    return parity


def land_in_parts(landed: Path, folder: Path) -> Iterator[Path]:
    """Lands four of five files, then the others; gives the landing root each time."""
    files = sorted(path for path in landed.rglob("*") if path.is_file())
    for is_later in (False, True):
        for number, path in enumerate(files):
            if (number % LATER == LATER - 1) is is_later:
                copy = folder / path.relative_to(landed)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        yield folder


@contextmanager
def _stopped_clock(sample: Sample) -> Iterator[None]:
    """Loads happen at one moment, so that their times can be compared too."""
    now = datetime.fromisoformat(sample.as_of).astimezone(UTC)
    with ExitStack() as patches:
        for clock in CLOCKS:
            patches.enter_context(
                mock.patch(clock, return_value=now.replace(tzinfo=None))
            )
        patches.enter_context(mock.patch(CLOCK_AS_TEXT, return_value=moment(now)))
        yield


def _build(
    engine: Engine, number: int, landing: Path, command: tuple[str, ...]
) -> Build:
    begun = time.monotonic()
    engine.load(landing, f"load-{number}")
    loaded = time.monotonic()
    done = engine.dbt(*command)
    built = time.monotonic()
    results = _results(engine.target)
    if done.returncode:
        raise RuntimeError(
            f"dbt {' '.join(command)} failed on {engine.name}:\n"
            + ("\n".join(_failures(results)) or done.stdout + done.stderr)
        )
    return Build(
        engine=engine.name,
        number=number,
        nodes=len(results),
        seconds=built - loaded,
        loading_seconds=loaded - begun,
        outcome=done.stdout.strip().splitlines()[-1].partition("Done. ")[2],
    )


def _results(target: Path) -> list[dict[str, Any]]:
    path = target / "run_results.json"
    return json.loads(path.read_text())["results"] if path.exists() else []


def _failures(results: list[dict[str, Any]]) -> Iterator[str]:
    for result in results:
        if result["status"] in ("error", "fail"):
            yield f"{result['unique_id']}: {str(result['message'])[:SAID]}"


def _duckdb(sample: Sample, home: Path, settings: LoadSettings) -> Engine:
    home.mkdir(parents=True)
    warehouse = home / "warehouse.duckdb"

    def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return project.run_dbt(
            *arguments,
            moment=datetime.fromisoformat(sample.as_of),
            environment=dbt_state(home),
        )

    def load(landing: Path, load_id: str) -> None:
        _load(landing, warehouse, settings, load_id, sample)

    return Engine("DuckDB", load, dbt, home / "target")


def _snowflake(
    sample: Sample, home: Path, settings: LoadSettings, server: Server, database: str
) -> Engine:
    def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return snowflake_dbt(
            server,
            home,
            *arguments,
            database=database,
            as_of=sample.as_of,
            seconds=SECONDS,
        )

    def load(landing: Path, load_id: str) -> None:
        with closing(connect("LOADER", server.environment(database))) as connection:
            store = SnowflakeStore(connection)
            _load(landing, store, settings, load_id, sample)

    return Engine("Snowflake", load, dbt, home / "target")


def _load(
    landing: Path,
    warehouse: Warehouse,
    settings: LoadSettings,
    load_id: str,
    sample: Sample,
) -> None:
    load_all(
        landing=landing,
        warehouse=warehouse,
        settings=settings,
        load_id=load_id,
        now=datetime.fromisoformat(sample.as_of),
    )


def _compared(
    ours: duckdb.DuckDBPyConnection, theirs: object, layers: tuple[str, ...]
) -> Iterator[Comparison]:
    """Every table that either engine has in some layers."""
    listed = ", ".join(f"'{layer}'" for layer in layers)
    sql = " union distinct ".join(
        "select lower(table_schema) || '.' || lower(table_name) "
        f"from information_schema.{kind} where lower(table_schema) in ({listed})"
        for kind in ("tables", "views")
    )
    here = {name for (name,) in ours.execute(sql).fetchall()}
    with theirs.cursor() as cursor:
        there = {name for (name,) in cursor.execute(sql).fetchall()}
    for name in sorted(filter(_is_compared, here | there)):
        if name not in there or name not in here:
            where = "DuckDB" if name in here else "Snowflake"
            yield Comparison(name, 0, [f"only {where} has this table"])
            continue
        yield compare(name, from_duckdb(ours, name), from_snowflake(theirs, name))


def _is_compared(name: str) -> bool:
    is_own = name.startswith("raw.") and name not in raw_tables()
    return not is_own and name not in OWN_TABLES


def simulated(folder: Path, days: int, cases_per_day: int, seed: int = 1) -> Sample:
    """Made-up traffic with all the faults that the simulator knows.

    It ends on a Monday that begins a month, so that weeks and months have one before.
    """
    landing, truth = folder / "landing", folder / "landing_truth"
    simulate(
        Settings(
            days=days,
            cases_per_day=cases_per_day,
            seed=seed,
            until=date(2026, 6, 2),
            out=landing,
            truth=truth,
            faults=True,
        )
    )
    manifest = json.loads((truth / "manifest.json").read_text(encoding="utf-8"))
    return Sample("simulated", landing, manifest["as_of"])


def real(folder: Path) -> Sample:
    """All tau2 files and all ServiceNow incidents beside the project."""
    land(folder, "tau2_runs", (SHARED_DATA / "tau2").glob("*.json.gz"))
    incidents = (SHARED_DATA / "tickets").glob("servicenow_incident*.csv.gz")
    land(folder, "servicenow_incidents", incidents)
    return Sample("real", folder, REAL_AS_OF)


def land(landing: Path, feed: str, files: Iterator[Path]) -> None:
    """Copies files into the folder of a feed."""
    (landing / feed).mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, landing / feed / path.name)


def main(arguments: list[str] | None = None) -> int:
    """Proves what the command line asks for; the exit code says how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.snowflake.parity")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--cases-per-day", type=int, default=40)
    parser.add_argument("--no-real", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = [simulated(folder / "month", asked.days, asked.cases_per_day)]
        if asked.no_real or not SHARED_DATA.is_dir():
            print("The real data is left out: simulated data only.")
        else:
            samples.append(real(folder / "real"))
        key = write_key(folder / "key.p8")
        script = render("snowflake_setup", folder / "rendering", TO_NAME)
        found = []
        with running_server(key, folder / "server.log") as server:
            for sample in samples:
                work = folder / "work" / sample.name
                parity = prove(sample, server, script, work, layers=ALL_LAYERS)
                print(parity)
                found += parity.differences
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
