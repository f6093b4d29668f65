"""The fast path: many lines of a contract feed at once, in a DuckDB of its own.

A line is taken here only where a proof holds that the careful path would give the
same row, bit for bit: each field has its JSON type and plain letters, every key is
known and stands once, every number is written as it would be again. Whatever lacks
the proof is left to the careful path, line by line. The proofs are stated beside the
SQL that makes them; a test holds both paths against each other.

The engine's reader is more lenient than RFC 8259 in two ways, and both are asked
about: it takes NaN and infinities, and commas before a closing bracket.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.loading.containers import unpacked
from orchestration.loading.contracts import Feed, Field
from orchestration.loading.faults import Fault
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.json_lines import judge_line, judge_lines
from orchestration.loading.lines import Block, split_blocks, trim
from orchestration.loading.records import MESSAGES, Context, RecordReader
from orchestration.loading.secrets import MESSAGE_TEXT_KEYS, doubtful, is_secret
from orchestration.loading.staging import (
    Clean,
    Rejected,
    staged_schema,
    staged_table,
)
from orchestration.loading.times import EARLIEST, MICROS

BLOCK_BYTES = 12 << 20  # of lines that one query takes
SMALL_BYTES = 96 << 10  # what Python reads sooner than the engine is asked
TRIMMED = b" \t\r\n"
LONG_BYTES = 32 << 10  # of a line; a longer one is read with care

# Blank as Python has it; a string that begins so may say nothing.
_WIDE_BLANK = (
    r"\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
_INSTANT = (
    r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
    r'(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"'
)
# A container in a container, a number that two writers may write in two ways, and
# what is no number at all: in text that the engine has written, they follow a colon.
_UNSURE = r":(?:[{\[]|-?(?:[NI]|[0-9.]+[eE]|0\.00000|[0-9]{16}))"
_COMMA_BEFORE_END = r",[ \t\r]*[}\]]"
_SEPARATOR = "\x01"
_ENGINE = (
    # a condition that is moved below a projection repeats what that computes
    "disabled_optimizers = 'filter_pushdown'",
    "memory_limit = '1GB'",
    "temp_directory = ''",
    "enable_external_access = false",
    "lock_configuration = true",
)

Outcomes = list[pa.Table | Clean | Rejected]


class Traits(NamedTuple):
    """What is known of the lines of a block, so that less has to be asked of each.

    `is_ascii`: no letter of any value needs two bytes. `has_escapes`: a string may
    hold one. `is_guarded`: a line may be no JSON.
    """

    is_ascii: bool
    has_escapes: bool
    is_guarded: bool = False

    @classmethod
    def of(cls, content: bytes) -> Traits:
        """Traits of a block; an escape may stand for any letter."""
        has_escapes = b"\\" in content
        is_ascii = content.isascii() and not (has_escapes and b"\\u" in content)
        return cls(is_ascii, has_escapes)


class LineReader:
    """Reads files of JSON lines in blocks; small ones without the engine."""

    def __init__(self, feed: Feed, context: Context) -> None:
        self._feed = feed
        self._context = context
        self._careful = RecordReader(feed, context)
        self._fast: FastReader | None = None

    def read(self, file: LandedFile) -> Iterator[Clean | Rejected | pa.Table]:
        """Every line of a file, as a row or as a rejection, in order."""
        content = unpacked(unchanged_blocks(file), file.name)
        for block in split_blocks(content, BLOCK_BYTES):
            if len(block.content) < SMALL_BYTES:
                yield from judge_lines(self._careful, list(block.lines()))
                continue
            if self._fast is None:
                self._fast = FastReader(self._feed, self._context)
            yield from self._fast.read(block)


class FastReader:
    """Reads blocks of lines of one feed; not for use by two threads at a time."""

    def __init__(self, feed: Feed, context: Context) -> None:
        self._reader = RecordReader(feed, context)
        self._schema = staged_schema(feed)
        self._feed = feed
        self._context = context
        self._queries: dict[Traits, str] = {}
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        for setting in _ENGINE:
            self._connection.execute(f"set {setting}")

    def read(self, block: Block) -> Outcomes:
        """Rows of a block, in order, and the lines that were rejected."""
        lines = _split(block.content)
        doubts = doubtful(lines)
        landed = block.content.split(b"\n")
        rows = self._take(block, landed, _without(_plain(lines), doubts))
        if rows.num_rows == len(lines):
            return [rows]
        judged = [
            judge_line(
                self._reader,
                block.first + place,
                trimmed,
                is_doubtful=doubts[place].as_py() is not False,
            )
            for place in _left_over(rows, block, len(lines))
            if (trimmed := trim(landed[place]))
        ]
        clean = [record for record in judged if isinstance(record, Clean)]
        if clean:
            both = [rows, staged_table(self._feed, clean)]
            rows = pa.concat_tables(both).sort_by("_line")
        return [rows, *(it for it in judged if isinstance(it, Rejected))]

    def _take(self, block: Block, landed: list[bytes], lines: pa.Array) -> pa.Table:
        """Staged rows of those lines for which the proof holds; null is none."""
        traits = Traits.of(block.content)
        numbers = pa.arange(block.first, block.first + len(lines))
        chunk = pa.table({"line": lines, "_line": numbers})
        try:
            rows = self._run(chunk, traits)
        except duckdb.InvalidInputException:  # a line that is no JSON is among them
            rows = self._run(chunk, traits._replace(is_guarded=True))
        rows = self._with_attributes(self._without_doubtful(rows))
        return self._complete(block, landed, rows)

    def _run(self, chunk: pa.Table, traits: Traits) -> pa.Table:
        query = self._queries.get(traits)
        if query is None:
            query = _query(self._feed, self._context, traits)
            self._queries[traits] = query
        self._connection.register("chunk", chunk)
        try:
            return self._connection.execute(query).to_arrow_table()
        finally:
            self._connection.unregister("chunk")

    def _without_doubtful(self, rows: pa.Table) -> pa.Table:
        """Without attributes whose keys stand twice or name a secret.

        Few sets of keys exist in any log, so each is looked at once.
        """
        shapes = rows["_shape"].combine_chunks().dictionary_encode()
        sound = [not _is_doubtful(shape) for shape in shapes.dictionary.to_pylist()]
        if all(sound):
            return rows
        is_sound = pc.fill_null(pc.take(pa.array(sound), shapes.indices), True)
        return rows.filter(is_sound)

    def _with_attributes(self, rows: pa.Table) -> pa.Table:
        """With attributes as Python writes them, where the engine left them alone."""
        is_open = rows["_is_open"].combine_chunks()
        if not is_open.true_count:
            return rows
        texts, failed = self._read_attributes(rows.filter(is_open))
        attributes = pc.replace_with_mask(
            rows["attributes"].combine_chunks(), is_open, pa.array(texts, pa.string())
        )
        at = rows.schema.get_field_index("attributes")
        rows = rows.set_column(at, "attributes", attributes)
        if failed:
            is_failed = pc.is_in(rows["_line"], pa.array(failed, pa.int64()))
            rows = rows.filter(pc.invert(is_failed))
        return rows

    def _read_attributes(self, rows: pa.Table) -> tuple[list[str | None], list[int]]:
        """Attributes as the careful path writes them, and the lines where it cannot."""
        kind = MESSAGES[self._feed.name][0]
        texts: list[str | None] = []
        failed: list[int] = []
        columns = (rows[name].to_pylist() for name in ("attributes", kind, "_line"))
        for stated, word, line in zip(*columns, strict=True):
            text = self._reader.attributes_of(stated.encode(), word)
            if text.__class__ is Fault:
                failed.append(line)
                text = None
            texts.append(text)
        return texts, failed

    def _complete(self, block: Block, landed: list[bytes], rows: pa.Table) -> pa.Table:
        """The staged columns, with the customers' keys and the hashes of lines."""
        hashes = _hashes(block.first, landed, rows["_line"])
        rows = rows.append_column("_line_sha256", hashes)
        arrays = []
        for field in self._schema:
            if field.name == "customer_key":
                arrays.append(self._customer_keys(rows["customer_id"]))
            else:
                arrays.append(rows[field.name])
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _customer_keys(self, customers: pa.ChunkedArray) -> pa.Array:
        known = customers.combine_chunks().dictionary_encode()
        key = self._reader.customer_key
        keys = [key(customer) for customer in known.dictionary.to_pylist()]
        return pa.array(keys, pa.string()).take(known.indices)


