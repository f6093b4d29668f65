"""Two ways to the same figures: the models, and a script written by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from benchmarks import floor, trends
from tests.benchmarks.conftest import Built


def test_floor_and_pipeline_say_the_same(built: Built) -> None:
    assert floor.differences(built.floor, built.warehouse) == []


def test_the_load_has_what_rules_tell_apart(built: Built) -> None:
    counts = floor.counts(built.floor)
    # as late as this nothing is in progress any more
    assert counts.pop("cases in_progress") == 0
    assert min(counts.values()) > 0
    with duckdb.connect(str(built.floor), read_only=True) as connection:
        kpis = connection.execute(
            "select kpi from kpi_daily group by kpi having sum(d) = 0 or sum(n) = 0"
        ).fetchall()
        links = connection.execute("select count(*) from parents").fetchone()[0]
    # a day after it nobody has audited cases of the day
    assert kpis in ([], [("audited_compliance_rate",)])
    assert links > 0


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("delete from cases where rowid = 0", "cases: pipeline"),
        (
            "update kpi_daily set n = n + 1 where kpi = 'containment_rate' and d > 9",
            "containment_rate: ",
        ),
        ("delete from kpi_daily where kpi = 'reopen_rate' and d > 0", "reopen_rate: "),
    ],
)
def test_a_difference_is_found(
    built: Built, tmp_path: Path, change: str, finding: str
) -> None:
    copy = Path(shutil.copy(built.floor, tmp_path / "floor.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(change)
    found = floor.differences(copy, built.warehouse)
    assert any(text.startswith(finding) for text in found), found


def test_every_trend_query_has_an_answer(built: Built, tmp_path: Path) -> None:
    path = tmp_path / "trends.duckdb"
    rows = trends.make_history(built.warehouse, path, days=20)
    assert min(rows.values()) > 0
    answers = trends.ask(path, rounds=1)
    assert len(answers) == trends.QUERIES.read_text().count(";")
    assert [answer.name for answer in answers if not answer.rows] == []


def test_a_history_of_another_shape_is_refused(built: Built, tmp_path: Path) -> None:
    copy = Path(shutil.copy(built.warehouse, tmp_path / "warehouse.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("alter table marts.kpi_trends add column is_new boolean")
    with pytest.raises(ValueError, match="is_new"):
        trends.make_history(copy, tmp_path / "trends.duckdb", days=20)
