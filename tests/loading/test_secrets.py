"""Credentials never reach a table, not even by way of a rejected line."""

from __future__ import annotations

import base64
import json
from random import Random

import pytest

from orchestration.loading.json_lines import rejected_text
from orchestration.loading.lines import Oversize
from orchestration.loading.secrets import (
    MASK,
    cut,
    is_doubtful,
    is_secret,
    mask,
    mask_value,
)
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


HIDDEN = "q7w8e9r0t1y2u3i4o5p6a7s8"
SAID = [
    f"ghp_{HIDDEN}{HIDDEN[:12]}",
    f"see https://anna:{HIDDEN}@example.com/a for it",
    f"https://example.com/a?b=1&access_token={HIDDEN}&c=2",
    f"https://example.com/a?b=1&sig={HIDDEN}",
    f"Authorization: Bearer {HIDDEN}",
    f'Authorization: Digest username="anna", response="{HIDDEN}"',
    f"bearer {HIDDEN}",
    f"Cookie: lang=en; sid={HIDDEN}",
    f"Server=db;Password={HIDDEN};Encrypt=yes",
    f"{{'password': '{HIDDEN}'}}",
    f"mysql --password {HIDDEN} -h db",
    f"curl -u anna:{HIDDEN} example.com",
    f"<password>{HIDDEN}</password>",
    json.dumps({"arguments": json.dumps({"clientSecret": HIDDEN})}),
    f'{{"password":"{HIDDEN}","password":1}}',
    f"-----BEGIN RSA PRIVATE KEY-----\n{HIDDEN}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{HIDDEN}",
]
PLAIN = [
    "the customer forgot their password and asked for a reset",
    "sk-learn-something-longer and risk-assessment-of-customer-12345678",
    "basic understanding, bearer certificate",
    "https://git@example.com/a and http://example.com:8080/a@b",
    "d41d8cd98f00b204e9800998ecf8427e",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "max_tokens: 5, total tokens = 7",
    "eyJ is how a token begins",
    '{"tokens": 5, "note": "fine"}',
    "session_started_by_customer_in_chat_of_2026_01_31",
]


@pytest.mark.parametrize("said", SAID)
def test_what_looks_like_a_credential_is_masked_wherever_it_stands(said: str) -> None:
    packed = base64.b64encode(said.encode()).decode()
    for text in (said, f"so:\n{said}\tand on", json.dumps([said]), packed):
        masked = mask_value(text)
        assert MASK in masked
        assert HIDDEN not in masked
        assert packed[20:40] not in masked
        assert is_doubtful(json.dumps(text).encode())


@pytest.mark.parametrize("said", PLAIN)
def test_what_only_sounds_like_one_stays(said: str) -> None:
    assert mask_value(said) == said


def test_no_string_is_masked_in_which_the_scan_of_its_block_sees_no_doubt() -> None:
    chance = Random(1)
    atoms = [*SAID, *PLAIN, *"\"'\\/:=@?&;# \n\t\r,{}[]<>", "token", "Basic ", "--"]
    for _ in range(3_000):
        text = "".join(chance.choices(atoms, k=chance.randint(1, 4)))
        start = chance.randrange(len(text) + 1)
        text = text[start : start + chance.randint(1, 120)]
        if mask_value(text) != text:
            for line in (json.dumps({"a": text}), json.dumps([json.dumps(text)])):
                assert is_doubtful(line.encode()), text


def test_a_letter_written_as_an_escape_hides_nothing(landing: Landing) -> None:
    said = "".join(f"\\u{ord(letter):04x}" for letter in SAID[0])
    line = json.dumps({**EVENT, "attributes": {"n": "?"}}).replace("?", said)
    landing.put("agent_events/a.jsonl", line)
    landing.put("agent_events/b.jsonl", line.replace('"e1"', "1e")[:-1])
    landing.load()
    (row,) = landing.rows("select attributes from raw.agent_events")
    assert json.loads(row["attributes"]) == {"n": MASK}
    (reject,) = landing.rows("select text from raw.rejected_records")
    assert MASK in reject["text"]
    assert HIDDEN not in reject["text"]


def test_ids_that_are_credentials_stay_apart_and_meet_themselves(
    landing: Landing,
) -> None:
    other = SAID[0].replace("q7", "z9")
    events = [
        {**EVENT, "event_id": "a", "session_id": SAID[0]},
        {**EVENT, "event_id": "b", "session_id": SAID[0]},
        {**EVENT, "event_id": "c", "session_id": other},
    ]
    landing.put("agent_events/a.jsonl", events)
    landing.load()
    first, second, third = landing.rows(
        "select session_id from raw.agent_events order by event_id"
    )
    assert first == second != third
    assert first["session_id"].startswith(MASK)


def test_the_length_of_text_is_that_of_what_was_said(landing: Landing) -> None:
    attributes = {"text": f"my password: {HIDDEN}"}
    said = {"action_type": "message_received", "attributes": attributes}
    landing.put("agent_events/a.jsonl", [{**EVENT, **said}])
    landing.load()
    (row,) = landing.rows("select attributes from raw.agent_events")
    assert json.loads(row["attributes"]) == {"char_count": len(attributes["text"])}


def test_files_whose_names_hold_credentials_are_told_apart(landing: Landing) -> None:
    for number, token in enumerate((SAID[0], SAID[0].replace("q7", "z9"))):
        event = {**EVENT, "event_id": str(number)}
        landing.put(f"agent_events/{token}.jsonl", [event])
    report = landing.load()
    assert report.loaded == 2
    again = landing.load()
    assert again.feeds["agent_events"].known == 2
    paths = landing.rows("select path from raw.load_history order by path")
    assert [row["path"] for row in paths] == [
        "agent_events/***.jsonl",
        "agent_events/2-***.jsonl",
    ]