def _is_doubtful(shape: str | None) -> bool:
    """Whether a set of keys holds one twice, or one whose value may be a secret."""
    if shape is None:
        return False
    keys = shape.split(_SEPARATOR)
    return len(set(keys)) < len(keys) or any(is_secret(key) for key in keys)


def _split(content: bytes) -> pa.Array | list[bytes]:
    """The lines of a block, as text if all of it is UTF-8."""
    ends = struct.pack("<qq", 0, len(content))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(content)]
    whole = pa.Array.from_buffers(pa.large_string(), 1, buffers)
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return content.split(b"\n")
    return pc.split_pattern(whole, "\n").values


def _plain(lines: pa.Array | list[bytes]) -> pa.Array:
    """Lines as they are hashed and read; null where they are blank, long or no text."""
    if isinstance(lines, list):
        lines = pa.array([_text(line) for line in lines], pa.large_string())
    trimmed = pc.utf8_trim(lines, TRIMMED.decode())
    size, trimmed_size = pc.binary_length(lines), pc.binary_length(trimmed)
    if pc.min(trimmed_size).as_py() and pc.max(size).as_py() <= LONG_BYTES:
        return trimmed
    is_plain = pc.and_(pc.greater(trimmed_size, 0), pc.less_equal(size, LONG_BYTES))
    return pc.if_else(is_plain, trimmed, pa.scalar(None, pa.large_string()))


