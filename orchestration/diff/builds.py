"""Two revisions of this project, each built with its own code from the same files."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration import project

LOCK = "requirements.lock"
HASH_KEY = "the compared sample has no customers to protect"
RUN_DBT = """\
import sys
from orchestration import project
done = project.run_dbt(*sys.argv[1:])
print(done.stdout, done.stderr, sep="\\n")
sys.exit(done.returncode)
"""
BUILD = (
    *("build", "--exclude-resource-type", "unit_test", "test"),
    *("--exclude", "tag:nightly"),
)


@dataclass(frozen=True)
class Build:
    """What came of a revision: its marts, its manifest, and what they cost.

    `cpu_seconds` are those of loading and building, `node_seconds` the wall-clock
    seconds of each dbt node, by unique id.
    """

    name: str
    warehouse: Path
    cpu_seconds: float = 0.0
    manifest: Mapping[str, Any] = field(default_factory=dict)
    node_seconds: Mapping[str, float] = field(default_factory=dict)
    lock: str = ""


def build_both(
    base: str, landing: Path, moment: datetime, folder: Path
) -> tuple[Build, Build]:
    """Builds the revision `base` and the working tree below a folder.

    Raises ProjectError where there is no such revision, or where one does not build.
    """
    commit = resolve(base)
    tree = folder / "base" / "project"
    _unpack(commit, tree)
    shown = base if commit.startswith(base) else f"{base} ({commit[:10]})"
    before = _build(shown, tree, folder / "base", landing, moment)
    revision = project.git_revision() or "unknown"
    now = f"working tree ({revision[:10]}{'+' * revision.endswith('+')})"
    after = _build(now, project.ROOT, folder / "head", landing, moment)
    shutil.rmtree(tree)
    return before, after


def resolve(base: str) -> str:
    """The commit that a name of git means; raises ProjectError where there is none."""
    if not base:
        raise project.ProjectError(
            "BASE is empty: name the revision to compare with, as in `make diff "
            "BASE=main`"
        )
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^0")
    if found.returncode:
        said = found.stderr.decode().strip() or "git knows no such commit"
        raise project.ProjectError(
            f"BASE={base!r} is no revision ({said}): name a branch, a tag or a commit "
            "of this checkout; `git fetch` brings those of others"
        )
    return found.stdout.decode().strip()


def _unpack(commit: str, folder: Path) -> None:
    archive = folder.with_suffix(".zip")
    folder.mkdir(parents=True)
    packed = _git("archive", "--format=zip", f"--output={archive}", commit)
    if packed.returncode:
        raise project.ProjectError(f"git archive failed: {packed.stderr.decode()}")
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder)
    archive.unlink()


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments], cwd=project.ROOT, capture_output=True, check=False
        )
    except OSError as problem:
        raise project.ProjectError(f"git does not run: {problem}") from problem


def _build(name: str, tree: Path, home: Path, landing: Path, moment: datetime) -> Build:
    print(f"Building {name}", file=sys.stderr, flush=True)
    target = home / "target"
    environment = {
        **os.environ,
        "ACSR_HOME": str(home),
        "ACSR_LANDING": str(landing),
        "ACSR_AS_OF": moment.isoformat(),
        "ACSR_HASH_KEY": HASH_KEY,
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(home / "logs"),
    }
    began = _children_seconds()
    for command in (("-m", "orchestration.loading"), ("-c", RUN_DBT, *BUILD)):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise project.ProjectError(
                f"{name} does not build:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
            )
    lock = tree / LOCK
    return Build(
        name=name,
        warehouse=home / "warehouse.duckdb",
        cpu_seconds=_children_seconds() - began,
        manifest=json.loads((target / "manifest.json").read_bytes()),
        node_seconds=_node_seconds(target / "run_results.json"),
        lock=lock.read_text(encoding="utf-8") if lock.exists() else "",
    )


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _node_seconds(path: Path) -> dict[str, float]:
    results = json.loads(path.read_bytes())["results"]
    return {result["unique_id"]: result["execution_time"] for result in results}
