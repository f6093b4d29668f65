"""A simulated month, and the warehouse that the product makes of it."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from simulator.generate import Settings, simulate
from tests.simulator.comparing import Month
from tests.support import build_warehouse

UNTIL = date(2026, 6, 1)
CASES_PER_DAY = int(os.environ.get("ACSR_SIMULATED_CASES_PER_DAY", "40"))


def simulate_into(folder: Path, **changes: object) -> Month:
    """Simulates below a folder; a month of 30 days unless told otherwise."""
    settings = {
        "days": 30,
        "cases_per_day": CASES_PER_DAY,
        "seed": 1,
        "until": UNTIL,
        "out": folder / "landing",
        "truth": folder / "landing_truth",
        "faults": True,
        **changes,
    }
    simulate(Settings(**settings))
    return Month(settings["out"], settings["truth"])


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return simulate_into(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="session")
def warehouse(month: Month, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("month_home")
    return build_warehouse(month.landing, month.manifest["as_of"], home)
