"""Malformed lines and files, by class; each says what must become of it.

A line is made of its own id, so that it can be found again among the rejected ones, or
among the rows where it is only unusual.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.loading.spans import export, span
from tests.loading.support import EVENT, SAMPLES
from tests.loading.test_servicenow import INCIDENT, csv

MIB = 1 << 20


class Line(NamedTuple):
    """A line and the reasons for which it may be rejected; none where it must load."""

    content: bytes
    reasons: frozenset[str] = frozenset()
    id: str | None = None


MakeLines = Callable[[Random, str], list[Line]]
MakeFile = Callable[[Random, bytes], tuple[str, bytes]]

LINES: dict[str, MakeLines] = {}
HEAVY: dict[str, MakeLines] = {}
UNREADABLE: dict[str, MakeFile] = {}
# files of other feeds that cannot be read: their feed, their suffix and what is in them
DOCUMENTS: dict[str, tuple[str, str, Callable[[Random], bytes]]] = {}
READABLE: dict[str, MakeFile] = {}
# files of other feeds that cannot be read: their feed, their suffix and what is in them
DOCUMENTS: dict[str, tuple[str, str, Callable[[Random], bytes]]] = {}


def record(event_id: str, **changes: object) -> bytes:
    """A sound line but for some fields."""
    return json.dumps({**EVENT, "event_id": event_id, **changes}).encode()


def _raw(event_id: str, more: bytes) -> bytes:
    """A sound line with more text before its last bracket."""
    return record(event_id)[:-1] + more + b"}"


def _add(
    name: str,
    make: Callable[[Random, str], bytes | list[bytes]],
    *reasons: str,
    to: dict[str, MakeLines] = LINES,
) -> None:
    """Adds a class whose lines are all rejected, for these reasons, or all load."""

    def lines(chance: Random, event_id: str) -> list[Line]:
        made = make(chance, event_id)
        contents = [made] if isinstance(made, bytes) else made
        return [Line(it, frozenset(reasons), event_id) for it in contents]

    assert name not in LINES
    assert name not in HEAVY
    to[name] = lines


def _nested(levels: int) -> bytes:
    return b',"attributes":{"x":' + b"[" * levels + b"]" * levels + b"}"


NOT_JSON, NOT_AN_OBJECT, OVERSIZE = "not_json", "not_an_object", "oversize"
TIME = "invalid_timestamp"

# no JSON
_add("cut off", lambda c, i: record(i)[: -c.randint(1, 60)], NOT_JSON)
_add("no JSON at all", lambda _, i: f"Traceback: {i}".encode(), NOT_JSON)
_add("an HTML page", lambda _, i: f"<html><b>502 {i}</b>".encode(), NOT_JSON)
_add("a comma too many", lambda _, i: _raw(i, b","), NOT_JSON)
_add("two objects", lambda _, i: record(i) * 2, NOT_JSON)
_add("garbage behind", lambda _, i: record(i) + b" x", NOT_JSON)
_add("single quotes", lambda _, i: record(i).replace(b'"', b"'"), NOT_JSON)
_add("a comment", lambda _, i: _raw(i, b"/* why */"), NOT_JSON)
_add("NaN", lambda _, i: _raw(i, b',"x":NaN'), NOT_JSON)
_add("infinity", lambda _, i: _raw(i, b',"x":-Infinity'), NOT_JSON)
_add("a number beyond doubles", lambda _, i: _raw(i, b',"x":1e999'), NOT_JSON)
_add("400 digits", lambda _, i: _raw(i, b',"x":' + b"9" * 400), NOT_JSON)
_add("octal", lambda _, i: _raw(i, b',"x":017'), NOT_JSON)
_add("hexadecimal", lambda _, i: _raw(i, b',"x":0x17'), NOT_JSON)
_add("an unknown escape", lambda _, i: _raw(i, rb',"x":"\q"'), NOT_JSON)
_add("half an escape", lambda _, i: _raw(i, rb',"x":"\u12"'), NOT_JSON)
_add("a lone surrogate", lambda _, i: _raw(i, rb',"x":"\ud800"'), NOT_JSON)
_add("swapped surrogates", lambda _, i: _raw(i, rb',"x":"\udc00\ud800"'), NOT_JSON)
_add("a surrogate as bytes", lambda _, i: _raw(i, b',"x":"\xed\xa0\x80"'), NOT_JSON)
_add("Latin-1", lambda _, i: _raw(i, b',"x":"\xe9"'), NOT_JSON)
_add("overlong UTF-8", lambda _, i: _raw(i, b',"x":"\xc0\xaf"'), NOT_JSON)
_add("beyond Unicode", lambda _, i: _raw(i, b',"x":"\xf4\x90\x80\x80"'), NOT_JSON)
_add("a NUL byte", lambda _, i: _raw(i, b',"x":"\0"'), NOT_JSON)
_add("NUL bytes around", lambda _, i: b"\0" + record(i) + b"\0", NOT_JSON)
_add("a control character", lambda _, i: _raw(i, b',"x":"\x1b[2J"'), NOT_JSON)
_add("a carriage return inside", lambda _, i: record(i) + b"\r" + record(i), NOT_JSON)
_add("a byte order mark inside", lambda _, i: b"{\xef\xbb\xbf" + record(i), NOT_JSON)
_add("random bytes", lambda c, i: b"\x80" + _noise(c), NOT_JSON)
_add("201 levels", lambda _, i: _raw(i, _nested(199)), NOT_JSON)
_add("500 levels", lambda _, i: _raw(i, _nested(500)), NOT_JSON)
_add("5,000 levels", lambda _, i: _raw(i, _nested(5_000)), NOT_JSON)
_add("a printed document", lambda _, i: _printed(i), NOT_JSON)
_add("a printed array", lambda _, i: [b"[", record(i) + b",", b"]"], NOT_JSON)
# no object
_add("an array", lambda _, i: b"[" + record(i) + b"]", NOT_AN_OBJECT)
_add("a string", lambda _, i: json.dumps(record(i).decode()).encode(), NOT_AN_OBJECT)
_add("a number", lambda c, _: str(c.random()).encode(), NOT_AN_OBJECT)
_add("a word", lambda c, _: c.choice([b"true", b"false", b"null"]), NOT_AN_OBJECT)
# no record
_add("no id", lambda _, i: record("", note=i), "missing_event_id")
_add("a blank id", lambda _, i: record(" \u2003", note=i), "missing_event_id")
_add("an id that is null", lambda _, i: record(None, note=i), "missing_event_id")
_add("an id that is a list", lambda _, i: record([i]), "invalid_event_id")
_add("an id that is a fraction", lambda _, i: record(1.5, note=i), "invalid_event_id")
_add("an id with a NUL", lambda _, i: record(f"\0{i}"), "invalid_event_id")
_add("no session", lambda _, i: record(i, session_id=None), "missing_session_id")
_add("an empty object", lambda _, i: b"{}", "missing_event_id")
_add("beyond 64 bits", lambda _, i: record(i, sequence=2**63), "invalid_sequence")
_add("a sequence in words", lambda _, i: record(i, sequence="1"), "invalid_sequence")
_add("a flag in words", lambda _, i: record(i, is_test="true"), "invalid_is_test")
_add("a flag of 1", lambda _, i: record(i, is_test=1), "invalid_is_test")
_add("an unknown actor", lambda _, i: record(i, actor_type="x"), "invalid_actor_type")
_add(
    "attributes of a list", lambda _, i: record(i, attributes=[]), "invalid_attributes"
)
for _name, _moment in {
    "no zone": "2026-01-31T12:00:00",
    "no time": "2026-01-31",
    "year 0": "0000-01-01T00:00:00Z",
    "year 9999": "9999-12-31T23:59:59Z",
    "year 10000": "10000-01-01T00:00:00Z",
    "a year before 2000": "1999-12-31T23:59:59Z",
    "30 February": "2026-02-30T12:00:00Z",
    "24 o'clock": "2026-01-31T24:00:00Z",
    "a zone of 99 hours": "2026-01-31T12:00:00+99:00",
    "a zone without colon": "2026-01-31T12:00:00+0100",
    "digits of another script": "٢٠٢٦-01-31T12:00:00Z",
    "microseconds": 1_769_860_800_000_000,
    "digits in quotes": "1769860800",
    "a negative time": -1,
    "a time beyond 64 bits": 10**30,
    "a time that is a flag": True,
    "a time that is an object": {},
}.items():
    _add(_name, lambda _, i, it=_moment: record(i, timestamp=it), TIME)
# unusual, and sound
_add("another content of an id", lambda c, i: _twins(c, i))
_add("duplicate keys", lambda _, i: _raw(i, b',"session_id":"s2","session_id":"s3"'))
_add("CRLF", lambda _, i: record(i) + b"\r")
_add("a byte order mark", lambda _, i: b"\xef\xbb\xbf" + record(i))
_add("blanks around", lambda _, i: b" \t" + record(i) + b" \t ")
_add("a NUL escape", lambda _, i: _raw(i, rb',"x":"a\u0000b"'))
_add("a pair of surrogates", lambda _, i: _raw(i, rb',"x":"\ud83d\ude00"'))
_add("other ends of lines", lambda _, i: record(i, x="\u2028\u2029\x85\x0b"))
_add("200 levels", lambda _, i: _raw(i, _nested(198)))
_add("60 digits", lambda _, i: _raw(i, b',"x":' + b"9" * 60))
_add("an empty key", lambda _, i: record(i, attributes={"": {"": ""}}))
_add("SQL", lambda _, i: record(i, channel="'); drop table raw.agent_events; --"))
_add("unknown fields", lambda _, i: record(i, **{"a'b": 1, "$where": [1]}))
_add("an id that is a number", lambda c, _: record(c.getrandbits(63)))
# large
_add("50,000 levels", lambda _, i: _raw(i, _nested(50_000)), NOT_JSON, to=HEAVY)
_add("500,000 levels", lambda _, i: _raw(i, _nested(500_000)), NOT_JSON, to=HEAVY)
_add("500,000 open brackets", lambda _, i: b"[" * 500_000, NOT_JSON, to=HEAVY)
_add(
    "500,000 objects",
    lambda _, i: _raw(i, b',"x":' + b'{"":' * 250_000),
    NOT_JSON,
    to=HEAVY,
)
_add("a line of 60 MB", lambda _, i: _padded(i, 60_000_000), OVERSIZE, to=HEAVY)
_add("a byte too long", lambda _, i: _padded(i, MIB + 1), OVERSIZE, to=HEAVY)
_add("as long as may be", lambda _, i: _padded(i, MIB), to=HEAVY)
_add("a key of 1 MB", lambda _, i: _raw(i, b',"' + b"k" * 1_000_000 + b'":1'), to=HEAVY)
_add("100,000 keys", lambda _, i: _raw(i, _keys(100_000)), to=HEAVY)
_add("100,000 equal keys", lambda _, i: _raw(i, b',"x":1' * 100_000), to=HEAVY)
_add(
    "a million digits",
    lambda _, i: _raw(i, b',"x":' + b"9" * 1_000_000),
    NOT_JSON,
    to=HEAVY,
)
_add(
    "a million zeros",
    lambda _, i: _raw(i, b',"x":0.' + b"0" * 1_000_000 + b"1"),
    to=HEAVY,
)


def _noise(chance: Random) -> bytes:
    return chance.randbytes(chance.randint(1, 300)).translate(None, b"\n")


def _printed(event_id: str) -> list[bytes]:
    text = json.dumps({**EVENT, "event_id": event_id}, indent=2)
    return [line.encode() for line in text.splitlines()]


def _twins(chance: Random, event_id: str) -> list[bytes]:
    versions = chance.sample(range(9), 2)
    return [record(event_id, version=version) for version in versions]


def _padded(event_id: str, size: int) -> bytes:
    short = _raw(event_id, b',"x":""')
    return short[:-2] + b"x" * (size - len(short)) + short[-2:]


def _keys(count: int) -> bytes:
    return b"".join(b',"%x":1' % number for number in range(count))


def _file(
    to: dict[str, MakeFile], name: str, suffix: str, make: Callable[..., bytes]
) -> None:
    assert name not in UNREADABLE
    assert name not in READABLE
    to[name] = lambda chance, content: (suffix, make(chance, content))


def _zip(_: Random, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", content)
    return target.getvalue()


def _zstd(_: Random, content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def _gzip(chance: Random, content: bytes) -> bytes:
    return gzip.compress(content, chance.randint(1, 9))


def _cut(pack: Callable[[Random, bytes], bytes]) -> Callable[[Random, bytes], bytes]:
    def cut(chance: Random, content: bytes) -> bytes:
        packed = pack(chance, content)
        return packed[: chance.randint(1, len(packed) - 1)]

    return cut


def _flipped(_: Random, content: bytes) -> bytes:
    packed = bytearray(gzip.compress(content))
    packed[-6] ^= 0x40  # of the checksum
    return bytes(packed)


def _members(chance: Random, content: bytes) -> bytes:
    cuts = sorted(chance.randrange(len(content)) for _ in range(3))
    ends = zip([0, *cuts], [*cuts, len(content)], strict=True)
    return b"".join(gzip.compress(content[a:b]) for a, b in ends)


def _named_member(_: Random, content: bytes) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile("../../etc/passwd", "wb", fileobj=target) as member:
        member.write(content)
    return target.getvalue()


def _skippable(_: Random, content: bytes) -> bytes:
    frame = b"\x50\x2a\x4d\x18\x04\x00\x00\x00" + b"skip"
    return frame + zstandard.ZstdCompressor().compress(content) + frame


def _wide_window(_: Random, content: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(content * 3) + packer.flush()


def _parquet(_: Random, content: bytes) -> bytes:
    rows = [json.loads(line) for line in content.splitlines()]
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), target)
    return target.getvalue()


def _bomb(pack: Callable[[bytes], bytes]) -> Callable[[Random, bytes], bytes]:
    return lambda *_: pack(bytes(200 * MIB))


def _gzip_bomb(content: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(content) + packer.flush()


_file(UNREADABLE, "a truncated gzip", ".gz", _cut(_gzip))
_file(UNREADABLE, "a truncated zstd", ".zst", _cut(_zstd))
_file(UNREADABLE, "a truncated Parquet", ".parquet", _cut(_parquet))
_file(UNREADABLE, "a gzip with a tail", ".gz", lambda c, t: _gzip(c, t) + b"tail")
_file(UNREADABLE, "a zstd with a tail", ".zst", lambda c, t: _zstd(c, t) + b"tail")
_file(UNREADABLE, "a wrong checksum", ".gz", _flipped)
_file(UNREADABLE, "a gzip by another name", ".jsonl", _gzip)
_file(UNREADABLE, "a zstd by another name", ".jsonl", _zstd)
_file(UNREADABLE, "a Parquet by another name", ".json", _parquet)
_file(UNREADABLE, "a ZIP", ".jsonl", _zip)
_file(UNREADABLE, "a ZIP named gzip", ".gz", _zip)
_file(UNREADABLE, "text named gzip", ".gz", lambda _, text: text)
_file(UNREADABLE, "text named zstd", ".zst", lambda _, text: text)
_file(UNREADABLE, "text named Parquet", ".parquet", lambda _, text: text)
_file(UNREADABLE, "a gzip in a gzip", ".gz", lambda c, t: _gzip(c, _gzip(c, t)))
_file(UNREADABLE, "bzip2", ".jsonl", lambda c, _: b"BZh91AY&SY" + c.randbytes(99))
_file(UNREADABLE, "xz", ".jsonl", lambda c, _: b"\xfd7zXZ\0" + c.randbytes(99))
_file(UNREADABLE, "UTF-16", ".jsonl", lambda _, text: text.decode().encode("utf-16"))
_file(UNREADABLE, "UTF-16 LE", ".gz", lambda c, t: _gzip(c, _wide(t, "utf-16-le")))
_file(UNREADABLE, "UTF-16 BE", ".jsonl", lambda _, text: _wide(text, "utf-16-be"))
_file(UNREADABLE, "UTF-32", ".zst", lambda c, text: _zstd(c, _wide(text, "utf-32")))
_file(UNREADABLE, "nothing but NUL", ".jsonl", lambda *_: bytes(9_999))
_file(UNREADABLE, "a window of 256 MB", ".zst", _wide_window)
_file(UNREADABLE, "a bomb of gzip", ".gz", _bomb(_gzip_bomb))
_file(UNREADABLE, "a bomb of zstd", ".zst", _bomb(lambda it: _zstd(Random(), it)))
_file(READABLE, "gzip", ".gz", _gzip)
_file(READABLE, "members in a row", ".GZ", _members)
_file(READABLE, "a member with a path", ".gz", _named_member)
_file(READABLE, "padding with NUL", ".gz", lambda c, t: _gzip(c, t) + bytes(512))
_file(READABLE, "zstd", ".zst", _zstd)
_file(READABLE, "frames to be skipped", ".zst", _skippable)
_file(READABLE, "Parquet", ".parquet", _parquet)
_file(READABLE, "no last line feed", "", lambda _, text: text.rstrip(b"\n"))
_file(READABLE, "blank lines", ".txt", lambda _, t: t.replace(b"\n", b"\n\n \t\r\n"))
_file(READABLE, "a byte order mark ahead", ".jsonl", lambda _, t: b"\xef\xbb\xbf" + t)


def _wide(text: bytes, encoding: str) -> bytes:
    return text.decode().encode(encoding)


def _document(feed: str, name: str, make: Callable[[Random], bytes]) -> None:
    suffix = ".gz" if "gzip" in name else ".csv" if "CSV" in name else ".json"
    DOCUMENTS[name] = (feed, suffix, make)


def _simulations(chance: Random) -> bytes:
    made = [{"id": f"s{chance.random()}", "messages": [{"role": "user"}]}] * 3
    return json.dumps({"info": {}, "simulations": made}).encode()


def _csv(*changes: tuple[str, str]) -> Callable[[Random], bytes]:
    header = ",".join(SERVICENOW_COLUMNS)
    for old, new in changes:
        header = header.replace(old, new)
    return lambda _: f"{header}\n{'?,' * 35}?\n".encode()


TAU2, INCIDENTS = "tau2_runs", "servicenow_incidents"
_document(TAU2, "half a document", lambda c: _simulations(c)[: -c.randint(1, 99)])
_document(TAU2, "a document in an array", lambda c: b"[" + _simulations(c) + b"]")
_document(TAU2, "a document of a number", lambda c: str(c.random()).encode())
_document(TAU2, "a document of nothing", lambda _: b"{}")
_document(TAU2, "simulations by name", lambda _: b'{"simulations":{"a":{}}}')
_document(TAU2, "NaN in a document", lambda _: b'{"simulations":[],"x":NaN}')
_document(TAU2, "a deep document", lambda _: b'{"simulations":' + b"[" * 500_000)
_document(TAU2, "a deep whole document", lambda _: _deep(500_000))
_document(TAU2, "two documents", lambda c: _simulations(c) * 2)
_document(TAU2, "a wide document", lambda c: _wide(_simulations(c), "utf-16"))
_document(TAU2, "a document cut in gzip", lambda c: _cut(_gzip)(c, _simulations(c)))
_document(TAU2, "a document named gzip", _simulations)
_document(INCIDENTS, "a CSV of others", lambda _: b"number,state\nINC1,new\n")
_document(INCIDENTS, "a CSV with a column twice", _csv(("active", "number")))
_document(INCIDENTS, "a CSV without a column", _csv((",made_sla", "")))
_document(INCIDENTS, "a CSV with semicolons", _csv((",", ";")))
_document(INCIDENTS, "a CSV that is wide", lambda c: _wide(_csv()(c), "utf-16-le"))
_document(INCIDENTS, "a CSV of JSON", lambda c: _simulations(c))
_document(INCIDENTS, "a CSV of noise", lambda c: c.randbytes(5_000))


def _deep(levels: int) -> bytes:
    return b'{"simulations":' + b"[" * levels + b"]" * levels + b"}"


def sound(feed: str, chance: Random) -> bytes:
    """A sound file of a feed, as text."""
    if feed == TAU2:
        return _simulations(chance)
    if feed == INCIDENTS:
        rows = [{**INCIDENT, "number": f"INC{chance.random()}"} for _ in range(9)]
        return csv(*rows).encode()
    if feed == "otel_spans":
        made = [export(span(spanId=f"{chance.getrandbits(64):016x}")) for _ in range(9)]
        return "\n".join(made).encode()
    if feed not in SAMPLES:  # a helpdesk's tables
        rows = [f"{chance.getrandbits(40)},2026-01-31T12:00:00Z,open" for _ in range(9)]
        return "\n".join(["id,updated_at,status", *rows]).encode()
    sample = SAMPLES[feed]
    first = next(iter(sample))
    lines = [{**sample, first: f"z{chance.random()}"} for _ in range(9)]
    return "".join(json.dumps(it) + "\n" for it in lines).encode()


BITES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\0", b"\xff"),
    *(b"null", b"true", b"-", b"1e999", b"9" * 30, b"NaN", b"\\ud800", b"\xed\xa0\x80"),
    *(
        b"[" * 300,
        b'""',
        b'{"":',
        b"\xef\xbb\xbf",
        b"\n\n",
        b"?",
        b"1970",
        b"2026-13-40",
    ),
]


def bitten(chance: Random, content: bytes) -> bytes:
    """Bytes with some of them taken out, doubled, moved, flipped or put in."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(made) + 1), chance.randint(1, 30)
        piece = bytes(made[at : at + length])
        how = chance.randrange(5)
        if how == 0:
            del made[at : at + length]
        elif how == 1:
            to = chance.randrange(len(made) + 1)
            made[to:to] = piece
        elif how == 2 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        else:
            made[at:at] = chance.choice(BITES)
    return bytes(made)


def packed(chance: Random, content: bytes) -> tuple[str, bytes]:
    """A suffix and the content as it says; a tenth of what is packed is bitten too."""
    suffix, pack = chance.choice(
        [("", None), ("", None), (".gz", _gzip), (".zst", _zstd)]
    )
    made = pack(chance, content) if pack else content
    return suffix, bitten(chance, made) if pack and chance.random() < 0.1 else made
