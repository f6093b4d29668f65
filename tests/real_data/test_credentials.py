"""How often plain words of real logs are taken for a credential: not once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

from orchestration.loading.secrets import doubtful, mask_value


def test_nothing_in_the_real_data_is_masked(shared_data: Path) -> None:
    texts = [text for path in _files(shared_data) for text in _strings(path)]
    assert len(texts) > 4_000_000
    doubts = doubtful([json.dumps(text).encode() for text in texts]).to_pylist()
    doubted = [text for text, doubt in zip(texts, doubts, strict=True) if doubt]
    assert len(doubted) < 300
    assert [text for text in doubted if mask_value(text) != text] == []


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.name.removesuffix(".gz").endswith((".json", ".jsonl", ".csv")):
            yield path


def _strings(path: Path) -> Iterator[str]:
    """Every string of a file, keys included."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if path.name.removesuffix(".gz").endswith(".csv"):
        yield from (cell for row in csv.reader(io.StringIO(text)) for cell in row)
        return
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines() if line.strip()]
    for document in documents:
        yield from _strings_in(document)


def _strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings_in(item)
