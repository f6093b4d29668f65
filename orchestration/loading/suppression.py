"""People who asked to be forgotten, and how their records are kept out.

Whom it is about is known by keyed hashes alone: of the customer's id, and of the
sessions and tickets that were the customer's, since most of their records name no
customer. What names another customer stays, whatever else it names.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.loading.contracts import Feed
from orchestration.loading.secrets import MASK
from orchestration.loading.settings import LoadSettings
from orchestration.loading.staging import StagedFile

CUSTOMER, SESSION, TICKET, TRACE = "customer", "session", "ticket", "trace"
RECORD, WORD = "record", "word"  # a record of a feed; an id wherever it stands
LONG_ID = 6  # letters from which on an id is looked for in text without quotes
SHAPE = "~"  # begins what the list holds of the shape of an id
SHORT_ID = 3  # and in the name of a file

_QUOTED = re.compile(r'\\*"((?:[^"\\]|\\.){1,300}?)\\*"')
_BARE = re.compile(rf"[^\s\"'\\,;:=&<>(){{}}\[\]|/]{{{LONG_ID},300}}")
_RUN = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]+")
_PIECES = re.compile(r"\w+|[^\w/]+")
_BETWEEN = "\x00"  # in no id: the contract refuses it


# columns that the rows of others do not share with these people
_NODES = ("customer_id", "customer_key", "caller_id", "caller_key", "session_id")


class Node(NamedTuple):
    """A customer, session or ticket; `system` keeps equal ids of two systems apart."""

    kind: str
    system: str
    id: str


@dataclass
class Suppression:
    """The list, and what a load learns: more sessions and tickets of those people."""

    settings: LoadSettings
    hashes: set[str]
    learned: set[Node] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._hash = lru_cache(maxsize=200_000)(partial(hashed, self.settings.hash_key))
        shapes = sorted(it[1:] for it in self.hashes if it.startswith(SHAPE))
        self._shapes = "|".join(shapes)
        # the longest first: an id may begin like a shorter one
        self._words = [
            re.compile(rf"(?<![A-Za-z0-9])(?:{shape})(?![A-Za-z0-9])")
            for shape in sorted(shapes, key=len, reverse=True)
        ]

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def learn(self, nodes: Iterable[Node]) -> None:
        """Takes nodes into the list, and remembers those that were not in it."""
        for node in nodes:
            hashes = hashes_of(self.settings.hash_key, node)
            if not hashes <= self.hashes:
                self.hashes |= hashes
                self.learned.add(node)

    def has(self, node: Node) -> bool:
        """Whether a node is in the list."""
        return self._hash(node) in self.hashes

    def shown(self, name: str) -> str:
        """The name of a file without the id of anybody in the list."""
        for part in name.split("/"):
            pieces = _PIECES.findall(part)
            for start in range(len(pieces)):
                for end in range(len(pieces), start, -1):
                    word = "".join(pieces[start:end])
                    if len(word) >= SHORT_ID and self.has(Node(WORD, "", word)):
                        name = name.replace(word, MASK)
        return name

    def shown_text(self, text: str | None) -> str | None:
        """A rejected text; `***` if it names anybody in the list."""
        if text is None:
            return None
        said = [*_QUOTED.findall(text), *_BARE.findall(text)]
        return MASK if any(self.has(Node(WORD, "", word)) for word in said) else text

    def apply(self, feed: Feed, staged: StagedFile) -> StagedFile:
        """A staged file without the records of these people, which it counts apart.

        Their sessions and tickets that it tells of are learned first.
        """
        columns = _Columns.of(feed, self.settings)
        for table in staged.chunks():
            self.learn(columns.nodes_of_customers(table, self))

        def kept(table: pa.Table) -> pa.Table:
            rows = table.filter(columns.stays(table, self))
            staged.suppressed += table.num_rows - rows.num_rows
            return self._without_asides(feed, rows)

        staged.clean_rows = staged.clean_rows.changed(kept)
        staged.reject_rows = staged.reject_rows.changed(self._shown_rejects)
        records = staged.records - staged.suppressed
        staged.counts = staged.counts._replace(records=records)
        return staged

    def _shown_rejects(self, table: pa.Table) -> pa.Table:
        texts = [self.shown_text(text) for text in table["text"].to_pylist()]
        at = table.schema.get_field_index("text")
        field = table.schema.field(at)
        return table.set_column(at, field, pa.array(texts, pa.string()))

    def _without_asides(self, feed: Feed, rows: pa.Table) -> pa.Table:
        """Rows of others without the ids of these people, wherever they are named.

        What might be an id is known by its shape, of which the list knows a few.
        """
        if not self._shapes:
            return rows
        for name, kind in feed.columns:
            if kind not in ("varchar", "json") or name in (*feed.identity, *_NODES):
                continue
            column = rows[name].combine_chunks()
            might = pc.fill_null(pc.match_substring_regex(column, self._shapes), False)
            if not might.true_count:
                continue
            texts = [self._without_words(it) for it in column.filter(might).to_pylist()]
            shown = pc.replace_with_mask(column, might, pa.array(texts, column.type))
            if not shown.equals(column):
                at = rows.schema.get_field_index(name)
                rows = rows.set_column(at, rows.schema.field(at), shown)
        return rows

    def _without_words(self, text: str) -> str:
        def shown(word: re.Match[str]) -> str:
            return MASK if self.has(Node(WORD, "", word.group())) else word.group()

        for word in self._words:
            text = word.sub(shown, text)
        return text


class _Place(NamedTuple):
    """Where a row names a node: the columns of its system and id.

    `default` is the system where there is no such column, or nothing in it.
    """

    kind: str
    system: str | None
    id: str
    default: str = ""

    def named(self, table: pa.Table) -> pa.Array:
        """System and id of the node that each row names; null where it names none."""
        ids = table[self.id].combine_chunks()
        systems = pa.scalar(self.default)
        if self.system is not None:
            systems = pc.fill_null(table[self.system].combine_chunks(), self.default)
        return pc.binary_join_element_wise(systems, ids, _BETWEEN)

    def nodes(self, rows: pa.Table) -> set[Node]:
        """All nodes that rows name."""
        named = self.named(rows).unique().drop_null()
        return {_node(self.kind, it) for it in named.to_pylist()}

    def in_list(self, table: pa.Table, known: Suppression) -> pa.BooleanArray:
        """Of each row, whether the node that it names is in the list."""
        if not table.num_rows:
            return _none(table)
        named = self.named(table).dictionary_encode()
        nodes = (_node(self.kind, it) for it in named.dictionary.to_pylist())
        flags = pa.array([known.has(node) for node in nodes], pa.bool_())
        return pc.fill_null(flags.take(named.indices), False)


class _Columns(NamedTuple):
    """Which columns of a feed name a customer, what is a customer's, and a record."""

    customer: _Place | None
    places: tuple[_Place, ...]
    record: tuple[str, str] | None

    @classmethod
    def of(cls, feed: Feed, settings: LoadSettings) -> _Columns:
        names = feed.column_names
        helpdesk = settings.ticket_system(feed.name)
        if "caller_id" in names:
            customer = _Place(CUSTOMER, None, "caller_id")
            return cls(customer, (_Place(TICKET, None, "number", helpdesk),), None)
        system = "ticket_system" if "ticket_system" in names else None
        places = (
            _Place(SESSION, "source_system", "session_id"),
            _Place(TICKET, system, "ticket_id", helpdesk),
            _Place(TRACE, "source_system", "trace_id"),
        )
        is_said = "customer_id" in names
        return cls(
            _Place(CUSTOMER, None, "customer_id") if is_said else None,
            tuple(it for it in places if it.id in names),
            (feed.name, feed.identity[1]) if feed.reader == "json_lines" else None,
        )

    def nodes_of_customers(self, table: pa.Table, known: Suppression) -> set[Node]:
        """What records name together with one of these people."""
        if self.customer is None:
            return set()
        rows = table.filter(self.customer.in_list(table, known))
        nodes: set[Node] = set()
        for place in self.places:
            if rows.num_rows:
                nodes |= place.nodes(rows)
        return nodes

    def stays(self, table: pa.Table, known: Suppression) -> pa.BooleanArray:
        """Of each row, whether it is nobody's in the list."""
        goes = _none(table)
        for place in self.places:
            goes = pc.or_(goes, place.in_list(table, known))
        if self.customer is not None:
            is_unsaid = pc.is_null(table[self.customer.id].combine_chunks())
            theirs = self.customer.in_list(table, known)
            is_others = pc.and_(goes, pc.invert(is_unsaid))
            if self.record is not None and is_others.true_count:
                # an older version of a record of theirs may have named another one
                is_unsaid = pc.or_(is_unsaid, self._erased(table, known))
            goes = pc.or_(theirs, pc.and_(is_unsaid, goes))
        return pc.invert(goes)

    def _erased(self, table: pa.Table, known: Suppression) -> pa.BooleanArray:
        """Of each row, whether another version of the record was removed."""
        feed, name = self.record
        pairs = zip(
            table["source_system"].to_pylist(), table[name].to_pylist(), strict=True
        )
        nodes = (Node(RECORD, f"{feed}:{system}", id_) for system, id_ in pairs)
        return pa.array([known.has(node) for node in nodes], pa.bool_())


def _none(table: pa.Table) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), table.num_rows)


def _node(kind: str, named: str) -> Node:
    system, _, known = named.partition(_BETWEEN)
    return Node(kind, system, known)


def hashes_of(key: bytes, node: Node) -> set[str]:
    """What the list holds of a node: itself, and its id as a word of any text.

    Of a customer's id also its shape, such as eight letters, a hyphen and four more.
    """
    if node.kind == RECORD:
        return {hashed(key, node)}
    hashes = {hashed(key, node), hashed(key, Node(WORD, "", node.id))}
    if node.kind == CUSTOMER and len(node.id) >= LONG_ID:
        hashes.add(SHAPE + _RUN.sub(_shape, node.id))
    return hashes


def _shape(run: re.Match[str]) -> str:
    said = run.group()
    if not said[0].isalnum() or not said.isascii():
        return "".join(re.escape(letter) for letter in said)
    letters = "[0-9]" if said.isdigit() else "[A-Za-z0-9]"
    return f"{letters}{{{len(said)}}}"


def hashed(key: bytes, node: Node) -> str:
    """The keyed hash of a node; another one than the customer's key."""
    text = _BETWEEN.join(("suppressed", *node))
    return hmac.digest(key, text.encode(), "sha256").hex()
