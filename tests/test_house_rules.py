"""The house rules of dbt-bouncer.yml hold, and each would say so if it did not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration import project

RULES = project.ROOT / "dbt-bouncer.yml"
BOUNCER = Path(sys.executable).parent / "dbt-bouncer"

Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads(project.manifest().read_bytes())


def failures(manifest: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """Of each rule that a manifest breaks, by whom: nodes, by name."""
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    rules["dbt_artifacts_dir"] = str(folder)
    rules["custom_checks_dir"] = str(project.ROOT / rules["custom_checks_dir"])
    config, said = folder / "dbt-bouncer.yml", folder / "said.json"
    config.write_text(yaml.safe_dump(rules), encoding="utf-8")
    done = subprocess.run(
        [
            *(str(BOUNCER), "run", "--config-file", str(config)),
            *("--output-file", str(said), "--output-format", "json"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.exists(), done.stdout + done.stderr
    found: dict[str, list[str]] = {}
    for one in json.loads(said.read_bytes()):
        if one["outcome"] != "success":
            rule, _, name = one["check_run_id"].partition(":")
            found.setdefault(rule, []).append(name.rpartition(":")[2])
    assert bool(found) == bool(done.returncode)
    return found


def test_the_house_rules_hold(manifest: dict[str, Any], tmp_path: Path) -> None:
    assert failures(manifest, tmp_path) == {}


def test_no_rule_has_exceptions_or_only_warns() -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["manifest_checks"]
    assert not any({"exclude", "severity"} & rule.keys() for rule in rules)


def told(node: Node) -> None:
    node["description"] = "All cases."


def disowned(node: Node) -> None:
    node["config"]["meta"] = node["meta"] = {}


def uncontracted(node: Node) -> None:
    node["config"]["contract"]["enforced"] = node["contract"]["enforced"] = False


def private(node: Node) -> None:
    node["access"] = node["config"]["access"] = "protected"


def misnamed(node: Node) -> None:
    node["columns"]["tested"] = {**node["columns"]["case_key"], "name": "tested"}
    node["columns"]["tested"]["data_type"] = "boolean"


def test_every_rule_is_seen_to_be_broken(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    """One mart breaks what a mart can break; one of each other kind hides its grain."""
    broken = json.loads(json.dumps(manifest))
    (name,) = (it for it in broken["nodes"] if it.endswith(".fct_cases"))
    node = broken["nodes"][name]
    breaks: list[Callable[[Node], None]] = [
        told,
        disowned,
        uncontracted,
        private,
        misnamed,
    ]
    for breaking in breaks:
        breaking(node)
    for test in broken["nodes"].values():
        if test.get("attached_node") == name:
            test["test_metadata"]["kwargs"].pop("grain", None)
    others = {"int_kpis_spread", "stg_loading__files", "recorded_cases", "intents"}
    for other in broken["nodes"].values():
        if other["name"] in others and other["resource_type"] != "test":
            told(other)
    told(next(it for it in broken["sources"].values() if it["name"] == "tau2_runs"))
    project_name = broken["metadata"]["project_name"]
    # the real boards read the broken model too, which is not what is asked here
    broken["exposures"].clear()
    board = f"exposure.{project_name}.a_board"
    broken["exposures"][board] = {
        "name": "a_board",
        "resource_type": "exposure",
        "package_name": project_name,
        "path": "boards.yml",
        "original_file_path": "models/boards.yml",
        "unique_id": board,
        "fqn": [project_name, "a_board"],
        "type": "dashboard",
        "owner": {"email": None, "name": None},
        "description": "",
        "depends_on": {"macros": [], "nodes": []},
    }
    found = failures(broken, tmp_path)
    assert found.keys() >= {
        "check_model_description_contains_regexp_pattern",
        "check_seed_opens_with_its_grain",
        "check_snapshot_opens_with_its_grain",
        "check_source_opens_with_its_grain",
        "check_model_has_meta_keys",
        "check_model_has_contracts_enforced",
        "check_model_access",
        "check_model_column_type_complies_to_column_name",
        "check_model_states_its_grain",
        "check_exposure_description_populated",
        "check_exposure_has_owner",
        "check_exposure_based_on_model",
    }
    assert {name for names in found.values() for name in names} == {
        "fct_cases",
        "a_board",
        "raw_tau2_runs",
        *others,
    }
