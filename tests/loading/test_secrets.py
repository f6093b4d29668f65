"""Credentials never reach a table, not even by way of a rejected line."""

from __future__ import annotations

import json

import pytest

from orchestration.loading.json_lines import rejected_text
from orchestration.loading.lines import Oversize
from orchestration.loading.secrets import cut, is_secret, mask
from tests.loading.support import EVENT, Landing


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apikey",
        "apiKey",
        "APIKey",
        "x-api-key",
        "X_API_KEY",
        "Authorization",
        "proxy-authorization",
        "password",
        "db.password",
        "passphrase",
        "clientSecret",
        "access_token",
        "accessToken",
        "Set-Cookie",
        "credentials",
        "aws_secret_access_key",
        "privateKey",
        "jwt",
        "BEARER",
    ],
)
def test_a_key_that_looks_like_a_credential(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "input_tokens",
        "token_count",
        "key",
        "monkey",
        "secretary",
        "author",
        "cookie_banner",
        "tokenizer",
        "passwordless",
        "",
    ],
)
def test_a_key_that_does_not(key: str) -> None:
    assert not is_secret(key)


def test_strings_of_any_depth_are_masked_and_numbers_stay() -> None:
    said = {"a": [{"token": {"value": "x", "n": 7, "list": ["y", None]}}]}
    masked = {"a": [{"token": {"value": "***", "n": 7, "list": ["***", None]}}]}
    assert mask(said) == masked


def test_a_stored_record_holds_no_secret(landing: Landing) -> None:
    said = {"headers": {"Authorization": "Bearer s3cret"}, "input_tokens": 123}
    landing.put("agent_events/a.jsonl", [{**EVENT, "password": "s3cret", **said}])
    landing.load()
    (row,) = landing.rows("select attributes from raw.agent_events")
    assert json.loads(row["attributes"]) == {
        "headers": {"Authorization": "***"},
        "input_tokens": 123,
        "password": "***",
    }


@pytest.mark.parametrize(
    "line",
    [
        b'{"event_id":true,"token":"s3cret","text":"my words"}',
        b'{"event_id":"e","attributes":{"clientSecret" : "s3cret","text":"my words"}',
        b'{"token":"a \\"s3cret\\" b","content":"my words \xff',
        b'{"a":NaN,"password":"s3cret',
    ],
)
def test_a_rejected_text_holds_none_either(line: bytes) -> None:
    text = rejected_text(line, keep_text=False)
    assert "s3cret" not in text
    assert "my words" not in text
    assert "s3cret" not in rejected_text(Oversize(line), keep_text=False)


def test_a_rejected_text_is_cut_at_4_kib_of_utf_8() -> None:
    kept = cut("é" * 5000 + "\x00")
    assert len(kept.encode()) == 4096
    assert len(cut("a" * 5000)) == 4096
    assert cut("a" + "é" * 5000).endswith("é")
