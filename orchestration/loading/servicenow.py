"""Rows of ServiceNow's audit-trail export of the incident table, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from orchestration.loading.containers import unpacked
from orchestration.loading.contracts import (
    SERVICENOW_COLUMNS,
    SERVICENOW_COUNTS,
    SERVICENOW_REQUIRED,
    SERVICENOW_TIMES,
)
from orchestration.loading.csv_lines import CsvLines, cells_of, header_of, is_sound
from orchestration.loading.faults import (
    OVERSIZE,
    Fault,
    UnreadableFileError,
    invalid,
    missing,
)
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.records import INT64, Context, Row
from orchestration.loading.secrets import (
    MAX_REJECT_BYTES,
    mask_id,
    mask_text,
)
from orchestration.loading.staging import Clean, Rejected, line_sha256
from orchestration.loading.times import parse_day_first

SOURCE_SYSTEM = "servicenow"
MISSING = "?"


def read_servicenow(file: LandedFile, context: Context) -> Iterator[Clean | Rejected]:
    """Every row after the header; `_line` is the line on which a row begins."""
    lines = CsvLines(unpacked(unchanged_blocks(file), file.name))
    rows = csv.reader(lines)
    header = header_of(rows)
    if header is None:
        return
    reader = _RowReader(_order(header), context)
    lines.taken()
    for cells in cells_of(rows):
        number, raw = lines.taken()
        if cells == []:
            continue
        outcome = reader.read(cells, is_doubtful=lines.is_doubtful)
        if isinstance(outcome, Fault):
            text = raw[: 4 * MAX_REJECT_BYTES].decode("utf-8", "replace")
            is_cut = len(raw) > 4 * MAX_REJECT_BYTES
            text = mask_text(text, keep_text=True, is_cut=is_cut)
            yield Rejected(outcome, number, text)
        else:
            yield Clean(outcome, number, line_sha256(raw))


def _order(header: list[str] | None) -> list[int]:
    """Where each of the 36 columns stands, whatever their order."""
    names = [] if header is None else [name.strip().lower() for name in header]
    if sorted(names) != sorted(SERVICENOW_COLUMNS):
        absent = sorted(set(SERVICENOW_COLUMNS) - set(names)) or ["none"]
        foreign = sorted(set(names) - set(SERVICENOW_COLUMNS)) or ["none"]
        raise UnreadableFileError(
            "the header is not that of the incident audit trail (36 columns); "
            f"missing: {', '.join(absent)}; unknown: {', '.join(foreign)[:500]}"
        )
    return [names.index(column) for column in SERVICENOW_COLUMNS]


class _RowReader:
    """Turns the cells of a row into a row of the raw table."""

    def __init__(self, order: list[int], context: Context) -> None:
        self._order = order
        self._zone: ZoneInfo = context.settings.zone("servicenow_incidents")
        self._latest = context.latest
        self._hash_key = context.settings.hash_key
        self._customer_key = context.settings.customer_key
        self._keys: dict[str, str] = {}
        self._moments: dict[str, int | None] = {}

    def read(self, cells: list[str] | None, *, is_doubtful: bool) -> Row | Fault:
        if cells is None:
            return Fault(OVERSIZE, "a cell without end; is a quote left open?")
        if is_doubtful:
            cells = [mask_id(cell, self._hash_key) for cell in cells]
        if len(cells) > len(SERVICENOW_COLUMNS):
            last = SERVICENOW_COLUMNS[-1]
            return Fault(f"invalid_{last}", f"{len(cells)} cells under 36 columns")
        row: Row = []
        for column, position in zip(SERVICENOW_COLUMNS, self._order, strict=True):
            if position >= len(cells):
                return missing(column, f"{len(cells)} cells under 36 columns")
            value = self._value(column, cells[position])
            if isinstance(value, Fault):
                return value
            row.append(value)
        caller = row[SERVICENOW_COLUMNS.index("caller_id")]
        return [*row, SOURCE_SYSTEM, None if caller is None else self._key(caller)]

    def _value(self, column: str, cell: str) -> object:
        text = cell.strip()
        if not text or text == MISSING:
            return missing(column) if column in SERVICENOW_REQUIRED else None
        if column in SERVICENOW_TIMES:
            return self._moment(column, text)
        if column in SERVICENOW_COUNTS:
            is_count = text.isascii() and text.isdigit() and len(text) <= 19
            if is_count and int(text) < INT64:
                return int(text)
            return invalid(column, text, "a whole number of at least 0")
        if not is_sound(cell):
            return invalid(column, text, "UTF-8 without NUL")
        return text

    def _moment(self, column: str, text: str) -> object:
        if text not in self._moments:
            if len(self._moments) > 500_000:
                self._moments.clear()
            moment = parse_day_first(text, self._zone, self._latest)
            self._moments[text] = moment
        moment = self._moments[text]
        if moment is None:
            return invalid(column, text, "D/M/YYYY HH:MM, from 2000 to 24 h ahead")
        return moment

    def _key(self, caller: str) -> str:
        if caller not in self._keys:
            self._keys[caller] = self._customer_key(caller)
        return self._keys[caller]
