"""`python -m orchestration.loading`: loads what has landed and says what it did."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orchestration import project
from orchestration.loading.contracts import FEEDS
from orchestration.loading.load import load_all
from orchestration.loading.report import LoadReport, summary
from orchestration.loading.settings import read_settings
from orchestration.loading.snowflake_store import open_store
from orchestration.loading.warehouse import RawStore


def main(arguments: list[str] | None = None) -> int:
    """Runs a load; bad records and files are reported and do not fail it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for feed in options.feeds:
        if feed not in FEEDS:
            parser.error(f"no feed {feed!r}; there are {', '.join(FEEDS)}")
    try:
        report = _load(options)
    except project.ProjectError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    print(summary(report))
    return 0


def _load(options: argparse.Namespace) -> LoadReport:
    landing = options.landing or project.landing()
    with _warehouse(options, landing) as warehouse:
        return load_all(
            landing=landing,
            warehouse=warehouse,
            settings=read_settings(project.ROOT / "dbt_project.yml", options.home),
            load_id=f"load-{uuid.uuid4().hex[:12]}",
            now=max(datetime.now(UTC), project.as_of()),
            feeds=options.feeds or None,
            progress=lambda text: print(text, file=sys.stderr, flush=True),
            replay=options.replay,
        )


@contextmanager
def _warehouse(
    options: argparse.Namespace, landing: Path | str
) -> Iterator[Path | RawStore]:
    """Where records go: the engine that dbt builds on too."""
    target = os.environ.get("DBT_TARGET") or "duckdb"
    if target == "duckdb":
        yield options.home / "warehouse.duckdb"
    elif target == "snowflake":
        with open_store(landing) as store:
            yield store
    else:
        raise project.ProjectError(
            f"DBT_TARGET is {target}, but records are loaded into duckdb or snowflake"
        )


def _folder_or_address(stated: str) -> Path | str:
    return stated if "://" in stated else Path(stated)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.loading", description=__doc__
    )
    parser.add_argument("feeds", nargs="*", metavar="FEED", help=", ".join(FEEDS))
    parser.add_argument(
        "--landing",
        type=_folder_or_address,
        help="folder or bucket with one folder per feed (default: ACSR_LANDING)",
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=project.home(),
        help="folder of the warehouse (default: ACSR_HOME)",
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help="also read files again that had rejected records, after a fix",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
