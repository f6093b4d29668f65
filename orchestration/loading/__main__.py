"""`python -m orchestration.loading`: loads what has landed and says what it did."""

from __future__ import annotations

import argparse
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from orchestration import project
from orchestration.loading.contracts import FEEDS
from orchestration.loading.load import load_all
from orchestration.loading.report import summary
from orchestration.loading.settings import read_settings


def main(arguments: list[str] | None = None) -> int:
    """Runs a load; bad records and files are reported and do not fail it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for feed in options.feeds:
        if feed not in FEEDS:
            parser.error(f"no feed {feed!r}; there are {', '.join(FEEDS)}")
    report = load_all(
        landing=options.landing,
        warehouse=options.home / "warehouse.duckdb",
        settings=read_settings(project.ROOT / "dbt_project.yml", options.home),
        load_id=f"load-{uuid.uuid4().hex[:12]}",
        now=max(datetime.now(UTC), project.as_of()),
        feeds=options.feeds or None,
        progress=lambda text: print(text, file=sys.stderr, flush=True),
        replay=options.replay,
    )
    print(summary(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.loading", description=__doc__
    )
    parser.add_argument("feeds", nargs="*", metavar="FEED", help=", ".join(FEEDS))
    parser.add_argument(
        "--landing",
        type=Path,
        default=project.landing(),
        help="folder with one folder per feed (default: ACSR_LANDING)",
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
