"""Writes made-up support traffic as four feeds, and its truth apart.

Everything is made up, and says so: customers are called sim-customer-000123,
tickets SIM-000123-1. The landing folder holds what a loader finds, gzip'ed
files of a quarter of an hour with late, repeated and corrected records; the
truth folder beside it holds what every figure must come to. The same arguments
give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from simulator.generate import Settings, SimulatorError, simulate


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    made.add_argument("--days", type=int, default=30, help="length of the period")
    made.add_argument(
        "--cases-per-day",
        type=int,
        default=700,
        help="mean; a small run has more, so that every scenario has its turn",
    )
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--out", type=Path, required=True, help="landing root to fill")
    made.add_argument(
        "--truth", type=Path, help="default: <out>_truth, beside the landing root"
    )
    made.add_argument(
        "--until",
        type=date.fromisoformat,
        help="first day that is not simulated, UTC; default: today",
    )
    made.add_argument(
        "--faults",
        action="store_true",
        help="also lines that must be rejected and a file that cannot be read",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator."""
    given = parser().parse_args(arguments)
    out: Path = given.out
    settings = Settings(
        days=given.days,
        cases_per_day=given.cases_per_day,
        seed=given.seed,
        until=given.until or datetime.now(UTC).date(),
        out=out,
        truth=given.truth or out.resolve().with_name(f"{out.resolve().name}_truth"),
        faults=given.faults,
    )
    began = time.monotonic()
    try:
        manifest = simulate(settings)
    except SimulatorError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    print(
        f"simulator: {manifest['rows']['cases']:,} made-up cases in {out}, "
        f"their truth in {settings.truth}, {time.monotonic() - began:.1f} s",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
