"""`make replay-hash`: the hash over the marts of a sample that is always the same.

Whoever runs it at the same commit gets the same hash. The sample is built twice in
folders of its own: at once, and from shuffled files in batches; both must agree.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from orchestration import project
from orchestration.fingerprint import Fingerprint, fingerprint
from orchestration.loading import load_all, read_settings
from simulator.generate import Settings, simulate

UNTIL = date(2026, 6, 1)
AS_OF = datetime.combine(UNTIL, time(), UTC)
LOADED_AT = AS_OF + timedelta(days=30)
HASH_KEY = {"ACSR_HASH_KEY": "the replayed sample has no customers to protect"}
BATCHES = 4
BUILD = (
    *("build", "--exclude-resource-type", "unit_test", "test"),
    *("--exclude", "tag:nightly"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the hash; 1 where the two ways to build the sample differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--cases-per-day", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out, truth = folder / "sample", folder / "truth"
        sample = Settings(
            given.days, given.cases_per_day, given.seed, UNTIL, out, truth
        )
        simulate(sample)
        try:
            once = replay(out, folder / "once", batches=1)
            batched = replay(out, folder / "batched", batches=BATCHES)
        except project.ProjectError as problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
    print(told(once))
    if once != batched:
        print(f"error: in {BATCHES} batches it is\n{told(batched)}", file=sys.stderr)
        return 1
    return 0


def replay(sample: Path, folder: Path, batches: int) -> Fingerprint:
    """Loads and builds a sample in batches of its files."""
    files = sorted(path for path in sample.rglob("*") if path.is_file())
    Random(batches).shuffle(files)
    for number in range(batches):
        for path in files[number::batches]:
            landed = folder / "landing" / path.relative_to(sample)
            landed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, landed)
        load_and_build(folder, f"replay-{number}")
    return fingerprint(folder / "warehouse.duckdb")


def load_and_build(folder: Path, load_id: str) -> None:
    """Takes in what is new below a folder; raises ProjectError where dbt fails."""
    settings = read_settings(project.ROOT / "dbt_project.yml", folder, HASH_KEY)
    warehouse = folder / "warehouse.duckdb"
    load_all(folder / "landing", warehouse, settings, load_id, LOADED_AT)
    state = {
        "ACSR_HOME": str(folder),
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    done = project.run_dbt(*BUILD, moment=AS_OF, environment=state)
    if done.returncode:
        raise project.ProjectError(f"dbt failed:\n{done.stdout[-4000:]}{done.stderr}")


def told(one: Fingerprint) -> str:
    """Each mart with its rows and hash, and the hash over all."""
    lines = [
        f"{name:<24}{rows:>9,}  {digest[:16]}"
        for name, (rows, digest) in one.tables.items()
    ]
    return "\n".join([*lines, f"all marts: {one.hash}"])


if __name__ == "__main__":
    sys.exit(main())
