"""What was loaded once never loads again, in whatever form it comes back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import zstandard

from tests.loading.support import NOW, SAMPLES, Landing, validate_here

Files = dict[str, bytes]

LINES = {
    feed: [
        json.dumps({**sample, next(iter(sample)): f"{feed}-{n}"}).encode()
        for n in range(40)
    ]
    for feed, sample in SAMPLES.items()
}


def whole(feed: str) -> bytes:
    return b"".join(line + b"\n" for line in LINES[feed])


def split(feed: str) -> Files:
    """The same lines in other files, some of them twice, with other ends."""
    lines = LINES[feed]
    return {
        "1.jsonl": b"\n".join(lines[30:]),
        "2.jsonl.gz": gzip.compress(b"\r\n".join(reversed(lines[:31]))),
        "3.jsonl": b"\xef\xbb\xbf" + b"\n\n".join(lines[::7]) + b"\n \n",
    }


FORMS: dict[str, Callable[[str], Files]] = {
    "another name": lambda feed: {"b.jsonl": whole(feed)},
    "another folder": lambda feed: {"2027/01/a.jsonl": whole(feed)},
    "no suffix": lambda feed: {"a": whole(feed)},
    **{
        f"gzip, level {level}": lambda feed, level=level: {
            "a.jsonl.gz": gzip.compress(whole(feed), level)
        }
        for level in (0, 1, 6, 9)
    },
    "gzip at another time": lambda feed: {"a.gz": gzip.compress(whole(feed), mtime=7)},
    "zstd": lambda feed: {"a.zst": zstandard.compress(whole(feed))},
    "split otherwise": split,
    "put together": lambda feed: {"a.jsonl": whole(feed) * 2},
}


@pytest.mark.parametrize("form", FORMS)
def test_what_was_loaded_once_never_loads_again(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    validate_here(monkeypatch)
    for feed in SAMPLES:
        landing.put(f"{feed}/a.jsonl", whole(feed))
    first = landing.load(feeds=SAMPLES)
    held = {feed: landing.rows(f"from raw.{feed} order by all") for feed in SAMPLES}
    assert first.loaded == sum(map(len, LINES.values()))

    for feed in SAMPLES:
        (landing.root / feed / "a.jsonl").unlink()
        for name, content in FORMS[form](feed).items():
            landing.put(f"{feed}/{name}", content)
    again = landing.load(now=NOW + timedelta(days=365), feeds=SAMPLES)

    assert (again.loaded, again.rejected) == (0, 0)
    for feed in SAMPLES:
        assert landing.rows(f"from raw.{feed} order by all") == held[feed]
    assert landing.load(feeds=SAMPLES).records == 0
