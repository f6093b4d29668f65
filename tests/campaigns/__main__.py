"""Runs campaigns one by one and closes with one table.

    python -m tests.campaigns [NAME ...] [--seed N] [--scale F]

A campaign is a module of this folder with `FULL`, how much is tried at scale 1, and
`run(number, seed, progress)`, which gives back a `Row`. The same seed and scale try the
same. Ends with 1 where anything was lost, doubled, leaked or not survived.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module

from tests.campaigns.row import Progress, Row, table

CAMPAIGNS = ("kills", "disks", "malformed", "names", "secrets", "people")


def run_campaign(name: str, seed: int, scale: float, progress: Progress) -> Row:
    """Runs a campaign; at least one thing is tried, whatever the scale."""
    campaign = import_module(f"tests.campaigns.{name}")
    return campaign.run(max(1, round(campaign.FULL * scale)), seed, progress)


def main(arguments: list[str] | None = None) -> int:
    """Runs what is named, or all, and prints the closing table."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CAMPAIGNS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="a share of the full numbers"
    )
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(CAMPAIGNS)):
        parser.error(f"no campaign {', '.join(unknown)}; there are: {CAMPAIGNS}")

    print(f"seed {options.seed}, scale {options.scale:g}", flush=True)
    rows = []
    for name in options.names or CAMPAIGNS:
        begun = time.monotonic()
        row = run_campaign(name, options.seed, options.scale, _telling(name))
        rows.append((name, row, time.monotonic() - begun))
    print(table(rows))
    for name, row, _ in rows:
        for problem in row.problems:
            print(f"{name}: {problem}")
    return 0 if all(row.is_well for _, row, _ in rows) else 1


def _telling(name: str) -> Progress:
    def tell(text: str) -> None:
        print(f"{name}: {text}", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
