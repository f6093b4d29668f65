"""The fast path gives what the careful path gives, bit for bit, whatever is landed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.loading import LoadSettings, fast
from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.files import LandedFile, examine
from orchestration.loading.json_lines import judge_line, read_json_lines
from orchestration.loading.lines import MAX_LINE_BYTES
from orchestration.loading.records import Context, RecordReader
from orchestration.loading.staging import (
    Clean,
    Rejected,
    Spool,
    StagedFile,
    stage,
    unreadable,
)
from orchestration.loading.times import latest_allowed
from tests.campaigns.corpus import LINES
from tests.loading.support import EVENT, NOW, SAMPLES, SETTINGS, Landing, validate_here

KEPT = LoadSettings(hash_key=b"a key for tests", keep_message_text=True)
MANY = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def _engine_for_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "SMALL_BYTES", 0)


@pytest.fixture(scope="module")
def readers() -> dict[tuple[str, bool], fast.LineReader]:
    """A reader for each feed, with message text dropped and kept."""
    return {
        (feed, kept.keep_message_text): fast.LineReader(FEEDS[feed], context(kept))
        for feed in SAMPLES
        for kept in (SETTINGS, KEPT)
    }


def context(loading: LoadSettings) -> Context:
    """What a validation at `NOW` needs."""
    return Context(loading, latest_allowed(NOW))


def landed(folder: Path, content: bytes) -> LandedFile:
    """A file of a feed with some content."""
    path = folder / "a.jsonl"
    path.write_bytes(content)
    return examine(path, folder, path.name)


def outcome(staged: StagedFile) -> dict[str, object]:
    """All that a store can see of a staged file."""
    rows = list(staged.chunks())
    rejects = list(staged.reject_chunks())
    return {
        "rows": pa.concat_tables(rows).to_pylist() if rows else [],
        "schema": rows[0].schema if rows else None,
        "rejects": pa.concat_tables(rejects).to_pylist() if rejects else [],
        "counts": (staged.counts, staged.unreadable),
    }


def both(
    reader: fast.LineReader, feed: Feed, file: LandedFile, loading: LoadSettings
) -> tuple[dict[str, object], dict[str, object]]:
    """The same file by the fast and by the careful path."""
    quick = staged(feed, file, reader.read(file))
    slow = staged(feed, file, read_json_lines(feed, file, context(loading)))
    return outcome(quick), outcome(slow)


def staged(
    feed: Feed, file: LandedFile, records: Iterator[Clean | Rejected | pa.Table]
) -> StagedFile:
    """What a path gives, staged."""
    clean, rejects = Spool(), Spool()
    try:
        counts = stage(feed, records, clean.fileno(), rejects.fileno())
    except UnreadableFileError as problem:
        return unreadable(feed, file, str(problem))
    return StagedFile.of(feed, file, counts, clean, rejects)


def agree(
    readers: dict[tuple[str, bool], fast.LineReader],
    feed: str,
    folder: Path,
    content: bytes,
) -> None:
    """Asserts that both paths give the same, with and without message text."""
    file = landed(folder, content)
    for loading in (SETTINGS, KEPT):
        reader = readers[feed, loading.keep_message_text]
        quick, slow = both(reader, FEEDS[feed], file, loading)
        for part in slow:
            # as text, so that 0.0 and -0.0, 1 and True and 1.0 are not the same
            assert repr(quick[part]) == repr(slow[part])


# Values that have been, or might be, taken in two ways; as JSON text.
WORDS = [
    '"a"', '"A"', '"é"', '"Ä b"', '"日本"', '""', '" "', '"\\t"', '"\u00a0"',
    '"\u00a0x"', '"\u2003"', '" x "', '"!"', '"\\""', '"\\\\"', '"\\/"',
    '"\\u00e9"', '"\\u0041"', '"\\u0020"', '"\\u0000"', '"x\\u0000"', '"\\u001f"',
    '"\\u007f"', '"\x7f"', '"\\ud83d\\ude00"', '"\\ud800"', '"😀"', '"İ"', '"ß"',
    '"SUCCESS"', '" Success"', '"K"', '"null"', '"NaN"', '"true"', '"5"',
    '"{"', '"a,}"', '",]"', '"a\\",}"', '"x:5e1"', '":["', '"#"', '"-"',
    '"ai_agent"', '"AI_AGENT"', '"customer"', '"system"', '"human"', '"random"',
    '"message_received"', '"message_sent"', '"replied"', '"compliant"', '"ces"',
]  # fmt: skip
NUMBERS = [
    "0", "-0", "1", "-1", "5", "7", "8", "0.5", "1.0", "-0.0", "1.10", "1e3", "1E3",
    "1e-3", "1e400", "-1e400", "1e-400", "0.00001", "0.000009", "0.0000123", "1e16",
    "123456789012345.5", "1234567890123456", "9007199254740993.0", "12345678901.25",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "12345678901234567890123", "1" * 120, "NaN", "Infinity", "-Infinity", "01",
    "1.", "+1", ".5", "0x1", "1_0", "2.5", "1769860800", "1769860800000",
    "1769860800000000", "1769860800000000000", "1769860800123456789",
    "1769860800.5", "1769860800.123456", "946684800", "946684799", "1769990400",
    "1769990401", "1770076800", "1770076801", "946684800000000000",
]  # fmt: skip
MOMENTS = [
    '"2026-01-31T12:00:00Z"', '"2026-01-31T12:00:00.5Z"', '"2026-01-31T12:00:60Z"',
    '"2026-01-31t12:00:00z"', '"2026-01-31 12:00:00Z"', '"2026-01-31T12:00:00"',
    '"2026-01-31T12:00:00.123456789Z"', '"2026-01-31T12:00:00.9999999Z"',
    '"2026-01-31T12:00:00.1234567891Z"', '"2026-01-31T12:00:00+02:00"',
    '"2026-01-31T12:00:00.25-09:30"', '"2026-01-31T12:00:00+0200"',
    '"2026-01-31T12:00:00+24:00"', '"2026-01-31T12:00:00-23:59"',
    '"2026-02-30T12:00:00Z"', '"2024-02-29T23:59:59Z"', '"2025-02-29T00:00:00Z"',
    '"2026-01-31T24:00:00Z"', '"1999-12-31T23:59:59.999999Z"', '"2026-02-02"',
    '"2000-01-01T00:00:00Z"', '"2000-01-01T00:00:00+00:01"', '"infinity"',
    '"2026-02-02T00:00:00Z"', '"2026-02-02T00:00:00.000001Z"', '"now"',
    '"2026-02-02T00:00:00-00:01"', '"0000-01-01T00:00:00Z"', '"12:00:00Z"',
    '"9999-12-31T23:59:59Z"', '"2026-1-31T12:00:00Z"', '"1769860800"',
    '"2026-01-31T12:00:00.Z"', '" 2026-01-31T12:00:00Z"', '"2026-01-31T12:00:00Z "',
]  # fmt: skip
KEYS = [
    '"a"', '"text"', '"content"', '"message"', '"body"', '"char_count"', '"token"',
    '"input_tokens"', '"clientSecret"', '"API-Key"', '"tok\\u0065n"', '"toKen"',
    '"é"', '"a.b"', '""', '"a"', '"te\\u0078t"', '"x\\"text"', '"\\u0000"', '"A"',
    '"$"', '"passwordé"', '"password\\n"', '"access key"', '"\\u0001"',
]  # fmt: skip


def joined(pairs: list[tuple[str, str]]) -> str:
    """JSON text of an object, its keys as they are given, twice if so given."""
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


OTHERS = ["null", "true", "false", "{}", "[]", "{ }", '{"a":null}', '["a"]']
CONTAINERS = [
    '{"a":1,"a":2}', '{"a":[1]}', '{"a":{"token":"x"}}', '{"a":[1,]}', '{"a":1,}',
    '{"text":"x","char_count":1}', '{"text":"x"}', '{"text":"x","char_count":null}',
    '{"text":5,"char_count":1}', '{"text":"x","text":"y","char_count":1}',
    '{"text":"x","content":"y"}', '{"body":"x"}', '{"message":"x","char_count":1}',
    '{"api_key":"x","a":1}', '{"token":5}', '{"a":"\\ud800"}', '{"a":NaN}', '[{"a":1}]',
    '{"text":["x"]}', '{"text":"\\u00e9\\n","char_count":1.50}', '{"a":1 , }',
]  # fmt: skip
SCALARS = st.sampled_from(WORDS + NUMBERS + OTHERS[:3])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=3).map(joined),
        st.sampled_from(["[1,]", '{"a":1,}', "[,]", "{,}", "{ }", "[ ]", '{"a" : 1 }']),
    ),
    max_leaves=4,
)
PLAIN_TEXTS = st.text(max_size=8).map(json.dumps)
UNESCAPED = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(
    lambda text: orjson.dumps(text).decode()
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
DECIMALS = st.decimals(-100_000, 100_000, places=6).map(str)
ANY = st.one_of(
    VALUES, st.sampled_from(MOMENTS), PLAIN_TEXTS, UNESCAPED, FLOATS, DECIMALS
)
ATTRIBUTES = st.lists(st.tuples(st.sampled_from(KEYS), ANY), max_size=4).map(joined)


@st.composite
def records(draw: st.DrawFn, feed: str) -> str:
    """A sound record with some of its fields changed, doubled or added."""
    names = [field.name for field in FEEDS[feed].fields]
    keys = st.sampled_from([*names, "extra", "attributes", "Event_Id", "TIMESTAMP"])
    pairs = [(json.dumps(k), json.dumps(v)) for k, v in SAMPLES[feed].items()]
    changes = draw(st.lists(st.tuples(keys, ANY), max_size=2))
    for name, value in changes:
        pairs = [(k, v) for k, v in pairs if k != f'"{name}"' or draw(st.booleans())]
        pairs.append((f'"{name}"', value))
    if draw(st.booleans()):
        pairs.append(('"attributes"', draw(ATTRIBUTES)))
    if feed == "agent_events" and draw(st.booleans()):
        pairs.append(('"action_type"', '"message_sent"'))
        pairs = list(dict(pairs).items())
    between = draw(st.sampled_from([",", ",", ", ", " ,\t"]))
    after = draw(st.sampled_from(["}", "}", "}", " }", ",}", ", }", ",\t}", "}x", ""]))
    return "{" + between.join(f"{key}:{value}" for key, value in pairs) + after


def lines(feed: str) -> st.SearchStrategy[bytes]:
    """A line of a file: a record mostly, or something else."""
    made = records(feed).map(lambda line: line.encode("utf-8", "surrogatepass"))
    other = st.sampled_from(
        [
            b"", b" ", b"\t", b"[]", b"5", b"null", b'"x"', b"{}", b"\xff", b"\x00",
            b"\xef\xbb\xbf", b"\xef\xbb\xbf{}", b"[{}]", b"{}{}", b"nonsense", b"\xc3",
            b"{" * 300, b"[" * 60_000, b'{"a":' * 250 + b"1" + b"}" * 250,
        ]
    )  # fmt: skip
    around = st.sampled_from([b"", b"", b"", b" ", b"\t", b"\r", b"\xef\xbb\xbf"])
    padded = st.tuples(around, made, around).map(b"".join)
    return st.one_of(padded, padded, padded, other)


@pytest.mark.parametrize("feed", SAMPLES)
@MANY
@given(data=st.data())
def test_both_paths_give_the_same(
    readers: dict[tuple[str, bool], fast.LineReader],
    tmp_path: Path,
    feed: str,
    data: st.DataObject,
) -> None:
    content = b"\n".join(data.draw(st.lists(lines(feed), min_size=1, max_size=60)))
    agree(readers, feed, tmp_path, content)


def every_line(feed: str) -> Iterator[str]:
    """Every doubtful value in every field and in attributes, under every key."""
    sound = [(json.dumps(k), json.dumps(v)) for k, v in SAMPLES[feed].items()]
    values = [*WORDS, *NUMBERS, *MOMENTS, *OTHERS, *CONTAINERS]
    names = [field.name for field in FEEDS[feed].fields]
    for name in dict.fromkeys([*names, "attributes", "extra", "Event_Id"]):
        others = [pair for pair in sound if pair[0] != f'"{name}"']
        for value in values:
            yield joined([*others, (f'"{name}"', value)])
            yield joined([(f'"{name}"', value), *others])
        yield joined([*sound, (f'"{name}"', '"one"'), (f'"{name}"', '"two"')])
    for kind in ('"message_sent"', '"replied"', '"other"'):
        record = [*sound, ('"action_type"', kind), ('"event_type"', kind)]
        record = list(dict(record).items())
        for text in CONTAINERS:
            yield joined([*record, ('"attributes"', text)])
        for key in KEYS:
            yield joined([*record, ('"attributes"', joined([(key, '"x"')]))])
    for value in values:
        for text in (joined([('"a"', value)]), joined([('"a"', value), ('"a"', "1")])):
            yield joined([*sound, ('"attributes"', text)])
            yield joined([('"attributes"', text), *sound])
    for end in (",}", " }", ", }", ",\t}", "}}", "}x", "", "}{}"):
        yield joined(sound)[:-1] + end
        yield joined([*sound, ('"attributes"', '{"a":1}')])[:-1] + end
        yield joined([*sound, ('"attributes"', '{"a":1' + end)])


@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("feed", SAMPLES)
def test_both_paths_give_the_same_for_every_doubtful_value(
    readers: dict[tuple[str, bool], fast.LineReader],
    tmp_path: Path,
    feed: str,
    is_ascii: bool,
) -> None:
    chosen = [line.encode("utf-8", "surrogatepass") for line in every_line(feed)]
    if is_ascii:  # the engine reads such blocks in a shorter way
        chosen = [it for it in chosen if it.isascii() and b"\\u" not in it]
    agree(readers, feed, tmp_path, b"\n".join(chosen))


def test_both_paths_give_the_same_for_every_malformed_line(
    readers: dict[tuple[str, bool], fast.LineReader], tmp_path: Path
) -> None:
    chance = Random(1)
    made = [
        line.content
        for number, make in enumerate(LINES.values())
        for line in make(chance, f"m{number}")
    ]
    agree(readers, "agent_events", tmp_path, b"\n".join(made))


def test_most_lines_of_a_plain_file_are_not_read_one_by_one(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [{**EVENT, "event_id": n, "attributes": {"a": n}} for n in range(50)]
    landing.put("agent_events/a.jsonl", [*records, "nonsense"])
    judged = []

    def judge(
        reader: RecordReader, number: int, line: bytes, **said: bool
    ) -> Clean | Rejected:
        judged.append(number)
        return judge_line(reader, number, line, **said)

    validate_here(monkeypatch)
    monkeypatch.setattr(fast, "judge_line", judge)
    assert landing.load().loaded == 50
    assert judged == [51]


@pytest.mark.parametrize("size", [1, 1000, 1 << 21])
def test_blocks_hold_the_same_lines(
    readers: dict[tuple[str, bool], fast.LineReader],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(fast, "BLOCK_BYTES", size)
    sample = json.dumps(EVENT).encode()
    longest = sample[:-1] + b" " * (MAX_LINE_BYTES - len(sample)) + b"}"
    too_long = sample[:-1] + b" " * (MAX_LINE_BYTES + 1 - len(sample)) + b"}"
    parts = [sample, longest + b"\r", too_long, b"", sample, b"x" * (3 << 20), sample]
    agree(readers, "agent_events", tmp_path, b"\n".join(parts))
    agree(readers, "agent_events", tmp_path, b"\n".join([*parts[::-1], b""]))
