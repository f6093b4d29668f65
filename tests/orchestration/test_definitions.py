from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestration import project
from orchestration.loading import FEEDS
from tests.orchestration.tiny import Tiny, environment, run_python

# Any look beyond this machine leaves a note, whichever Python process takes it.
NO_NETWORK = """
import os, socket

def refuse(*arguments, **_):
    with open(os.environ["NETWORK_NOTES"], "a") as notes:
        notes.write(f"{arguments!r}\\n")
    raise OSError("no network here")

socket.getaddrinfo = socket.create_connection = refuse
socket.socket.connect = socket.socket.connect_ex = refuse
"""

DESCRIBE = """
import json
from orchestration.definitions import defs

graph = defs.resolve_asset_graph()
repository = defs.get_repository_def()
assets = {
    key.to_user_string(): {
        "parents": sorted(it.to_user_string() for it in graph.get(key).parent_keys),
        "is_external": graph.get(key).is_external,
        "pools": sorted(graph.get(key).pools or ()),
        "tags": sorted(graph.get(key).tags),
        "owners": sorted(graph.get(key).owners),
        "description": graph.get(key).description,
        "freshness": type(graph.get(key).freshness_policy).__name__,
    }
    for key in graph.get_all_asset_keys()
}
checks = {
    f"{key.asset_key.to_user_string()}:{key.name}": graph.get(key).blocking
    for key in graph.asset_check_keys
}
jobs = {
    job.name: {"config": job.run_config, "assets": sorted(
        key.to_user_string() for key in job.asset_layer.executable_asset_keys
    )}
    for job in repository.get_all_jobs()
}
schedules = {
    it.name: [it.job_name, it.cron_schedule] for it in repository.schedule_defs
}
sensors = {
    it.name: [target.job_name for target in it.targets] for it in repository.sensor_defs
}
print("@@" + json.dumps({
    "assets": assets, "checks": checks, "jobs": jobs,
    "schedules": schedules, "sensors": sensors,
}))
"""

DESCRIBE_INSTANCE = """
import json
import os
from dagster import DagsterInstance
from orchestration import project

os.environ["DAGSTER_HOME"] = str(project.dagster_home())
with DagsterInstance.get() as instance:
    print(json.dumps([
        instance.telemetry_enabled,
        instance.nux_enabled,
        instance.run_monitoring_enabled,
        instance.get_concurrency_config().pool_config.default_pool_limit,
        instance.run_monitoring_settings["free_slots_after_run_end_seconds"],
        instance.run_monitoring_max_runtime_seconds,
        instance.run_retries_enabled,
        instance.run_retries_max_retries,
        instance.run_retries_retry_on_asset_or_op_failure,
    ]))
"""


