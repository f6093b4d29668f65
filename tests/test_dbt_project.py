"""The dbt project as a whole: every unit test, on a warehouse where nothing landed."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import FEEDS
from tests.support import build_warehouse

DESCRIBED = ("model", "seed", "snapshot", "source")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models, snapshots, unit and data tests, with no landing folder at all."""
    folder = tmp_path_factory.mktemp("project")
    build_warehouse(
        folder / "nothing",
        "2026-01-31T12:00:00+00:00",
        folder / "home",
        command=("build",),
    )
    return folder / "home"


def test_every_rule_holds_and_every_feed_is_optional(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        for feed in FEEDS:
            assert connection.table(f"raw.{feed}").count("*").fetchone() == (0,)
        marts = connection.execute(
            "select count(*) from information_schema.tables "
            "where table_schema = 'marts'"
        ).fetchone()
    assert marts != (0,)


def test_every_column_that_is_there_is_described_and_no_other(home: Path) -> None:
    """Of every model, seed, snapshot and source; what is described may not be gone."""
    manifest = json.loads((home / "target" / "manifest.json").read_bytes())
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    described = {
        f"{node['schema']}.{node.get('alias') or node['name']}.{name}"
        for node in nodes
        if node["resource_type"] in DESCRIBED
        for name, column in node["columns"].items()
        if column["description"].strip()
    }
    relations = {name.rpartition(".")[0] for name in described}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name || '.' || column_name "
            "from duckdb_columns() where not internal"
        ).fetchall()
    there = {name for (name,) in rows if name.rpartition(".")[0] in relations}
    assert described == there
    assert relations == {
        f"{node['schema']}.{node.get('alias') or node['name']}"
        for node in nodes
        if node["resource_type"] in DESCRIBED
    }
