"""One JSON record against its contract: a row of the raw table, or a fault."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import orjson

from orchestration.loading.contracts import Feed, Field
from orchestration.loading.faults import (
    NOT_AN_OBJECT,
    NOT_JSON,
    Fault,
    invalid,
    missing,
)
from orchestration.loading.secrets import (
    MESSAGE_TEXT_KEYS,
    mask,
    mask_id,
    mask_object,
    mask_value,
)
from orchestration.loading.settings import LoadSettings
from orchestration.loading.times import parse_instant

MAX_DEPTH = 200  # levels of nesting; what is deeper is `not_json`
INT64 = 2**63

# Where a feed says that a record is a message, and the words for it.
MESSAGES = {
    "agent_events": ("action_type", frozenset({"message_received", "message_sent"})),
    "ticket_events": ("event_type", frozenset({"replied"})),
}

# Twenty characters of a number in a row may be an integer beyond 64 bits.
_NUMERALS = bytes(48 if byte in b"-0123456789" else 32 for byte in range(256))
_WIDE = b"0" * 20
_WANTED = {
    "id": "a string or an integer",
    "string": "a string without NUL",
    "time": "RFC 3339 with a zone or epoch s/ms/ns, from 2000 to 24 h after the load",
    "integer": "an integer of 64 bits",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
}

Row = list[object]
Record = dict[str, Any]
Check = Callable[[object], object]
Relation = Callable[[Record], Fault | None]
Judge = Callable[[object, Record], object]
_Step = tuple[str, bool, bool, object, Judge]


@dataclass(frozen=True)
class Context:
    """What a validation needs beside the record."""

    settings: LoadSettings
    latest: int


class _Invalid:
    """Marks a value that its field does not allow; None is a value like others."""


INVALID = _Invalid()


def parse_json(line: bytes, depth: int = MAX_DEPTH) -> object | Fault:
    """The JSON of a line as RFC 8259 has it, of duplicate keys the last.

    `depth` is how many levels it may have.

    orjson refuses what is not UTF-8, NaN, infinities and lone surrogates; integers
    beyond 64 bits, which it would round, are read again without loss.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Fault(NOT_JSON, str(error))
    if line.count(b"[") + line.count(b"{") > depth and _is_deeper(value, depth):
        return Fault(NOT_JSON, f"nested deeper than {MAX_DEPTH} levels")
    if _has_wide_number(line):
        value = json.loads(line, parse_int=_exact_integer)
    return value


def _has_wide_number(line: bytes) -> bool:
    """Whether a number, not a part of an id or a text, may be beyond 64 bits."""
    numerals = line.translate(_NUMERALS)
    at = numerals.find(_WIDE)
    while at > 0 and line[at - 1] not in b"[:, \t\r\n":
        at = numerals.find(_WIDE, at + len(_WIDE))
    return at >= 0


def _exact_integer(digits: str) -> int | float:
    """Integers of any sensible length stay exact; longer ones become floats."""
    return int(digits) if len(digits) <= 100 else float(digits)


