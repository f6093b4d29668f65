"""What a build takes up, what it leaves alone, and what it makes good."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from orchestration import project
from tests.invariant.cases import draw_cases
from tests.invariant.fixed_cases import session
from tests.invariant.warehouses import NO_TESTS, BuildError, Warehouse
from tests.oracle.worlds import AS_OF
from tests.support import dbt_environment

DAYS = 6
LONELY = "lonely-{}"
# some lonely sessions are given up but not mature by then, others the other way round
LATER = AS_OF + timedelta(days=3)
NOBODY_READS = "release_report"
KILLED_AFTER = "model marts.fct_sessions"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Some worlds, and one session a day that has nothing to do with any other."""
    warehouse = Warehouse(tmp_path_factory.mktemp("built"))
    drawn = [
        (arrival.feed, arrival.text)
        for case in draw_cases(12, steps=1)
        for arrival in case.arrivals
    ]
    lonely = [
        line
        for day in range(DAYS)
        for line in session(LONELY.format(day), AS_OF - timedelta(days=day + 1))
    ]
    warehouse.load([*drawn, *lonely])
    warehouse.build(AS_OF)
    return warehouse


def test_a_batch_rebuilds_what_it_touches(built: Warehouse, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    (line, *_) = session(LONELY.format(3) + "-more", AS_OF - timedelta(days=4))
    again = json.loads(line[1]) | {"session_id": LONELY.format(3)}
    warehouse.load([(line[0], json.dumps(again))])
    warehouse.build(AS_OF)
    done = warehouse.last_build()
    assert {
        name: done[name]
        for name in ("is_full", "loads", "records", "sessions", "cases", "days")
    } == {
        "is_full": False,
        "loads": 1,
        "records": 1,
        "sessions": 1,
        "cases": 1,
        "days": 1,
    }
    counts = warehouse.rows(
        "select event_count from marts.fct_sessions where session_id = 'lonely-3'"
    )
    assert counts == [(5,)]


def test_time_alone_ripens_cases_and_takes_it_back(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse, whole = built.copy(tmp_path / "one"), built.copy(tmp_path / "two")
    warehouse.build(LATER)
    done = warehouse.last_build()
    assert (done["is_full"], done["loads"], done["records"]) == (False, 0, 0)
    assert done["cases"] > 0
    whole.build(LATER, "--full-refresh")
    assert whole.last_build()["is_full"]
    assert warehouse.fingerprint() == whole.fingerprint() != built.fingerprint()
    warehouse.build(AS_OF)
    assert warehouse.fingerprint() == built.fingerprint()


def test_silence_alone_makes_an_assumed_resolution(
    built: Warehouse, tmp_path: Path
) -> None:
    """A day after its last event, long before the case would be given up."""
    assumed = (
        "select is_assumed_resolved_24h, is_assumed_resolved_72h "
        "from marts.definition_bridge_cases where case_id = 'lonely-0'"
    )
    warehouse = built.copy(tmp_path)
    assert warehouse.rows(assumed) == [(False, False)]
    warehouse.build(AS_OF + timedelta(hours=1))
    assert not warehouse.last_build()["is_full"]
    assert warehouse.rows(assumed) == [(True, False)]


def test_other_settings_rebuild_everything(built: Warehouse, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    warehouse.build(AS_OF, variables={"abandon_after_hours": 24})
    assert warehouse.last_build()["is_full"]


@pytest.fixture(scope="module")
def another_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project with one more row in a seed, and one test of a mart, which fails."""
    root = tmp_path_factory.mktemp("project")
    for name in ("models", "macros", "seeds", "snapshots", "analyses", "tests/generic"):
        shutil.copytree(project.ROOT / name, root / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(project.ROOT / name, root / name)
    with (root / "seeds" / "closed_statuses.csv").open("a", encoding="utf-8") as seed:
        seed.write("away\n")
    (root / "tests" / "assert_no_report_exists.sql").write_text(
        f"select count(*) as reports from {{{{ ref('{NOBODY_READS}') }}}}"
    )
    return root


def test_another_seed_rebuilds_everything(
    built: Warehouse, tmp_path: Path, another_project: Path
) -> None:
    warehouse = built.copy(tmp_path)
    warehouse.build(AS_OF, root=another_project)
    assert warehouse.last_build()["is_full"]


def test_what_a_test_has_found_wrong_stays_pending(
    built: Warehouse, tmp_path: Path, another_project: Path
) -> None:
    """Else the next build, which tests only what it rebuilds, would pass it."""
    warehouse = built.copy(tmp_path)
    only_it = ("--exclude", "tag:nightly", "test_type:generic", "test_type:unit")
    with pytest.raises(BuildError, match=r"assert_no_report_exists\S*: fail"):
        warehouse.build(AS_OF, root=another_project, kinds=only_it)
    assert warehouse.last_build() == built.last_build()
    warehouse.build(AS_OF, root=another_project)
    assert warehouse.last_build() != built.last_build()


LOOKED_AT = (
    "int_agent_events_placed_is_well_formed",
    "fct_sessions_is_well_formed",
    "assert_customers_are_known_by_their_hash_alone",
    "assert_every_session_belongs_to_one_case_and_follows_its_parent",
    "assert_stored_kpis_equal_kpis_rebuilt_from_facts",
)


def test_a_batch_is_tested_alone_and_everything_by_night(
    built: Warehouse, tmp_path: Path
) -> None:
    """What was wrong before, with another session, is no matter of the batch."""
    warehouse = built.copy(tmp_path)
    other, day = "session_id = 'lonely-1'", f"{AS_OF - timedelta(days=2):%Y-%m-%d}"
    for table in ("intermediate.int_agent_events_placed", "marts.fct_sessions"):
        warehouse.rows(f"insert into {table} from {table} where {other}")
    warehouse.rows(f"update marts.fct_sessions set customer_key = 'ann' where {other}")
    warehouse.rows(
        "update marts.kpi_daily set denominator = denominator + 1 "
        f"where opened_on = '{day}'"
    )
    warehouse.load(session("lonely-new", AS_OF - timedelta(days=4)))
    models = ("--indirect-selection", "empty", "--select", "resource_type:model")
    kinds = ("--exclude", "tag:nightly", *models, *LOOKED_AT)
    warehouse.build(AS_OF, kinds=kinds)
    assert warehouse.last_build()["sessions"] == 1
    # the first that fails stops what reads it, and so all the others
    with pytest.raises(BuildError, match=rf"{LOOKED_AT[0]}\S*: fail"):
        warehouse.build(AS_OF, kinds=kinds, variables={"test_all": True})


def test_a_backfill_mends_its_window_and_nothing_else(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path)
    for table in ("fct_sessions", "fct_cases"):
        warehouse.rows(f"update marts.{table} set channel = 'damaged'")
    lonely = (
        "select session_id, channel from marts.fct_sessions "
        "where session_id like 'lonely-%' order by session_id"
    )
    warehouse.load(session("lonely-new", AS_OF - timedelta(days=20)))
    first, last = AS_OF - timedelta(days=3), AS_OF - timedelta(days=2)
    window = {"rebuild_from": f"{first:%Y-%m-%d}", "rebuild_to": f"{last:%Y-%m-%d}"}
    warehouse.build(AS_OF, variables=window)
    mended = {f"lonely-{day}": None if day in (1, 2) else "damaged" for day in range(6)}
    assert dict(warehouse.rows(lonely)) == mended
    assert warehouse.last_build() == built.last_build()
    assert warehouse.rows("select load_id from intermediate.loads_built") == [
        ("load-0",)
    ]
    in_window = f"where opened_on between '{first:%Y-%m-%d}' and '{last:%Y-%m-%d}'"
    cases = f"select * from marts.fct_cases {in_window} order by case_key"
    assert warehouse.rows(cases) == built.rows(cases)
    warehouse.build(AS_OF)
    assert dict(warehouse.rows(lonely)) == mended | {"lonely-new": None}


def test_a_load_that_goes_on_after_a_build_is_taken_in_whole(
    built: Warehouse, tmp_path: Path
) -> None:
    """On an engine that takes many writers, a build may see half of a load."""
    warehouse = built.copy(tmp_path)
    warehouse.load(session("lonely-late", AS_OF - timedelta(days=4)))
    for table, column in (("agent_events", "_load_id"), ("load_history", "load_id")):
        warehouse.rows(f"update raw.{table} set {column} = 'load-0'")
    warehouse.build(AS_OF)
    found = "select count(*) from marts.fct_sessions where session_id = 'lonely-late'"
    assert warehouse.rows(found) == [(1,)]
    assert not warehouse.last_build()["is_full"]


def test_what_a_killed_build_left_is_made_good(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path / "killed")
    more = [
        (arrival.feed, arrival.text)
        for case in draw_cases(24, steps=1)[12:]
        for arrival in case.arrivals
    ]
    moved = [
        json.dumps(json.loads(text) | {"version": 9, "session_id": LONELY.format(5)})
        for _, text in session(LONELY.format(4), AS_OF - timedelta(days=5))
    ]
    warehouse.load([*more, *(("agent_events", text) for text in moved)])
    kill_a_build(warehouse)
    assert warehouse.rows("select count(*) from intermediate.builds") == [(1,)]
    whole = warehouse.copy(tmp_path / "whole")
    warehouse.build(AS_OF)
    assert not warehouse.last_build()["is_full"]
    whole.build(AS_OF, "--full-refresh")
    assert warehouse.fingerprint() == whole.fingerprint()


def kill_a_build(warehouse: Warehouse) -> None:
    """Kills a build, at a later "now", as soon as it says that sessions are rebuilt."""
    command = [str(project.DBT), "build", "--no-write-json", *NO_TESTS]
    with dbt_environment(warehouse.folder, LATER.replace(tzinfo=UTC)):
        process = subprocess.Popen(
            command, cwd=project.ROOT, stdout=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            if KILLED_AFTER in line and " OK " in line:
                process.kill()
                return
    pytest.fail(f"the build ended before it was killed: {process.returncode}")
