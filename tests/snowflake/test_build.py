"""The whole project on the Snowflake target: built, tested, documented."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from simulator.generate import Settings, simulate
from tests.snowflake.account import set_up
from tests.snowflake.raw import copy_raw
from tests.snowflake.support import Server, snowflake_dbt
from tests.support import load_landing

AS_OF = "2026-06-02T12:00:00+00:00"
DATABASE = "BUILD"
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
SECONDS = 900  # of a busy machine; alone it takes a tenth


@dataclass(frozen=True)
class Built:
    """A database of the test server, and where dbt left what it did there."""

    server: Server
    home: Path

    def dbt(self, *arguments: str) -> str:
        """Runs dbt with the project's own threads; fails with what dbt said."""
        done = snowflake_dbt(
            self.server,
            self.home,
            *arguments,
            database=DATABASE,
            as_of=AS_OF,
            seconds=SECONDS,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def outcomes(self) -> dict[str, str]:
        """What became of each node of the last command, by its id; boards are none."""
        text = (self.home / "target" / "run_results.json").read_text(encoding="utf-8")
        return {
            it["unique_id"]: it["status"]
            for it in json.loads(text)["results"]
            if not it["unique_id"].startswith("exposure.")
        }

    def count(self, table: str) -> object:
        return self.server.run(f"select count(*) from {DATABASE}.{table}")[0][0]


@pytest.fixture(scope="module")
def built(
    snowflake_server: Server,
    setup_script: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    """An account that is set up, with raw tables in which nothing has landed."""
    set_up(snowflake_server, setup_script, DATABASE)
    home = tmp_path_factory.mktemp("build")
    nothing = load_landing(home / "nothing", AS_OF, home / "empty")
    copy_raw(snowflake_server, nothing, DATABASE)
    return Built(snowflake_server, home)


@dataclass(frozen=True)
class First:
    """The first build of a database, where nothing has landed."""

    said: str
    outcomes: dict[str, str]
    cases: object
    log: str


@pytest.fixture(scope="module")
def first(built: Built) -> First:
    """Whatever a test asks of a built database, in any order of tests."""
    said = built.dbt("build", *NO_UNIT_TESTS)
    log = (built.home / "logs" / "dbt.log").read_text(encoding="utf-8")
    return First(said, built.outcomes(), built.count("MARTS.FCT_CASES"), log)


def unit_tests(manifest: Path) -> dict[str, list[str]]:
    """The names of the unit tests of each model, in their order."""
    found: dict[str, list[str]] = {}
    for it in json.loads(manifest.read_text(encoding="utf-8"))["unit_tests"].values():
        found.setdefault(it["model"], []).append(it["name"])
    return found


def kinds(outcomes: dict[str, str]) -> Counter[str]:
    return Counter(node.split(".", 1)[0] for node in outcomes)


def test_every_model_and_test_passes_where_nothing_has_landed(first: First) -> None:
    assert set(first.outcomes.values()) <= {"success", "pass"}
    counted = kinds(first.outcomes)
    assert min(counted[it] for it in ("seed", "model", "test")) > 0
    assert first.cases == 0
    # what the driver and the adapter warn of, users see at every command
    assert "Warning" not in first.said


@pytest.mark.usefixtures("first")
def test_unit_tests_hold_on_this_engine_too(built: Built) -> None:
    """The first of each model; `ACSR_EVERY_UNIT_TEST=1` takes all (`make parity`)."""
    asked = unit_tests(built.home / "target" / "manifest.json")
    if os.environ.get("ACSR_EVERY_UNIT_TEST") != "1":
        asked = {model: names[:1] for model, names in asked.items()}
    names = [name for of_model in asked.values() for name in of_model]
    built.dbt("test", "--select", *names)
    outcomes = built.outcomes()
    assert kinds(outcomes)["unit_test"] == len(names) > 0
    assert set(outcomes.values()) <= {"success", "pass"}


@pytest.mark.usefixtures("first")
def test_every_model_and_test_passes_on_rows(built: Built, tmp_path: Path) -> None:
    """A second build, of a batch, is held row for row against DuckDB elsewhere."""
    simulate(
        Settings(
            days=3,
            cases_per_day=20,
            seed=1,
            until=date(2026, 6, 1),
            out=tmp_path / "landing",
            truth=tmp_path / "truth",
            faults=False,
        )
    )
    loaded = load_landing(tmp_path / "landing", AS_OF, tmp_path / "home")
    assert copy_raw(built.server, loaded, DATABASE)["agent_events"] > 0
    built.dbt("build", *NO_UNIT_TESTS)
    # warnings are about the made-up words of the simulator, and no failures
    assert set(built.outcomes().values()) <= {"success", "pass", "warn"}
    assert built.count("MARTS.FCT_CASES") > 50


@pytest.mark.usefixtures("first")
def test_the_documentation_describes_what_is_there(built: Built) -> None:
    built.dbt("docs", "generate", "--no-compile")
    text = (built.home / "target" / "catalog.json").read_text(encoding="utf-8")
    catalog = json.loads(text)
    assert not catalog["errors"]
    marts = {
        node["metadata"]["name"]
        for node in catalog["nodes"].values()
        if node["metadata"]["schema"] == "MARTS"
    }
    assert "FCT_CASES" in marts


def test_descriptions_are_kept_in_the_database(built: Built, first: First) -> None:
    text = (built.home / "target" / "manifest.json").read_text(encoding="utf-8")
    for node in json.loads(text)["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] == "MARTS":
            kept = node["config"]["persist_docs"]
            assert kept == {"relation": True, "columns": True}, node["name"]
    alter = r'(?i)alter\s+table \S+fct_cases alter\s+"CASE_KEY" comment \$\$\w'
    assert re.search(alter, first.log)
