"""Rows of helpdesk tables in the shapes that Fivetran's connectors write.

One feed is one helpdesk: `zendesk/<table>/…` and `intercom/<table>/…`, CSV or Parquet.
A file is of the table that its folder names, else of the one that its own name does
(`ticket_data.csv`). Tables that no adapter reads load too, without what people wrote.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from orchestration.loading.containers import container, unpacked
from orchestration.loading.contracts import Feed
from orchestration.loading.csv_lines import CsvLines, cells_of, header_of, is_sound
from orchestration.loading.faults import (
    OVERSIZE,
    Fault,
    UnreadableFileError,
    invalid,
    missing,
)
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.json_lines import parquet_records
from orchestration.loading.lines import MAX_LINE_BYTES
from orchestration.loading.records import (
    Context,
    Row,
    canonical_json,
    parse_json,
    to_json,
)
from orchestration.loading.secrets import mask_id, mask_object
from orchestration.loading.staging import Clean, Rejected, line_sha256
from orchestration.loading.times import iso, parse_local, to_micros


@dataclass(frozen=True)
class Table:
    """What makes two rows the same one, when it was so, and whose it is.

    The ticket is part of the identity, so that no row moves from one to another.
    """

    identity: tuple[str, ...]
    moment: str
    ticket: str | None = None
    customer: str | None = None
    customer_type: str | None = None  # the column that says what `customer` is
    kept: tuple[str, ...] = ()


# Of tables of people only what says who acts is kept.
_PEOPLE = ("id", "role", "active", "suspended", "type", "created_at", "updated_at")
CUSTOMERS = ("user", "lead", "contact")
TABLES: dict[str, dict[str, Table]] = {
    "zendesk": {
        "ticket": Table(("id",), "updated_at", "id", "requester_id"),
        "ticket_comment": Table(("ticket_id", "id"), "created", "ticket_id"),
        "ticket_field_history": Table(
            ("ticket_id", "field_name", "updated"), "updated", "ticket_id"
        ),
        "user": Table(("id",), "updated_at", customer="id", kept=_PEOPLE),
        "satisfaction_rating": Table(("ticket_id", "id"), "updated_at", "ticket_id"),
    },
    "intercom": {
        "conversation_history": Table(
            ("id", "updated_at"),
            "updated_at",
            "id",
            "source_author_id",
            "source_author_type",
        ),
        "conversation_part_history": Table(
            ("conversation_id", "id", "updated_at"), "updated_at", "conversation_id"
        ),
        "conversation_contact_history": Table(
            ("conversation_id", "contact_id", "conversation_updated_at"),
            "conversation_updated_at",
            "conversation_id",
            "contact_id",
        ),
        "contact_history": Table(
            ("id", "updated_at"), "updated_at", customer="id", kept=_PEOPLE
        ),
        "admin": Table(("id",), "_fivetran_synced", kept=_PEOPLE),
    },
}

_SYNCED = "_fivetran_synced"
_SUFFIX = re.compile(r"(_data)?$")
_TEXT = frozenset(
    """address alias body comment description details email html notes phone recipient
    remark signature subject text title token url username""".split()  # noqa: SIM905
)
_MOMENT = re.compile(r"(.*_at|created|updated|.*_since|_fivetran_(synced|start|end))$")


def read_fivetran(
    feed: Feed, file: LandedFile, context: Context
) -> Iterator[Clean | Rejected]:
    """Every row of a table; `_line` is the line, or of Parquet the row."""
    reader = _RowReader(feed, table_of(feed.name, file.name), context)
    if container(file.name) == "parquet":
        for number, (record, text, doubt) in enumerate(parquet_records(file), start=1):
            if len(text) > MAX_LINE_BYTES:
                fault = Fault(OVERSIZE, f"over {MAX_LINE_BYTES:,} bytes")
                yield reader.judge(number, fault)
            else:
                yield reader.judge(number, record, look=doubt)
        return
    lines = CsvLines(unpacked(unchanged_blocks(file), file.name))
    rows = csv.reader(lines)
    header = header_of(rows)
    if header is None:
        return
    names = [name.strip().lower() for name in header]
    if len(set(names)) < len(names) or not all(names):
        raise UnreadableFileError(
            "the first line is no header of a table: names are absent or twice there"
        )
    lines.taken()
    for cells in cells_of(rows):
        number, raw = lines.taken()
        if cells == []:
            continue
        record = _record(names, cells, raw)
        yield reader.judge(number, record, look=lines.is_doubtful)


def table_of(feed: str, name: str) -> str:
    """The table of a file: its folder below the feed's, else its name up to a dot."""
    path = PurePath(name)
    folders = path.parts[path.parts.index(feed) + 1 : -1] if feed in path.parts else ()
    said = folders[0] if folders else path.name.partition(".")[0]
    return _SUFFIX.sub("", said.lower(), count=1)


