"""Any order, any split into batches, any repetition: the marts of one full build.

Cases are drawn by Hypothesis and go through sequences of loads and builds together,
whose "now" moves on and back and some of which stop half-way. ``ACSR_INVARIANT_CASES``
says how many cases there are (36), ``ACSR_INVARIANT_SHRINK=1`` spends further builds on
the smallest sequence that goes wrong.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.invariant.cases import draw_cases
from tests.invariant.fixed_cases import fixed_cases
from tests.invariant.sequences import Sequence, draw_steps, report, run, shrink

CASES = int(os.environ.get("ACSR_INVARIANT_CASES", "36"))
CASES_AT_ONCE = 50
STEPS = 4


def sequences() -> list[Sequence]:
    """The cases in as many sequences as it takes, each with steps of its own."""
    cases = [*fixed_cases(STEPS), *draw_cases(CASES, STEPS)]
    return [
        Sequence(draw_steps(Random(first), STEPS), tuple(cases[first:][:CASES_AT_ONCE]))
        for first in range(0, len(cases), CASES_AT_ONCE)
    ]


@pytest.mark.parametrize("sequence", sequences(), ids=lambda one: one.cases[0].name)
def test_stepwise_equals_at_once(sequence: Sequence, tmp_path: Path) -> None:
    trial = run(sequence, tmp_path, with_tests=True)
    if trial.found and os.environ.get("ACSR_INVARIANT_SHRINK"):
        trial = shrink(trial, tmp_path / "shrinking")
    assert not trial.found, report(trial)
