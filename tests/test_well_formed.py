"""The one generic test of a relation: each rule broken once, and named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from orchestration import project
from tests.support import dbt_state

PROMISES = {
    "grain": ["id", "version"],
    "unique": [["name"]],
    "not_null": ["id", "kind"],
    "accepted_values": {"kind": ["a", "it's"], "size": [1, 2]},
    "relationships": {
        "parent": {"to": "ref('known')", "field": "number"},
        "country": {"to": "ref('known')", "field": "country"},
    },
}
COLUMNS = ("id", "version", "name", "kind", "size", "parent", "country")
SOUND = (
    (1, None, "one", "a", 1, 10, "at"),
    (1, 2, "two", "it's", 2, None, None),
    (2, None, None, "a", None, 20, "be"),
)
# what breaks a rule: rows beside the sound ones, and what must then be said
BROKEN = {
    "a_second_row_of_the_grain": (
        [(1, 2, "three", "a", 1, 10, "at")],
        ["grain (id, version), 1 found, such as 1, 2"],
    ),
    "nulls_of_the_grain_are_alike": (
        [(2, None, "three", "a", 1, 10, "at")],
        ["grain (id, version), 1 found, such as 2, null"],
    ),
    "a_second_row_of_another_key": (
        [(3, 1, "one", "a", 1, 10, "at"), (4, 1, "two", "a", 1, 10, "at")],
        ["unique (name), 2 found, such as one"],
    ),
    "nothing_where_something_must_be": (
        [(3, 1, "three", None, 1, 10, "at"), (4, 1, "four", None, 1, 10, "at")],
        ["not_null (kind), 2 found"],
    ),
    "another_word": (
        [(3, 1, "three", "A", 1, 10, "at")],
        ["accepted_values (kind), 1 found, such as A"],
    ),
    "another_number": (
        [(3, 1, "three", "a", 3, 10, "at")],
        ["accepted_values (size), 1 found, such as 3"],
    ),
    "nobody_it_refers_to": (
        [(3, 1, "three", "a", 1, 30, "at"), (4, 1, "four", "a", 1, 30, "be")],
        ["relationships (parent), 2 found, such as 30"],
    ),
    "several_rules_at_once": (
        [(None, 1, "one", "b", 1, 10, "ch")],
        [
            "accepted_values (kind), 1 found, such as b",
            "not_null (id), 1 found",
            "relationships (country), 1 found, such as ch",
            "unique (name), 1 found, such as one",
        ],
    ),
}
RELATIONS = {
    "sound": [],
    "empty": None,
    **{name: rows for name, (rows, _) in BROKEN.items()},
}
PROJECT = """\
name: promises
profile: acsr
models: {+materialized: table}
on-run-end: ["{{ tell_broken_rules(results) }}"]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A project with a relation per broken rule, built and tested."""
    root = tmp_path_factory.mktemp("promises")
    for name in ("tests/generic/well_formed.sql", "macros/broken_rules.sql"):
        (root / name).parent.mkdir(parents=True)
        shutil.copy(project.ROOT / name, root / name)
    shutil.copy(project.ROOT / "profiles.example.yml", root / "profiles.yml")
    (root / "dbt_project.yml").write_text(PROJECT)
    models = root / "models"
    models.mkdir()
    (models / "known.sql").write_text(
        "select * from (values (10, 'at'), (20, 'be'), (null, null))"
        " as known (number, country)"
    )
    for name, more in RELATIONS.items():
        (models / f"{name}.sql").write_text(relation(more))
    described = [described_model(name) for name in RELATIONS]
    described.append(described_model("partly", where="id = 2"))
    (models / "partly.sql").write_text(relation(BROKEN["another_word"][0]))
    described.append(described_model("warned", severity="warn"))
    (models / "warned.sql").write_text(relation(BROKEN["another_word"][0]))
    (models / "models.yml").write_text(json.dumps({"models": described}))
    return project.run_dbt(
        *("build", "--project-dir", str(root), "--profiles-dir", str(root)),
        environment={**dbt_state(root / "home"), "DBT_PROJECT_DIR": str(root)},
    )


def relation(more: list[tuple] | None) -> str:
    rows = [*SOUND, *(more or [])]
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    kept = "where false" if more is None else ""
    return f"select * from (values {values}) as listed ({', '.join(COLUMNS)}) {kept}"


def literal(value: object) -> str:
    if value is None:
        return "null"
    return (
        "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value}"
    )


def described_model(name: str, **config: str) -> dict[str, object]:
    stated = {"name": f"{name}_is_well_formed", "arguments": PROMISES, "config": config}
    return {"name": name, "data_tests": [{"well_formed": stated}]}


def said_of(built: subprocess.CompletedProcess[str], name: str) -> list[str]:
    return sorted(re.findall(rf"Broken rule of {name}: (.*)", built.stdout))


def statuses(built: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found = re.findall(r"(PASS|FAIL|WARN)(?: \d+)? (\w+)_is_well_formed", built.stdout)
    return {name: status for status, name in found}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_fails_and_is_named(
    name: str, built: subprocess.CompletedProcess[str]
) -> None:
    assert statuses(built)[name] == "FAIL", built.stdout
    assert said_of(built, name) == BROKEN[name][1]


@pytest.mark.parametrize("name", ["sound", "empty", "partly"])
def test_what_keeps_its_promises_passes(
    name: str, built: subprocess.CompletedProcess[str]
) -> None:
    """`partly` is tested by a `where` that leaves the broken row out."""
    assert statuses(built)[name] == "PASS", built.stdout
    assert said_of(built, name) == []


def test_a_warning_says_what_it_warns_of(
    built: subprocess.CompletedProcess[str],
) -> None:
    assert statuses(built)["warned"] == "WARN", built.stdout
    assert said_of(built, "warned") == BROKEN["another_word"][1]
