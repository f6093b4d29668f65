"""Every mutant of the rule-bearing SQL against the unit tests that render it.

The project is copied with all changes marked, and dbt runs its unit tests once; what it
ran is in its target folder. A mutant is then a substitution in that SQL, which DuckDB
runs by itself: thousands take minutes.
"""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb

from orchestration import project
from tests.mutants.changes import Change, changes, marked, mutated, numbers, plain

FOLDERS = ("models/intermediate", "models/marts", "macros")
# macros that say what an engine can do, where things are, or what a build is: no rules
LEFT_OUT = ("macros/engine", "macros/builds.sql", "macros/generate_schema_name.sql")
AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECONDS_A_TEST = 20.0
SIDE = "actual_or_expected"
INVALID = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.SyntaxException,
)

Rows = list[tuple]


@dataclass(frozen=True)
class Mutant:
    """A change to a file; `nth` tells equal changes on equal lines apart."""

    number: int
    file: str
    change: Change
    nth: int

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What names it as long as its line is what it is, wherever that line is."""
        return self.file, self.change.text, self.change.shown, self.nth

    @property
    def name(self) -> str:
        """Where to look, and what to change there to see it."""
        return f"{self.file}:{self.change.line}: {self.change.shown}"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: killed, survived, unseen (no unit test renders it) or
    invalid (no SQL), and by which test.
    """

    mutant: Mutant
    status: str
    test: str = ""


def all_mutants(root: Path = project.ROOT) -> list[Mutant]:
    """Every mutant of the project, in the order of its files and lines."""
    found: list[Mutant] = []
    for path in rule_files(root):
        file = path.relative_to(root).as_posix()
        seen: Counter[tuple[str, str]] = Counter()
        for change in changes(path.read_text(encoding="utf-8")):
            kind = (change.text, change.shown)
            found.append(Mutant(len(found) + 1, file, change, seen[kind]))
            seen[kind] += 1
    return found


def rule_files(root: Path) -> list[Path]:
    """The files whose SQL states rules."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.sql"))
        if not path.relative_to(root).as_posix().startswith(LEFT_OUT)
    ]


def chosen(mutants: Sequence[Mutant], share: float, seed: int) -> list[Mutant]:
    """A share of the mutants, the same for the same seed."""
    count = max(1, round(len(mutants) * share))
    drawn = Random(seed).sample(range(len(mutants)), count)
    return [mutants[place] for place in sorted(drawn)]


def unit_tests(mutants: Iterable[Mutant], folder: Path) -> dict[str, str]:
    """The SQL of each unit test with the mutants marked, by its name.

    Copies the project into a folder and lets dbt run there, once.
    """
    copy = folder / "project"
    copy.mkdir(parents=True)
    for name in (*project.DBT_FOLDERS, "dbt_project.yml", "profiles.example.yml"):
        source = project.ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=_no_python)
        else:
            shutil.copyfile(source, copy / name)
    shutil.copyfile(copy / "profiles.example.yml", copy / "profiles.yml")
    by_file = defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append((mutant.number, mutant.change))
    for file, numbered in by_file.items():
        text = marked((copy / file).read_text(encoding="utf-8"), numbered)
        (copy / file).write_text(text, encoding="utf-8")
    _run_dbt(copy, folder)
    return {path.stem: path.read_text(encoding="utf-8") for path in _ran(folder)}


def _no_python(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".py", "__pycache__"))]


def _run_dbt(copy: Path, folder: Path) -> None:
    from tests.support import load_landing

    home = folder / "home"
    load_landing(folder / "nothing", AS_OF.isoformat(), home)
    state = {
        "ACSR_HOME": str(home),
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_PROFILES_DIR": str(copy),
        "DBT_PROJECT_DIR": str(copy),
    }
    done = project.run_dbt(
        *("build", "--exclude-resource-type", "test"), moment=AS_OF, environment=state
    )
    if done.returncode:
        raise project.ProjectError(
            f"the marked project fails its own unit tests:\n{done.stdout[-4000:]}"
        )


def _ran(folder: Path) -> Iterator[Path]:
    """The files in which dbt leaves what it ran for unit tests."""
    for path in sorted((folder / "target" / "run").rglob("*.sql")):
        if any(parent.suffix == ".yml" for parent in path.parents):
            text = path.read_text(encoding="utf-8")
            if "dbt_internal_unit_test_actual" in text:
                yield path


def judge(
    mutants: Sequence[Mutant], tests: Mapping[str, str], workers: int = 1
) -> list[Verdict]:
    """What becomes of each mutant; raises ValueError where a test fails unchanged."""
    reading = {name: numbers(text) for name, text in tests.items()}
    by_number: dict[int, list[str]] = defaultdict(list)
    for name in sorted(reading, key=lambda it: len(tests[it])):
        for number in reading[name]:
            by_number[number].append(name)
    _failing_unchanged(tests)
    work = [
        (mutant, [(name, tests[name]) for name in by_number[mutant.number]])
        for mutant in mutants
    ]
    if workers == 1:
        return [_judge(it) for it in work]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return pool.map(_judge, work, chunksize=20)


def _failing_unchanged(tests: Mapping[str, str]) -> None:
    with _connected() as connection:
        failing = [
            name for name, text in tests.items() if not _holds(connection, plain(text))
        ]
    if failing:
        raise ValueError(f"unit tests that fail without any change: {failing}")


def _judge(work: tuple[Mutant, list[tuple[str, str]]]) -> Verdict:
    mutant, tests = work
    status = "unseen"
    with _connected() as connection:
        for name, text in tests:
            try:
                is_seen = not _holds(
                    connection, plain(mutated(text, mutant.number, mutant.change))
                )
            except INVALID:
                return Verdict(mutant, "invalid")
            except duckdb.Error:
                is_seen = True  # a wrong rule that stops the query is seen
            if is_seen:
                return Verdict(mutant, "killed", name)
            status = "survived"
    return Verdict(mutant, status)


def _connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _holds(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Whether a unit test's actual rows are the expected ones, in any order.

    Raises duckdb.InterruptException where it takes too long.
    """
    timer = threading.Timer(SECONDS_A_TEST, connection.interrupt)
    timer.start()
    try:
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        side = names.index(SIDE)
        sides: dict[str, Counter[str]] = defaultdict(Counter)
        for row in found.fetchall():
            values = tuple(it for place, it in enumerate(row) if place != side)
            sides[row[side]][repr(values)] += 1
    finally:
        timer.cancel()
    return sides["actual"] == sides["expected"]


def per_file(verdicts: Iterable[Verdict]) -> dict[str, Counter[str]]:
    """How many mutants of each file came to which end."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        found[verdict.mutant.file][verdict.status] += 1
    return dict(found)
