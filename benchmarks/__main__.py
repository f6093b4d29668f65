"""`python -m benchmarks`: makes the load, runs everything, prints the figures."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import PARTS, Bench, BenchmarkError
from benchmarks.load import LoadError
from benchmarks.measure import CommandError
from benchmarks.report import render

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; results also go to a file of their own as JSON."""
    given = _parser().parse_args(arguments)
    bench = Bench(
        work=given.work.resolve() / "acsr_benchmark",  # removed at the end
        events=given.events,
        repeats=given.repeats,
        parts=tuple(given.parts),
    )
    try:
        results = bench.run()
    except (BenchmarkError, CommandError, LoadError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    text = render(results)
    print(f"\n{text}")
    path = _write(results, text)
    print(f"\nAs JSON and text: {path}, {path.with_suffix('.txt')}")
    if not given.keep:
        shutil.rmtree(bench.work)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=10_000_000, help="agent events of a day"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="batches timed in a row; their median"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--work", type=Path, default=FOLDER / ".work", help="takes all data"
    )
    parser.add_argument("--keep", action="store_true", help="leave the data there")
    return parser


def _write(results: dict, text: str) -> Path:
    RESULTS.mkdir(exist_ok=True)
    name = results["machine"]["at"].replace(":", "").replace("+0000", "Z")
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, indent=2, default=str) + "\n", encoding="utf-8")
    path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
