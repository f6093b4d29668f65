"""`python -m orchestration.loading`: loads what has landed and says what it did."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from orchestration.loading.contracts import FEEDS
from orchestration.loading.load import load_all
from orchestration.loading.report import summary
from orchestration.loading.settings import read_settings

PROJECT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Runs a load; bad records and files are reported and do not fail it."""
    options = _parser().parse_args(arguments)
    report = load_all(
        landing=options.landing,
        warehouse=options.home / "warehouse.duckdb",
        settings=read_settings(PROJECT / "dbt_project.yml", options.home),
        load_id=f"load-{uuid.uuid4().hex[:12]}",
        now=_now(),
        feeds=options.feeds or None,
        progress=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(summary(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.loading", description=__doc__
    )
    environ = os.environ
    parser.add_argument("feeds", nargs="*", metavar="FEED", help=", ".join(FEEDS))
    parser.add_argument(
        "--landing",
        type=Path,
        default=Path(environ.get("ACSR_LANDING") or PROJECT / "landing"),
        help="folder with one folder per feed (ACSR_LANDING)",
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(environ.get("ACSR_HOME") or PROJECT / ".acsr"),
        help="folder of the warehouse (ACSR_HOME)",
    )
    return parser


def _now() -> datetime:
    """The later of the clock and `ACSR_AS_OF`."""
    clock = datetime.now(UTC)
    stated = os.environ.get("ACSR_AS_OF")
    return max(clock, datetime.fromisoformat(stated)) if stated else clock


if __name__ == "__main__":
    sys.exit(main())
