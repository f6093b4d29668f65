"""A small load, and the warehouse that the product makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import floor
from benchmarks.load import Load, Plan, make
from tests.support import build_warehouse

EVENTS = 4_000
FILES = 100
MODELS = ("build", "--exclude-resource-type", "test", "unit_test")
# so late that cases are given up, or proven to last
LATER = timedelta(days=9)


@dataclass(frozen=True)
class Built:
    """One landing root, as the pipeline and as the floor see it."""

    landing: Path
    warehouse: Path
    floor: Path


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("benchmark_load") / "load"
    return make(folder, Plan(EVENTS, FILES), progress=lambda text: None)


@pytest.fixture(scope="session")
def built(load: Load, tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("benchmark")
    load.land(root / "landing", 0, FILES)
    as_of = load.arrivals[-1] + LATER
    floor.run(root / "landing", root / "floor.duckdb", as_of)
    warehouse = build_warehouse(
        root / "landing", as_of.isoformat(), root / "home", MODELS
    )
    return Built(root / "landing", warehouse, root / "floor.duckdb")
