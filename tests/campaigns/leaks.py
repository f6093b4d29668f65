"""What a home folder holds of some words: in any byte of any file, and in any value.

DuckDB packs its columns, and Parquet, Arrow and gzip pack theirs, so that bytes alone
do not tell. Each such file is also read through, value by value.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import feather

PIECE_BYTES = 16 << 20
ALTERNATIVES = 500  # of one scan


def leaks(home: Path, words: Sequence[str]) -> list[str]:
    """Where which of the words are, as `file: word`; nothing of `landing` is read."""
    longest = max(map(len, words), default=0)
    found: list[str] = []
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(home))
        held = set(_words_in([name.encode()], words))
        for piece in _pieces(_contents(path), longest):
            held |= set(_words_in([piece], words))
        found += [f"{name}: {word}" for word in sorted(held)]
    return found


def _words_in(texts: Sequence[bytes], words: Sequence[str]) -> Iterator[str]:
    """Words that stand in any of some texts: all are looked for in one scan."""
    array = pa.array(texts, pa.large_binary())
    for start in range(0, len(words), ALTERNATIVES):
        some = words[start : start + ALTERNATIVES]
        pattern = "|".join(_literal(word) for word in some)
        if pc.any(pc.match_substring_regex(array, pattern)).as_py():
            for word in some:
                if any(word.encode() in text for text in texts):
                    yield word


def _literal(word: str) -> str:
    return "".join(
        letter if letter.isalnum() and letter.isascii() else f"\\x{{{ord(letter):x}}}"
        for letter in word
    )


def _pieces(contents: Iterable[bytes], overlap: int) -> Iterator[bytes]:
    """Contents in large pieces, each beginning as the one before it ends."""
    piece = bytearray()
    for content in contents:
        piece += content + b"\n"
        if len(piece) > PIECE_BYTES:
            yield bytes(piece)
            piece = bytearray(piece[-overlap:] if overlap else b"")
    yield bytes(piece)


def _contents(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if data[8:12] == b"DUCK":
        yield from _of_duckdb(path)
    elif data.startswith(b"SQLite format 3"):
        yield from _of_sqlite(path)
    elif data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif data.startswith(b"PAR1"):
        yield from _of_table(pq.read_table(path))
    elif data.startswith(b"ARROW1"):
        yield from _of_table(feather.read_table(path))


def _of_duckdb(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database()"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'select * from "{schema}"."{table}"')
            while some := rows.fetchmany(10_000):
                yield repr(some).encode("utf-8", "replace")


def _of_sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchall()
        for (name,) in names:
            for row in connection.execute(f'select * from "{name}"'):
                yield repr(row).encode("utf-8", "replace")


def _of_table(table: pa.Table) -> Iterator[bytes]:
    for batch in table.to_batches():
        yield repr(batch.to_pylist()).encode("utf-8", "replace")