def _without(lines: pa.Array, doubts: pa.BooleanArray) -> pa.Array:
    """Lines but for those that might hold a credential: they are read with care."""
    if not doubts.true_count:
        return lines
    return pc.if_else(doubts, pa.scalar(None, pa.large_string()), lines)


def _left_over(rows: pa.Table, block: Block, lines: int) -> list[int]:
    """Places of a block's lines that are not among the rows."""
    taken = pc.is_in(pa.arange(block.first, block.first + lines), rows["_line"])
    return pc.indices_nonzero(pc.invert(taken)).to_pylist()


def _text(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _hashes(first: int, landed: list[bytes], numbers: pa.ChunkedArray) -> pa.Array:
    """Hashes of the trimmed lines of some numbers.

    Python's library has them from the processor itself, which the engine does not.
    """
    if len(numbers) < len(landed):
        landed = [landed[number - first] for number in numbers.to_pylist()]
    hashes = [sha256(line.strip(TRIMMED)).hexdigest() for line in landed]
    return pa.array(hashes, pa.string())


def _query(feed: Feed, context: Context, traits: Traits) -> str:
    """The SQL that takes a chunk of lines; it holds no data, only the contract."""
    keep_text = context.settings.keep_message_text
    write = _Writer(feed, context.latest, traits)
    names = [field.name for field in feed.fields]
    structure = ", ".join(f'"{name}": "JSON"' for name in names)
    texts = ", ".join(f'said."{name}"::varchar as "{name}"' for name in names)
    moments = "".join(
        f', {write.moment(field)} as "{field.name}_moment"'
        for field in feed.fields
        if field.kind == "time"
    )
    line = "case when json_valid(line) then line end" if traits.is_guarded else "line"
    proofs = [write.proof(field) for field in feed.fields]
    proofs += [_all_keys_known(names), *write.relations()]
    proofs.append(_no_stray_comma("attributes" in names))
    values = [
        f'{write.value(field)} as "{field.name}"'
        for field in feed.fields
        if field.kind != "object"
    ]
    attributes, shape, is_open = "null::varchar", "null::varchar", "false"
    if "attributes" in names:
        kind, words = MESSAGES[feed.name]
        attributes = _attributes(kind, words, keep_text)
        shape = f"array_to_string(json_keys(attributes), '{_SEPARATOR}')"
        is_open = _needs_reading(kind, words, keep_text, traits)
    return f"""
        with lines as (
            select "_line", {line} as line from chunk
        ),
        parsed as (
            select
                "_line",
                line,
                json_keys(line) as keys,
                json_transform(line, '{{{structure}}}') as said
            from lines
        ),
        texts as (
            select "_line", line, keys, {texts} from parsed
        ),
        timed as (
            select *{moments} from texts
        ),
        proven as (
            select *, coalesce({is_open}, false) as "_is_open"
            from timed
            where {" and ".join(proofs)}
        )
        select
            {", ".join(values)},
            {attributes} as attributes,
            "_line",
            "_is_open",
            {shape} as "_shape"
        from proven
        where not "_is_open" or not regexp_matches(line, '{_COMMA_BEFORE_END}')
    """


def _all_keys_known(names: Sequence[str]) -> str:
    """No key is unknown and none stands twice; a key with null is one too."""
    said = " + ".join(f'("{name}" is not null)::bigint' for name in names)
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        f"case when len(keys) = {said} then true "
        f"else list_has_all([{listed}], keys) "
        "and list_unique(keys) = len(keys) end"
    )