def _record(
    names: list[str], cells: list[str] | None, raw: bytes
) -> dict[str, object] | Fault:
    if cells is None or len(raw) > MAX_LINE_BYTES:
        return Fault(OVERSIZE, "a row or a cell without end; is a quote left open?")
    if len(cells) != len(names):
        where = names[min(len(cells), len(names) - 1)]
        return Fault(
            f"invalid_{_field(where)}", f"{len(cells)} cells under {len(names)} columns"
        )
    for name, cell in zip(names, cells, strict=True):
        if not is_sound(cell):
            return invalid(_field(name), cell, "UTF-8 without NUL")
    return dict(zip(names, cells, strict=True))


def _field(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name)


class _RowReader:
    """Turns the records of one table into rows of the raw table."""

    def __init__(self, feed: Feed, table: str, context: Context) -> None:
        self._source = feed.name
        self._name = table
        self._table = TABLES[feed.name].get(table)
        self._zone = context.settings.zone(feed.name)
        self._latest = context.latest
        self._keep_text = context.settings.keep_message_text
        self._customer_key = context.settings.customer_key
        self._hash_key = context.settings.hash_key
        self._look = True

    def judge(
        self, number: int, record: dict[str, object] | Fault, *, look: bool = True
    ) -> Clean | Rejected:
        """A record as a row or a rejection; `look` for credentials if there may be."""
        self._look = look
        if isinstance(record, Fault):
            return Rejected(record, number, "")
        said = {
            name.lower(): self._value(name.lower(), value)
            for name, value in record.items()
        }
        said = {name: value for name, value in said.items() if value is not None}
        outcome = self._row(said)
        if isinstance(outcome, Fault):
            self._look = True
            return Rejected(outcome, number, to_json(self._shown(said)))
        stated = {name: value for name, value in said.items() if name != _SYNCED}
        return Clean(outcome, number, line_sha256(canonical_json(stated)))

    def _row(self, said: dict[str, object]) -> Row | Fault:
        table = self._table
        if table is None:
            stated = {name: it for name, it in said.items() if name != _SYNCED}
            key = line_sha256(canonical_json(stated))
            return self._values(key, None, None, None, said)
        for name in (*table.identity, table.moment, table.ticket):
            if name is not None and name not in said:
                return missing(_field(name), f"{self._name} needs {name}")
        moment = self._moment(said[table.moment])
        if moment is None:
            wanted = "a time in ISO 8601, from 2000 to 24 h ahead"
            return invalid(_field(table.moment), said[table.moment], wanted)
        key = ":".join(str(said[name]) for name in table.identity)
        ticket = said[table.ticket] if table.ticket else None
        customer = said.get(table.customer) if table.customer else None
        if table.customer_type:
            kind = str(said.get(table.customer_type)).lower()
            customer = customer if kind in CUSTOMERS else None
        return self._values(key, ticket, moment, customer, said)

    def _values(
        self,
        key: str,
        ticket: object,
        moment: int | None,
        customer: object,
        said: dict[str, object],
    ) -> Row:
        if self._look:
            key = mask_id(key, self._hash_key)
            ticket = None if ticket is None else mask_id(str(ticket), self._hash_key)
            customer = (
                None if customer is None else mask_id(str(customer), self._hash_key)
            )
        return [
            self._source,
            self._name,
            key,
            ticket,
            moment,
            customer,
            None if customer is None else self._customer_key(str(customer)),
            to_json(self._shown(said)),
        ]

    def _shown(self, said: dict[str, object]) -> dict[str, object]:
        kept = self._without_words(said)
        return mask_object(kept, strip_nul=True, look=self._look)

    def _without_words(self, said: dict[str, object]) -> dict[str, object]:
        kept = self._table.kept if self._table is not None else ()
        return {
            name: value
            for name, value in said.items()
            if (name in kept if kept else self._keep_text or not _is_text(name))
        }

    def _value(self, name: str, value: object) -> object:
        """A value as text, equal from CSV and from Parquet; lists stay lists."""
        if isinstance(value, datetime):
            return iso(to_micros(value if value.tzinfo else value.replace(tzinfo=UTC)))
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (list, dict)):
            return value
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        if text in ("TRUE", "FALSE", "True", "False"):
            return text.lower()
        if text.startswith("[") and name.endswith("_ids"):
            parsed = parse_json(text.encode("utf-8", "replace"))
            return parsed if isinstance(parsed, list) else text
        if _MOMENT.match(name) and (moment := self._moment(text)) is not None:
            return iso(moment)
        return text

    def _moment(self, value: object) -> int | None:
        return parse_local(value, self._zone, self._latest)


def _is_text(name: str) -> bool:
    return not _TEXT.isdisjoint(name.split("_"))
