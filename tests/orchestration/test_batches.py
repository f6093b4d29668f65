"""What orchestration says of a batch, and what it takes for a window."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration import __main__, engines, project

FIGURES = {
    "is_full": False,
    "loads": 2,
    "records": 300,
    "sessions": 40,
    "cases": 30,
    "days": 3,
}


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty warehouse that the project takes for its own."""
    monkeypatch.setenv("ACSR_HOME", str(tmp_path))
    monkeypatch.delenv("DBT_TARGET", raising=False)
    duckdb.connect(str(project.warehouse())).close()
    return project.warehouse()


def test_before_the_first_build_there_is_nothing_to_say(warehouse: Path) -> None:
    assert engines.last_build() == {}


def test_the_last_build_is_shown_not_the_first(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.builds as "
            "select 1 as build_number, true as is_full, 1 as loads, 9 as records, "
            "9 as sessions, 9 as cases, 9 as days union all by name "
            "select 2 as build_number, false as is_full, 2 as loads, 300 as records, "
            "40 as sessions, 30 as cases, 3 as days"
        )
    assert engines.last_build() == FIGURES


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("yesterday", "2026-05-02", "FROM='yesterday' is no day"),
        ("2026-05-01", "", "TO='' is no day"),
        ("2026-05-03", "2026-05-02", "FROM=2026-05-03 is after TO=2026-05-02"),
    ],
)
def test_a_window_that_is_none_is_refused_by_name(
    first: str, last: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["backfill", first, last]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["macros/engine/one.sql", "seeds/one.csv"])
def test_another_macro_or_seed_is_another_fingerprint(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "dbt_project.yml").write_text("vars: {}")
    written = tmp_path / name
    written.parent.mkdir(parents=True)
    written.write_text("one")
    before = project.dbt_environment()["ACSR_MACROS"]
    assert project.dbt_environment()["ACSR_MACROS"] == before
    written.write_text("another")
    assert project.dbt_environment()["ACSR_MACROS"] != before


def test_seeds_are_there_if_the_last_build_had_them(warehouse: Path) -> None:
    def build(number: int, macros: str | None) -> None:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("create schema if not exists intermediate")
            connection.execute(
                "create table if not exists intermediate.builds "
                "(build_number bigint, macros varchar)"
            )
            connection.execute(
                "insert into intermediate.builds values (?, ?)", [number, macros]
            )

    assert not engines.has_seeds()
    build(1, project.macros_fingerprint())
    assert engines.has_seeds()
    for number, macros in ((2, "others"), (3, None)):
        build(number, macros)
        assert not engines.has_seeds()