def _no_stray_comma(has_attributes: bool) -> str:
    """No comma stands before a bracket that closes.

    A line of plain fields has one such bracket, or two with attributes; mostly they
    are its last letters, and what stands before them shows.
    """
    ending = "ends_with(line, '\"}')"
    if has_attributes:
        two = "regexp_matches(line, '[a-z0-9\"][}][}]$')"
        ending = f"case when attributes is null then {ending} else {two} end"
    return (
        f"case when {ending} then true "
        f"else not regexp_matches(line, '{_COMMA_BEFORE_END}') end"
    )


def _needs_reading(
    kind: str, words: frozenset[str], keep_text: bool, traits: Traits
) -> str:
    """Attributes that the engine cannot be proven to write as the careful path does."""
    doubts = [f"when regexp_matches(attributes, '{_UNSURE}') then true"]
    if traits.has_escapes:
        doubts.append(r"when contains(attributes, '\u') then true")
    if not keep_text:
        others = " or ".join(
            f"contains(attributes, '\"{key}\":')" for key in MESSAGE_TEXT_KEYS[1:]
        )
        doubts.append(f"when {_is_message(kind, words)} and ({others}) then true")
        # text is dropped in SQL where it is a string and its length is stated
        doubts.append(
            "when contains(attributes, '\"text\":') then not coalesce("
            "json_type(attributes, '$.text') = 'VARCHAR'"
            " and coalesce(json_type(attributes, '$.char_count'), 'NULL') != 'NULL'"
            ", false)"
        )
    # a case asks no further than it has to, which `or` does not promise
    return f"case {' '.join(doubts)} else false end"


def _is_message(kind: str, words: frozenset[str]) -> str:
    listed = ", ".join(f"'\"{word}\"'" for word in sorted(words))
    return f'coalesce("{kind}" in ({listed}), false)'


def _attributes(kind: str, words: frozenset[str], keep_text: bool) -> str:
    """Attributes as they are stored; as they were said where Python reads them."""
    if keep_text:
        return "nullif(attributes, '{}')"
    return (
        'case when not "_is_open" and contains(attributes, \'"text":\') '
        "then json_merge_patch(attributes, '{\"text\": null}')::varchar "
        "else nullif(attributes, '{}') end"
    )


