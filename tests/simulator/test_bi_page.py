"""Every query of docs/bi.md, on the published marts of a simulated month."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from orchestration.publish import publish

PAGE = (project.ROOT / "docs" / "bi.md").read_text(encoding="utf-8")
RECIPE = re.compile(r"^### (.+?)$(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
QUERY = re.compile(r"```sql\n(.*?)```", re.DOTALL)
RECIPES = {title: QUERY.findall(text) for title, text in RECIPE.findall(PAGE)}
JOIN = re.compile(r"^\| (`fct_\S.*?|`kpi_\S.*?) \| `(\w+)` \| `(.+?)` \|", re.MULTILINE)


@pytest.fixture(scope="session")
def published(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    publish(
        warehouse,
        folder,
        as_of=datetime(2026, 6, 1, tzinfo=UTC),
        git_revision=None,
        is_sample=True,
        texts=project.descriptions("marts"),
    )
    return folder / "current.duckdb"


def ask(published: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_page_has_recipes_that_marts_say_too() -> None:
    assert len(RECIPES) >= 10
    assert sum(len(queries) == 2 for queries in RECIPES.values()) >= 3
    assert all(len(queries) in (1, 2) for queries in RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_gives_rows_and_what_the_mart_says(
    published: Path, title: str
) -> None:
    query, *same = RECIPES[title]
    rows = ask(published, query)
    assert rows
    for other in same:
        assert ask(published, other) == rows


def joins() -> list[tuple[str, str, str]]:
    return [
        (table, target, columns)
        for tables, target, columns in JOIN.findall(PAGE)
        for table in re.findall(r"`(\w+)`", tables)
    ]


@pytest.mark.parametrize(("table", "target", "columns"), joins())
def test_a_join_of_the_star_neither_loses_nor_doubles_rows(
    published: Path, table: str, target: str, columns: str
) -> None:
    """Each row with a key has exactly one partner; one without has none."""
    pairs = [
        (pair.partition(" = ")[0], pair.partition(" = ")[2] or pair)
        for pair in columns.split(", ")
    ]
    on = " and ".join(f"facts.{ours} = there.{theirs}" for ours, theirs in pairs)
    has_key = " and ".join(f"facts.{ours} is not null" for ours, _ in pairs)
    partners = ask(
        published,
        f"select count(*) filter (where {has_key}), count(there.{pairs[0][1]}) "
        f"from marts.{table} as facts left join marts.{target} as there on {on}",
    )
    rows = ask(
        published, f"select count(*) from marts.{table} as facts where {has_key}"
    )
    assert rows != [(0,)]
    assert partners == [(rows[0][0], rows[0][0])]


def test_every_table_and_column_that_readers_open_is_described(published: Path) -> None:
    for kind, name in (
        ("tables", "table_name"),
        ("columns", "table_name || '.' || column_name"),
    ):
        silent = (
            f"select {name} from duckdb_{kind}() where schema_name = 'marts' "
            "and not internal and coalesce(comment, '') = '' order by all"
        )
        assert ask(published, silent) == []