def run_here(state: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in this project; whatever it leaves is left in `state`."""
    environ = {
        **environment(state),
        "ACSR_HOME": str(state / "home"),
        "DBT_TARGET_PATH": str(state / "target"),
        "DBT_LOG_PATH": str(state / "logs"),
    }
    return run_python(project.ROOT, environ, "-c", script)


def described(output: str) -> dict[str, Any]:
    return json.loads(output.rpartition("@@")[2])


@pytest.fixture(scope="module")
def tiny_graph(parsed_tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Definitions of a fresh checkout: no profile, manifest, home, key or network."""
    folder = tmp_path_factory.mktemp("fresh") / "it's fresh"
    shutil.copytree(parsed_tiny.root, folder)
    tiny = Tiny(folder)
    (folder / "profiles.yml").unlink()
    for left in (tiny.home, folder / "target", folder / "logs"):
        shutil.rmtree(left)
    (folder / "no network").mkdir()
    (folder / "no network" / "sitecustomize.py").write_text(NO_NETWORK)
    notes = folder / "notes"
    done = tiny.run(
        "-c",
        DESCRIBE,
        environ={
            "PYTHONPATH": str(folder / "no network"),
            "NETWORK_NOTES": str(notes),
        },
    )
    assert done.returncode == 0, done.stderr
    assert not notes.exists(), notes.read_text()
    assert not (tiny.home / "warehouse.duckdb").exists()
    assert not (tiny.home / "hash_key").exists()
    return described(done.stdout)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Definitions of this project."""
    done = run_here(tmp_path_factory.mktemp("state"), DESCRIBE)
    assert done.returncode == 0, done.stderr
    return described(done.stdout)


def test_the_network_guard_would_tell(parsed_tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    notes = tmp_path / "notes"
    environ = {"PYTHONPATH": str(tmp_path), "NETWORK_NOTES": str(notes)}
    look = "import socket; socket.create_connection(('127.0.0.1', 9))"
    assert parsed_tiny.run("-c", look, environ=environ).returncode == 1
    assert "127.0.0.1" in notes.read_text()


def test_a_fresh_checkout_has_a_graph(tiny_graph: dict[str, Any]) -> None:
    assert "publication" in tiny_graph["assets"]
    assert "marts/sessions" in tiny_graph["assets"]


def test_every_feed_is_an_asset_under_the_key_of_its_dbt_source(
    tiny_graph: dict[str, Any],
) -> None:
    feeds = {f"raw/{feed}" for feed in FEEDS}
    assert feeds <= tiny_graph["assets"].keys()
    assert not any(tiny_graph["assets"][feed]["is_external"] for feed in feeds)
    assert tiny_graph["assets"]["marts/sessions"]["parents"] == ["raw/agent_events"]


def test_every_dbt_source_of_a_feed_meets_its_asset(graph: dict[str, Any]) -> None:
    """A feed that no model reads, or a source under another name, breaks lineage."""
    read = {parent for it in graph["assets"].values() for parent in it["parents"]}
    feeds = {f"raw/{feed}" for feed in FEEDS}
    assert feeds <= read
    assert not any(graph["assets"][feed]["is_external"] for feed in feeds)


def test_everything_that_opens_the_warehouse_holds_its_one_slot(
    graph: dict[str, Any],
) -> None:
    pools = {
        tuple(it["pools"])
        for name, it in graph["assets"].items()
        if not it["is_external"] and name != "alerts"
    }
    assert pools == {("warehouse",)}
    # what waits for an address must not keep the warehouse waiting
    assert graph["assets"]["alerts"]["pools"] == []
    assert graph["assets"]["alerts"]["parents"] == ["publication"]


def test_every_asset_has_an_owner_and_a_description(graph: dict[str, Any]) -> None:
    assets = {
        it: told for it, told in graph["assets"].items() if not told["is_external"]
    }
    assert not [it for it, told in assets.items() if not told["owners"]]
    assert not [it for it, told in assets.items() if not told["description"]]


def test_what_readers_and_the_night_wait_for_has_to_be_fresh(
    graph: dict[str, Any],
) -> None:
    fresh = {
        name: told["freshness"]
        for name, told in graph["assets"].items()
        if told["freshness"] != "NoneType"
    }
    assert (
        fresh.pop("publication") == fresh.pop("alerts") == "TimeWindowFreshnessPolicy"
    )
    assert set(fresh.values()) == {"CronFreshnessPolicy"}
    assert fresh.keys() == {
        name for name, told in graph["assets"].items() if "nightly" in told["tags"]
    }


def test_the_publication_waits_for_every_model_that_a_refresh_builds(
    tiny_graph: dict[str, Any], graph: dict[str, Any]
) -> None:
    assert tiny_graph["assets"]["publication"]["parents"] == ["marts/sessions"]
    assert "nightly" in tiny_graph["assets"]["marts/slow"]["tags"]

    models = {
        name
        for name, it in graph["assets"].items()
        if not it["is_external"]
        and not name.startswith("raw/")
        and name not in ("publication", "alerts")
        and not {"nightly", "seed"} & set(it["tags"])
    }
    assert set(graph["assets"]["publication"]["parents"]) == models


def test_dbt_tests_block_and_feed_checks_warn(tiny_graph: dict[str, Any]) -> None:
    dbt_tests = [
        "assert_no_poison",
        "unique_sessions_session_id",
    ]
    feed_checks = ["duplicates_agree", "every_record_is_clean", "feed_is_fresh"]
    assert tiny_graph["checks"] == {
        **{f"marts/sessions:{name}": True for name in dbt_tests},
        **{f"raw/{feed}:{name}": False for feed in FEEDS for name in feed_checks},
        "publication:the_newest_build_is_shown": False,
        "alerts:alerts_are_delivered": False,
    }


def test_both_jobs_take_everything_and_the_night_leaves_nothing_out(
    tiny_graph: dict[str, Any],
) -> None:
    jobs = {name: it for name, it in tiny_graph["jobs"].items() if name[0] != "_"}
    assert jobs.keys() == {"refresh", "nightly", "backfill"}
    assert jobs["refresh"]["assets"] == jobs["nightly"]["assets"]
    assert {"alerts", "publication", "marts/sessions", "raw/agent_events"} <= set(
        jobs["refresh"]["assets"]
    )
    assert not jobs["refresh"]["config"]
    night = jobs["nightly"]["config"]["ops"]["dbt_project"]["config"]
    assert night["leave_out"] == []
    assert night["test_all"] is True


def test_a_backfill_rebuilds_a_window_and_loads_nothing(
    tiny_graph: dict[str, Any],
) -> None:
    job = tiny_graph["jobs"]["backfill"]
    loads = {f"raw/{feed}" for feed in FEEDS}
    assert set(job["assets"]) == set(tiny_graph["jobs"]["refresh"]["assets"]) - loads
    window = job["config"]["ops"]["dbt_project"]["config"]
    assert window["rebuild_from"]
    assert window["rebuild_to"]


def test_dbt_is_told_of_a_window_and_a_night_but_of_nothing_in_a_refresh() -> None:
    from orchestration.defs.transform import Build

    plain = Build()
    assert plain.arguments() == plain.leave_out
    stated = Build(leave_out=[], rebuild_from="2026-05-01", rebuild_to="2026-05-02")
    assert stated.arguments() == [
        "--vars",
        '{"rebuild_from": "2026-05-01", "rebuild_to": "2026-05-02"}',
    ]
    assert Build(leave_out=[], test_all=True).arguments() == [
        "--vars",
        '{"test_all": true}',
    ]


def test_a_refresh_comes_every_quarter_of_an_hour_on_new_files_and_at_night(
    tiny_graph: dict[str, Any],
) -> None:
    assert tiny_graph["schedules"] == {
        "every_quarter_of_an_hour": ["refresh", "*/15 * * * *"],
        "every_night": ["nightly", "30 2 * * *"],
    }
    assert tiny_graph["sensors"] == {"new_files": ["refresh"], "failed_runs": []}


def test_the_instance_says_nothing_to_anybody_and_frees_slots(tmp_path: Path) -> None:
    done = run_here(tmp_path, DESCRIBE_INSTANCE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        *(False, False, True, 1, 60, 6 * 3600),
        *(True, 2, False),
    ]
    assert (tmp_path / "home" / "dagster" / "dagster.yaml").exists()


def test_python_is_the_one_that_runs_dbt() -> None:
    assert project.DBT.parent == Path(sys.executable).parent