class _Writer:
    """Writes the proof and the value of each field; a field is its JSON text."""

    def __init__(self, feed: Feed, latest: int, traits: Traits) -> None:
        self._feed = feed
        self._latest = latest
        self._traits = traits

    def proof(self, field: Field) -> str:
        """A condition under which the careful path takes the field as `value` does."""
        name = f'"{field.name}"'
        proof = self._proof(field, name)
        return (
            f"{name} is not null and {proof}"
            if field.required
            else (f"({name} is null or {proof})")
        )

    def value(self, field: Field) -> str:
        """What is stored of a field that was proven."""
        name = f'"{field.name}"'
        value = self._value(field, name)
        if field.default is None:
            return value
        default = field.default
        stated = f"'{default}'" if isinstance(default, str) else repr(default).lower()
        return f"coalesce({value}, {stated})"

    def relations(self) -> list[str]:
        """What fields may break together."""
        names = {field.name for field in self._feed.fields}
        relations = []
        if self._feed.has_one_of_ticket_or_session:
            relations.append("(ticket_id is not null or session_id is not null)")
        if "scale_min" in names:
            low = "coalesce(try_cast(scale_min as double), 1.0)"
            high = "coalesce(try_cast(scale_max as double), 7.0)"
            score = "try_cast(score as double)"
            relations.append(f"{low} < {high}")
            relations.append(
                f"(score is null or {score} >= {low} and {score} <= {high})"
            )
        return relations

    def _proof(self, field: Field, name: str) -> str:
        if field.allowed:
            listed = ", ".join(f"'\"{word}\"'" for word in field.allowed)
            return f"{name} in ({listed})"
        if field.lower_case:  # what strip() and lower() do to these is known
            return f"regexp_full_match({name}, '\"[A-Za-z0-9_.:-]+\"')"
        if field.kind == "id":
            plain = self._is_plain_text(name)
            return f"case when {name} < '#' then {plain} else {_is_whole(name)} end"
        if field.kind == "string":
            return self._is_plain_text(name)
        if field.kind == "time":
            earliest, latest = _moment(EARLIEST), _moment(self._latest)
            return f'"{field.name}_moment" between {earliest} and {latest}'
        if field.kind == "integer":
            return _is_whole(name)
        if field.kind == "boolean":
            return f"{name} in ('true', 'false')"
        if field.kind == "number":
            return _is_number(name, field)
        return f"{name} >= '{{' and {name} < '|'"  # an object

    def _value(self, field: Field, name: str) -> str:
        if field.kind == "time":
            return f'"{field.name}_moment"'
        if field.kind == "integer":
            return f"try_cast({name} as bigint)"
        if field.kind == "number":
            return f"try_cast({name} as double)"
        if field.kind == "boolean":
            return f"{name} = 'true'"
        if field.kind == "id":
            quoted = f"{name} < '#'"  # a quotation mark comes before, a digit after
            return f"case when {quoted} then {self._inside(name)} else {name} end"
        if field.lower_case:
            return f"lower({self._inside(name)})"
        return self._inside(name)

    def _inside(self, name: str) -> str:
        """The letters of a JSON string that holds no escape."""
        if self._traits.is_ascii:  # where letters are bytes, this is the faster
            return f"substr({name}, 2, strlen({name}) - 2)"
        return f"{name}[2:-2]"

    def _is_plain_text(self, name: str) -> str:
        """A string without escapes that begins with a letter, not with a blank."""
        begins = f"{name} >= '\"#' and {name} < '\"\x7f'"
        if not self._traits.is_ascii:
            begins = (
                f"({begins} or ({name} >= '\"\x7f' and {name} < '#' "
                f"and not regexp_matches({name}, '^\"[{_WIDE_BLANK}]')))"
            )
        if not self._traits.has_escapes:
            return f"({begins})"
        return f"({begins} and not contains({name}, '\\'))"

    def moment(self, field: Field) -> str:
        """What a time field says; null where it is not one of the plain forms."""
        name = f'"{field.name}"'
        text = self._inside(name)
        local = f"try_cast(left({text}, strlen({name}) - 8) as timestamp)"
        hours = f"try_cast(substr({name}, strlen({name}) - 5, 2) as bigint)"
        minutes = f"try_cast(substr({name}, strlen({name}) - 2, 2) as bigint)"
        offset = f"to_minutes({hours} * 60 + {minutes})"
        ending = f"substr({name}, strlen({name}) - 6, 1)"
        whole = f"try_cast({name} as bigint)"
        return f"""case
            when {name} < '#' then case
                when not regexp_full_match({name}, '{_INSTANT}') then null
                when ends_with({name}, 'Z"') then try_cast({text} as timestamp)
                when {ending} = '+' then {local} - {offset}
                else {local} + {offset}
            end
            when {_is_whole(name)} then case
                {self._epochs(whole)}
            end
        end"""

    def _epochs(self, whole: str) -> str:
        """Seconds, milliseconds, nanoseconds, a second inside of both ends."""
        first, last = EARLIEST // MICROS + 1, self._latest // MICROS - 1
        units = ((1, f"{whole} * {MICROS}"), (1000, f"{whole} * 1000"))
        cases = [
            f"when {whole} between {first * unit} and {last * unit} "
            f"then make_timestamp({micros})"
            for unit, micros in units
        ]
        nano = 1_000_000_000
        cases.append(
            f"when {whole} between {first * nano} and {last * nano} "
            f"then make_timestamp({whole} // 1000)"
        )
        return " ".join(cases)


def _moment(micros: int) -> str:
    return f"make_timestamp({micros}::bigint)"


def _is_whole(name: str) -> str:
    """An integer of 64 bits, written as integers are."""
    return f"coalesce(try_cast({name} as bigint)::varchar = {name}, false)"


def _is_number(name: str, field: Field) -> str:
    """A finite number, no string that looks like one, within the field's limits."""
    number = f"try_cast({name} as double)"
    proofs = [f"{name} >= '-'", f"{name} < ':'", f"isfinite({number})"]
    if field.minimum is not None:
        proofs.append(f"{number} >= {field.minimum}")
    if field.above is not None:
        proofs.append(f"{number} > {field.above}")
    if field.maximum is not None:
        proofs.append(f"{number} <= {field.maximum}")
    return "coalesce(" + " and ".join(proofs) + ", false)"