def _is_deeper(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in _children(parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def to_json(value: object) -> str:
    """JSON text of a value that came out of JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def canonical_json(value: object) -> bytes:
    """JSON whose keys are sorted: the same bytes for the same content."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class RecordReader:
    """Turns the objects of one contract feed into rows."""

    def __init__(self, feed: Feed, context: Context) -> None:
        self.feed = feed
        self.keep_text = context.settings.keep_message_text
        self._hash_key = context.settings.hash_key
        self._ids = frozenset(it.name for it in feed.fields if it.kind == "id")
        self.customer_key = lru_cache(maxsize=100_000)(context.settings.customer_key)
        named = [field for field in feed.fields if field.name != "attributes"]
        self._plan = [self._step(field, context) for field in named]
        names = [field.name for field in named]
        self._customer_at = (
            names.index("customer_id") if "customer_id" in names else None
        )
        self._names = frozenset(names) | {"attributes"}
        self._requires_object = len(named) < len(feed.fields)
        self._message = MESSAGES.get(feed.name)

    def read(
        self, record: object, *, has_nul: bool = True, is_doubtful: bool = True
    ) -> Row | Fault:
        """The row of a record, in the order of the feed's columns.

        `is_doubtful`: something in it might be a credential, so all of it is looked at.
        Absent optional fields and sound strings, nearly all there is, are taken on
        the spot; whatever else a field holds is judged with care.
        """
        if record.__class__ is not dict:
            return Fault(NOT_AN_OBJECT, "a line holds one JSON object")
        if is_doubtful:
            record = self._without_credentials(record, has_nul)
        row: Row = []
        get = record.get
        for name, is_optional, is_text, default, judge in self._plan:
            value = get(name)
            if value is None and is_optional:
                value = default
            elif (
                not is_text
                or value.__class__ is not str
                or has_nul
                or not value
                or value.isspace()
            ):
                value = judge(value, record)
                if value.__class__ is Fault:
                    return value
            row.append(value)
        attributes = get("attributes")
        if self._requires_object and not _is_object_or_unsaid(attributes):
            return invalid("attributes", attributes, _WANTED["object"])
        if (at := self._customer_at) is not None:
            customer = row[at]
            key = None if customer is None else self.customer_key(customer)
            row.insert(at + 1, key)
        row.append(self._attributes(record, has_nul))
        return row

    def attributes_of(self, stated: bytes, kind: object) -> str | Fault | None:
        """What is stored of attributes that are JSON of their own.

        `kind` is what the record says where its feed tells messages from the rest.
        """
        attributes = parse_json(stated, MAX_DEPTH - 1)  # the record is a level itself
        if attributes.__class__ is Fault:
            return attributes
        record = {"attributes": attributes}
        if self._message is not None:
            record[self._message[0]] = kind
        return self._attributes(record, has_nul=True)

    def _without_credentials(self, record: Record, has_nul: bool) -> Record:
        """The record with `***` for what looks like a credential, ids kept apart."""
        masked: Record = {}
        for name, value in record.items():
            if name in self._ids and value.__class__ is str:
                masked[name] = mask_id(value, self._hash_key)
            elif name in self._names and name != "attributes":
                masked[name] = mask(value, look=True)
            else:
                masked[mask_value(name)] = mask(value, strip_nul=has_nul, look=True)
        for key in self._dropped_texts(record):  # their length is kept, so as they are
            for said, kept in (
                (record.get("attributes"), masked.get("attributes")),
                (record, masked),
            ):
                if said.__class__ is dict and key in said:
                    kept[key] = said[key]
        return masked

    def _dropped_texts(self, record: Record) -> tuple[str, ...]:
        """Keys of message text that is not kept.

        `text` is the contract's word for it and goes from every event; `content`,
        `message` and `body` are what loggers call it too, and go from messages.
        """
        if self._message is None or self.keep_text:
            return ()
        field, types = self._message
        kind = record.get(field)
        is_message = kind.__class__ is str and kind in types
        return MESSAGE_TEXT_KEYS if is_message else MESSAGE_TEXT_KEYS[:1]

    def _step(self, field: Field, context: Context) -> _Step:
        """How a field is read: its name, what is taken on the spot, and its judge."""
        relation = self._relation(field)
        is_optional = not field.required and relation is None
        is_text = field.kind in ("id", "string") and relation is None
        is_text = is_text and not field.allowed and not field.lower_case
        judge = _judge(field, _check_of(field, context), relation)
        return field.name, is_optional, is_text, field.default, judge

    def _relation(self, field: Field) -> Relation | None:
        if field.name == "ticket_id" and self.feed.has_one_of_ticket_or_session:
            return _home_fault
        return {"score": _score_fault, "scale_max": _scale_fault}.get(field.name)

    def _attributes(self, record: dict[str, object], has_nul: bool) -> str | None:
        """Attributes and extra fields in one JSON object, masked; None if empty."""
        stated = record.get("attributes")
        merged = stated if stated.__class__ is dict else {}
        is_extra = merged is not stated and bool(stated) and not self._requires_object
        if is_extra or not record.keys() <= self._names:
            extra = {k: v for k, v in record.items() if k not in self._names}
            if is_extra:
                extra["attributes"] = stated
            merged = {**extra, **merged}
        if not merged:
            return None
        masked = mask_object(merged, strip_nul=has_nul)  # keys; values were looked at
        return to_json(without_text(masked, self._dropped_texts(record)))


def without_text(
    attributes: dict[str, object], keys: Sequence[str] = MESSAGE_TEXT_KEYS
) -> dict[str, object]:
    """Attributes without message text, whose length stays as `char_count`."""
    if attributes.keys().isdisjoint(keys):
        return attributes
    texts = [attributes.pop(key) for key in keys if key in attributes]
    if attributes.get("char_count") is None:
        lengths = [len(text) for text in texts if isinstance(text, str)]
        if lengths:
            attributes["char_count"] = lengths[0]
    return attributes


def _judge(field: Field, check: Check, relation: Relation | None) -> Judge:
    """Missing before invalid, then what the field may break together with others."""

    def judge(value: object, record: Record) -> object:
        if _is_unsaid(value):
            if field.required:
                return missing(field.name)
            checked = field.default
        else:
            checked = check(value)
            if checked is INVALID:
                return invalid(field.name, value, _wanted(field))
        fault = None if relation is None else relation(record)
        return checked if fault is None else fault

    return judge


def _is_unsaid(value: object) -> bool:
    return value is None or (value.__class__ is str and not value.strip())


def _is_object_or_unsaid(value: object) -> bool:
    return value.__class__ is dict or _is_unsaid(value)


def _home_fault(record: Record) -> Fault | None:
    """A record that has to name a ticket or a session, and names neither."""
    if _is_unsaid(record.get("ticket_id")) and _is_unsaid(record.get("session_id")):
        return missing("ticket_id", "one of ticket_id and session_id is required")
    return None


def _number_or(value: object, default: float) -> float | None:
    """A scale's end for judging a score; None where it is itself at fault."""
    if _is_unsaid(value):
        return default
    number = _number(value)
    return None if number is INVALID else number


def _score_fault(record: Record) -> Fault | None:
    """A score outside its scale, where there is a scale to judge it by."""
    get = record.get
    low, high = _number_or(get("scale_min"), 1.0), _number_or(get("scale_max"), 7.0)
    score = get("score")
    if low is None or high is None or low >= high or _is_unsaid(score):
        return None
    if low <= score <= high:
        return None
    return invalid("score", score, f"one within its scale, {low:g} to {high:g}")


def _scale_fault(record: Record) -> Fault | None:
    get = record.get
    low, high = _number_or(get("scale_min"), 1.0), _number_or(get("scale_max"), 7.0)
    if low is None or high is None or low < high:
        return None
    return invalid("scale_max", high, f"one above scale_min, which is {low:g}")


def _wanted(field: Field) -> str:
    if field.allowed:
        return "one of " + ", ".join(field.allowed)
    limits = [
        f"{word} {limit:g}"
        for word, limit in (
            ("at least", field.minimum),
            ("above", field.above),
            ("at most", field.maximum),
        )
        if limit is not None
    ]
    return " ".join([_WANTED[field.kind], *limits])


def _check_of(field: Field, context: Context) -> Check:
    if field.kind == "time":
        return partial(_time, latest=context.latest)
    if field.allowed:
        return partial(_member, allowed=frozenset(field.allowed))
    if field.lower_case:
        return _lowered
    if field.kind == "number" and (field.minimum, field.above) != (None, None):
        return partial(_limited, field=field)
    checks: dict[str, Check] = {
        "id": _id,
        "string": _string,
        "integer": _integer,
        "number": _number,
        "boolean": _boolean,
    }
    return checks[field.kind]


def _string(value: object) -> object:
    if value.__class__ is str and "\x00" not in value:
        return value
    return INVALID


def _id(value: object) -> object:
    return str(value) if value.__class__ is int else _string(value)


def _lowered(value: object) -> object:
    text = _string(value)
    return text if text is INVALID else text.strip().lower()


def _member(value: object, allowed: frozenset[str]) -> object:
    return value if value.__class__ is str and value in allowed else INVALID


def _time(value: object, latest: int) -> object:
    micros = parse_instant(value, latest)
    return INVALID if micros is None else micros


def _integer(value: object) -> object:
    if value.__class__ is int and -INT64 <= value < INT64:
        return value
    return INVALID


def _number(value: object) -> object:
    if value.__class__ is float:
        return value if math.isfinite(value) else INVALID
    if value.__class__ is int:
        try:
            return float(value)
        except OverflowError:
            return INVALID
    return INVALID


def _limited(value: object, field: Field) -> object:
    number = _number(value)
    if number is INVALID:
        return INVALID
    below = field.minimum is not None and number < field.minimum
    at_edge = field.above is not None and number <= field.above
    over = field.maximum is not None and number > field.maximum
    return INVALID if below or at_edge or over else number


def _boolean(value: object) -> object:
    return value if value.__class__ is bool else INVALID
