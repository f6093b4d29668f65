"""Tables as CSV that a spreadsheet shows and does not run.

Texts of logs were written by customers and models. A spreadsheet takes a cell that
begins with one of a few signs for a formula, which may send what is beside it
elsewhere. Marts and JSON keep texts as they are; CSV, which is for spreadsheets, does
not.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration import engines, project
from orchestration.whole_files import write_whole

# signs that begin a formula, wide forms among them, behind whatever does not show
_FORMULA = re.compile(
    r"[\s\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202f\u2060\ufeff]*"
    r"[=+\-@\uff0b\uff0d\uff1d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]"
    r"|[\t\r\n]"
)


def safe_cell(value: object) -> object:
    """A text that would be a formula gets an apostrophe before it; numbers stay.

    So says OWASP of CSV injection.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def as_csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Rows under a heading; every cell is safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    # the default line end: with another one, a lone carriage return is not quoted, and
    # what follows it begins a row
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow([safe_cell(row[name]) for name in names])
    return text.getvalue()


def export(mart: str, folder: Path) -> tuple[Path, int]:
    """Writes a published mart as CSV; returns the file and the number of its rows.

    Raises ProjectError where there is no such mart.
    """
    with engines.reading() as ask:
        known = ask(
            "select lower(table_name) as name from information_schema.tables "
            "where lower(table_schema) = 'marts' order by 1"
        )
        if mart not in {row["name"] for row in known}:
            names = ", ".join(row["name"] for row in known)
            raise project.ProjectError(f"MART={mart}: there are {names}")
        columns = ask(
            "select lower(column_name) as name from information_schema.columns where "
            "lower(table_schema) = 'marts' and lower(table_name) = ? "
            "order by ordinal_position",
            mart,
        )
        rows = ask(f"select * from marts.{mart}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{mart}.csv"
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    write_whole(path, as_csv(plain, [row["name"] for row in columns]))
    return path, len(rows)


def _plain(value: object) -> object:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value
