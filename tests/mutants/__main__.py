"""`make mutants`: which slips in the rule-bearing SQL would no unit test see?"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from orchestration import project
from tests.mutants.campaign import Verdict, all_mutants, chosen, judge, unit_tests
from tests.mutants.survivors import explained, explanations, stale

ENDS = ("killed", "explained", "survived", "invalid")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the mutants and prints the score; 1 where an explanation is out of date."""
    options = _parser().parse_args(arguments)
    mutants = [it for it in all_mutants() if fnmatchcase(it.file, options.only)]
    if not mutants:
        print(f"error: no rule-bearing SQL is named {options.only}", file=sys.stderr)
        return 1
    drawn = chosen(mutants, options.share, options.seed)
    print(f"{len(drawn):,} of {len(mutants):,} mutants", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            tests = unit_tests(drawn, Path(folder))
        except project.ProjectError as problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
    verdicts = judge(drawn, tests, options.workers)
    print("\n".join(report(verdicts)))
    if len(drawn) < len(mutants):
        return 0  # what explains the others is not out of date
    old = stale(explanations(), verdicts, options.only)
    for one in old:
        print(f"error: nothing that survives is explained by: {one}", file=sys.stderr)
    return 1 if old else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the mutants, 0 to 1"
    )
    parser.add_argument("--seed", type=int, default=1, help="which share is drawn")
    parser.add_argument("--only", default="*", help="files, as models/marts/kpis/*")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser


def report(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The survivors that nothing explains, then the score by file and by folder."""
    known = explanations()
    ends = {
        one.mutant.number: "explained"
        if one.status in ("survived", "unseen") and explained(one, known)
        else "survived"
        if one.status == "unseen"
        else one.status
        for one in verdicts
    }
    for one in verdicts:
        if ends[one.mutant.number] == "survived":
            note = " (no unit test reads it)" if one.status == "unseen" else ""
            yield f"survived: {one.mutant.name}{note}"
    yield ""
    yield from _table("file", verdicts, ends, lambda one: one.mutant.file)
    yield ""
    yield from _table(
        "folder",
        verdicts,
        ends,
        lambda one: PurePosixPath(one.mutant.file).parent.as_posix(),
    )


def _table(
    title: str,
    verdicts: Iterable[Verdict],
    ends: dict[int, str],
    group: Callable[[Verdict], str],
) -> Iterator[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in verdicts:
        for name in (group(one), "all"):
            counts[name][ends[one.mutant.number]] += 1
    width = max(map(len, (title, *counts)))
    heading = (*ENDS, "share killed")
    yield f"{title:<{width}}" + "".join(f"{it:>14}" for it in heading)
    for name in sorted(counts, key=lambda it: (it == "all", it)):
        found = counts[name]
        valid = found.total() - found["invalid"]
        share = f"{found['killed'] / valid:.1%}" if valid else "-"
        cells = [*(f"{found[end]:,}" for end in ENDS), share]
        yield f"{name:<{width}}" + "".join(f"{cell:>14}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
