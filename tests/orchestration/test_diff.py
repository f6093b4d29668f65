from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import project
from orchestration.diff import builds, compare, render
from orchestration.diff.builds import Build
from orchestration.diff.tables import Difference, stated_grains
from tests.orchestration.tiny import Tiny

KPIS = """
create table marts.dim_kpis as
    select 'rate' as kpi, 'Resolved' as label, 'share' as unit, 1 as sort_order;
create table marts.kpi_trends as
    select 'rate' as kpi, date '2026-05-01' as period_start, 'month' as period_type,
        'all' as segment_type, {numerator} / 10.0 as value,
        cast({numerator} as double) as numerator, 10.0 as denominator;
"""
CASES = """
create table marts.cases as
    select * from (values ('a', 1, true), ('b', 2, {flag})) as t (id, cost, is_done);
"""
GRAINS = {"cases": ("id",)}


def warehouse(path: Path, *statements: str) -> Path:
    """A DuckDB file with marts made by statements."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        for statement in statements:
            connection.execute(statement)
    return path


def difference(base: Path, head: Path, table: str = "cases") -> Difference:
    (found,) = (one for one in compare(base, head, GRAINS) if one.table == table)
    return found


def page(base: Path, head: Path, **sides: dict[str, Any]) -> str:
    before = Build("main", base, **sides.get("before", {}))
    after = Build("here", head, **sides.get("after", {}))
    return render(before, after, compare(base, head, GRAINS), "two tables")


def test_the_same_marts_have_not_moved(tmp_path: Path) -> None:
    made = (CASES.format(flag="false"), KPIS.format(numerator=5))
    base = warehouse(tmp_path / "base.duckdb", *made)
    head = warehouse(tmp_path / "head.duckdb", *made)
    assert not any(one.is_any for one in compare(base, head, GRAINS))
    text = page(base, head)
    assert "**Nothing moved**" in text
    assert "No KPI moved." in text
    assert "### Rows" not in text


def test_rows_are_told_apart_by_their_grain(tmp_path: Path) -> None:
    base = warehouse(tmp_path / "base.duckdb", CASES.format(flag="false"))
    head = warehouse(
        tmp_path / "head.duckdb",
        CASES.format(flag="true"),
        "delete from marts.cases where id = 'a'",
        "insert into marts.cases values ('c', null, null)",
    )
    found = difference(base, head)
    assert (found.rows, found.came, found.gone, found.changed) == ((2, 2), 1, 1, 1)
    assert found.moved == {"is_done": 1}
    assert [(it.what, it.key, it.moved) for it in found.examples] == [
        ("changed", {"id": "b"}, {"is_done": (False, True)}),
        ("came", {"id": "c"}, {}),
        ("gone", {"id": "a"}, {}),
    ]
    assert "`cases` changed: id b: `is_done` False → True" in page(base, head)


def test_a_null_is_a_value_like_others(tmp_path: Path) -> None:
    base = warehouse(tmp_path / "base.duckdb", CASES.format(flag="null"))
    head = warehouse(tmp_path / "head.duckdb", CASES.format(flag="false"))
    assert difference(base, base).is_any is False
    assert difference(base, head).moved == {"is_done": 1}


@pytest.mark.parametrize("grains", [{}, {"cases": ("cost",)}, {"cases": ("no_such",)}])
def test_without_a_grain_that_holds_whole_rows_are_compared(
    tmp_path: Path, grains: dict[str, tuple[str, ...]]
) -> None:
    double = "insert into marts.cases values ('a', 1, true)"
    base = warehouse(tmp_path / "base.duckdb", CASES.format(flag="false"), double)
    head = warehouse(
        tmp_path / "head.duckdb", CASES.format(flag="true"), double, double
    )
    (found,) = compare(base, head, grains)
    assert (found.grain, found.came, found.gone, found.changed) == ((), 2, 1, 0)


def test_tables_and_columns_that_came_went_or_changed_type_are_told(
    tmp_path: Path,
) -> None:
    base = warehouse(
        tmp_path / "base.duckdb",
        CASES.format(flag="false"),
        "create table marts.old as select 1 as one",
    )
    head = warehouse(
        tmp_path / "head.duckdb",
        CASES.format(flag="false"),
        "alter table marts.cases alter cost type bigint",
        "alter table marts.cases drop is_done",
        "alter table marts.cases add tier varchar",
        "create table marts.new as select 1 as one",
    )
    found = difference(base, head)
    assert found.columns == [
        "`cost` was integer, is bigint",
        "`tier` added (varchar)",
        "`is_done` removed (boolean)",
    ]
    assert found.changed == 0
    text = page(base, head)
    assert "`old` removed (1 row)" in text
    assert "`new` added (1 row)" in text


def test_who_loaded_it_is_no_difference(tmp_path: Path) -> None:
    base, head = (
        warehouse(
            tmp_path / f"{name}.duckdb",
            f"create table marts.cases as select 'a' as id, '{name}' as load_id",
        )
        for name in ("base", "head")
    )
    assert not difference(base, head).is_any


def test_a_kpi_that_moved_has_its_label_and_unit(tmp_path: Path) -> None:
    base = warehouse(tmp_path / "base.duckdb", KPIS.format(numerator=5))
    head = warehouse(tmp_path / "head.duckdb", KPIS.format(numerator=6))
    assert (
        "| Resolved (`rate`, share) | 2026-05 | 50.0% | 60.0% | +10.0 pp | 10 | 10 |"
    ) in page(base, head)


def manifest(sql: str) -> dict[str, Any]:
    model = {
        "resource_type": "model",
        "name": "cases",
        "compiled_code": sql,
        "checksum": {"checksum": "the file is the same"},
        "config": {"materialized": "table"},
    }
    board = {
        "type": "dashboard",
        "name": "overview",
        "label": "Overview",
        "owner": {"name": "Support"},
        "depends_on": {"nodes": ["model.p.report"]},
    }
    return {
        "nodes": {
            "model.p.cases": model,
            "model.p.report": {**model, "name": "report", "compiled_code": "same"},
        },
        "child_map": {"model.p.cases": ["model.p.report"]},
        "exposures": {"exposure.p.overview": board},
    }


def test_exposures_downstream_of_a_changed_model_are_named(tmp_path: Path) -> None:
    base = warehouse(tmp_path / "base.duckdb", CASES.format(flag="false"))
    before, after = manifest("select 1"), manifest("select 2")
    text = page(base, base, before={"manifest": before}, after={"manifest": after})
    assert "Changed models and seeds: `cases`." in text
    assert "dashboard **Overview** (owner Support) reads `report`" in text
    still = page(base, base, before={"manifest": before}, after={"manifest": before})
    assert "Overview" not in still


def test_another_lock_is_said(tmp_path: Path) -> None:
    base = warehouse(tmp_path / "base.duckdb", CASES.format(flag="false"))
    text = page(base, base, before={"lock": "a==1\nb==1"}, after={"lock": "a==2\nb==1"})
    assert "`requirements.lock` differs in 2 lines" in text
    assert "requirements.lock" not in page(base, base)


def test_the_grain_is_what_the_tests_state() -> None:
    def tested(model: str, name: str, **arguments: object) -> dict[str, Any]:
        about = {"name": name, "kwargs": arguments}
        return {"attached_node": f"model.p.{model}", "test_metadata": about}

    nodes = {
        **{f"model.p.{name}": {"name": name} for name in ("one", "two", "three")},
        "test.1": tested("one", "unique", column_name="id"),
        "test.2": tested("two", "unique", column_name="id"),
        "test.3": tested("two", "unique_combination", columns=["day", "kpi"]),
        "test.4": tested("three", "not_null", column_name="id"),
        "test.5": {"attached_node": None},
    }
    assert stated_grains({"nodes": nodes}) == {"one": ("id",), "two": ("day", "kpi")}


@pytest.mark.parametrize("base", ["", "no-such-branch", "--help", "HEAD:README.md"])
def test_a_base_that_is_no_revision_is_one_line(base: str) -> None:
    with pytest.raises(project.ProjectError, match="BASE"):
        builds.resolve(base)


def test_two_revisions_are_built_from_the_same_files_and_compared(tiny: Tiny) -> None:
    """End to end, on the tiny project: one commit, then an edit nobody committed."""
    git(tiny, "init", "--quiet")
    git(tiny, "add", "--all")
    git(tiny, "commit", "--quiet", "--message=first")
    tiny.land("one.jsonl", "a", "b")
    model = tiny.root / "models" / "sessions.sql"
    model.write_text(model.read_text().replace("count(*)", "count(*) + 1"))
    done = tiny.run("-m", "orchestration", "diff", "HEAD", "--landing", "landing")
    assert done.returncode == 0, done.stderr
    assert "**1 mart of 1 moved.**" in done.stdout
    assert "| `sessions` | session_id | 2 | 2 | 0 | 0 | 2 | `events` 2 |" in done.stdout
    assert "`sessions` changed: session_id a: `events` 1 → 2" in done.stdout
    assert "Changed models and seeds: `sessions`." in done.stdout
    written = list(tiny.root.rglob("diff.md"))
    assert [path.read_text(encoding="utf-8") for path in written] == [done.stdout]


def git(tiny: Tiny, *arguments: str) -> None:
    name = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *name, *arguments], cwd=tiny.root, check=True)
