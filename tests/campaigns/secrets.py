"""Credentials of many kinds, hidden wherever a log may have them.

Each is random, and lands once: in a value, a key, JSON in a string, base64, a line that
is no JSON, the name of a file and so on, among good lines. None of it may be found
afterwards, and no good line may be missing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration import project
from orchestration.loading import LoadSettings, load_all
from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.campaigns.leaks import leaks
from tests.campaigns.row import Progress, Row
from tests.loading.support import AUDIT, EVENT, SURVEY, TICKET

FULL = 2_000
WHOLE_FROM = 500  # secrets from which on a whole refresh is run, not the load alone
NOW = datetime(2026, 2, 1, tzinfo=UTC)
LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
PER_FILE = 40
MAX_NAME = 200


@dataclass
class Secret:
    """A text with a credential in it, or a value that its key gives away.

    `words` are what must not be found: the heart of it, as it is and as it is packed.
    """

    text: str
    words: list[str]
    key: str | None = None


def _core(chance: Random, length: int = 24, letters: str = LETTERS) -> str:
    """Random letters, a digit among them, as every issuer's tokens have."""
    return "7" + "".join(chance.choices(letters, k=length - 1))


def _token(before: str, length: int, letters: str = LETTERS, after: str = "") -> Kind:
    def make(chance: Random) -> Secret:
        core = _core(chance, length, letters)
        return Secret(before + core + after, [core[:16]])

    return make


def _text(before: str, after: str = "", length: int = 14) -> Kind:
    """What only the words around it give away."""
    return _token(before, length, after=after)


def _keyed(key: str) -> Kind:
    def make(chance: Random) -> Secret:
        core = _core(chance, 14)
        return Secret(core, [core], key=key)

    return make


def _jwt(chance: Random) -> Secret:
    def part(said: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    signature = _core(chance, 43)
    payload = part({"sub": _core(chance, 12)})
    whole = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{payload}.{signature}"
    return Secret(whole, [signature[:16], payload])


def _pem(kind: str) -> Kind:
    def make(chance: Random) -> Secret:
        lines = [_core(chance, 64) for _ in range(3)]
        body = "\n".join(lines)
        whole = f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"
        return Secret(whole, [line[:20] for line in lines])

    return make


def _packed(kind: Kind, write: Callable[[str], str]) -> Kind:
    """A credential that is encoded; neither form may be found."""

    def make(chance: Random) -> Secret:
        inner = kind(chance)
        whole = write(inner.text)
        return Secret(whole, [*inner.words, whole[len(whole) // 3 :][:16]])

    return make


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _base64_of_json(text: str) -> str:
    said = {"note": "as agreed", "credentials": {"password": text}}
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


def _nested(key: str, layers: int) -> Kind:
    def make(chance: Random) -> Secret:
        core = _core(chance, 14)
        text: object = {"ok": True, key: core}
        for _ in range(layers):
            text = json.dumps({"payload": text} if isinstance(text, str) else text)
        return Secret(str(text), [core])

    return make


Kind = Callable[[Random], Secret]

KINDS: dict[str, Kind] = {
    "key: api_key": _keyed("api_key"),
    "key: clientSecret": _keyed("clientSecret"),
    "key: X-Auth-Token": _keyed("X-Auth-Token"),
    "key: db.password": _keyed("db.password"),
    "OpenAI": _token("sk-proj-", 48),
    "Anthropic": _token("sk-ant-api03-", 60),
    "Stripe": _token("sk_live_", 24),
    "AWS id": _token("AKIA", 16, string.ascii_uppercase + string.digits),
    "AWS secret": _text("aws_secret_access_key=", length=40),
    "GitHub": _token("ghp_", 36),
    "GitHub, fine-grained": _token("github_pat_", 60),
    "GitLab": _token("glpat-", 20),
    "Slack": _token("xoxb-", 40),
    "Slack webhook": _token("https://hooks.slack.com/services/T0/B0/", 24),
    "Google": _token("AIza", 35),
    "Google OAuth": _token("ya29.", 60),
    "JWT": _jwt,
    "RSA key": _pem("RSA PRIVATE KEY"),
    "OpenSSH key": _pem("OPENSSH PRIVATE KEY"),
    "SendGrid": _token("SG.", 22, after="." + "x" * 43),
    "npm": _token("npm_", 36),
    "PyPI": _token("pypi-", 80),
    "Hugging Face": _token("hf_", 34),
    "DigitalOcean": _token("dop_v1_", 64, HEX),
    "Databricks": _token("dapi", 32, HEX),
    "Vault": _token("hvs.", 24),
    "URL: user": _text("see https://admin:", "@example.com/x for it"),
    "URL: parameter": _text("GET https://example.com/x?a=1&access_token=", "&b=2"),
    "URL: signature": _text("https://example.com/f.pdf?X-Amz-Signature=", "&n=1", 64),
    "connection": _text("Server=db;User=sa;Password=", ";Encrypt=yes"),
    "header: bearer": _text("sent Authorization: Bearer ", length=30),
    "header: basic": _packed(_text("anna:"), lambda text: f"Basic {_base64(text)}"),
    "header: cookie": _text("Cookie: lang=en; sid=", "; theme=dark"),
    "option": _text("mysql --host db --password ", " --batch"),
    "XML": _text("<auth><password>", "</password></auth>"),
    "sentence": _text("my password: ", " does not work"),
    "base64 of a token": _packed(_token("ghp_", 36), _base64),
    "base64 in a sentence": _packed(
        _packed(_token("xoxb-", 40), lambda text: f"use {text} for it"), _base64
    ),
    "base64 of JSON": _packed(_text("", length=16), _base64_of_json),
    "base64 of base64": _packed(_packed(_token("sk-proj-", 30), _base64), _base64),
    "JSON in a string": _nested("password", 1),
    "JSON in JSON in a string": _nested("refreshToken", 2),
    "JSON, three layers": _nested("api-key", 3),
}


@dataclass
class Planted:
    """What was written into a landing root: secrets by kind and place, good lines."""

    landing: Path
    chance: Random
    words: dict[str, str] = field(default_factory=dict)  # each with what it is of
    good: list[str] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    files: int = 0

    def id(self) -> str:
        """An id that no other record has."""
        return f"n{len(self.good)}-{len(self.words)}-{len(self.lines)}-{self.files}"

    def put(self, name: str, data: bytes) -> None:
        """Writes a file below the landing root."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.files += 1

    def event(self, **said: object) -> dict[str, object]:
        """An event of its own."""
        return {**EVENT, "event_id": self.id(), "session_id": self.id(), **said}

    def add_line(self, line: bytes | object) -> None:
        """A line of the next file, and a good one after it."""
        if not isinstance(line, bytes):
            line = json.dumps(line).encode()
        good = f"good-{len(self.good)}"
        self.good.append(good)
        event = {**EVENT, "event_id": good, "session_id": good}
        self.lines += [line, json.dumps(event).encode()]
        if len(self.lines) >= 2 * PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Writes what waits as a file."""
        content = b"\n".join(self.lines) + b"\n"
        self.lines = []
        self.put(f"agent_events/lines-{self.files}.jsonl", content)


Place = Callable[[Planted, Secret], None]


def _member(secret: Secret, other: str = "note") -> dict[str, object]:
    return {secret.key or other: secret.text}


def _in_attributes(planted: Planted, secret: Secret) -> None:
    planted.add_line(planted.event(attributes={"n": 1, **_member(secret)}))


def _deep_in_attributes(planted: Planted, secret: Secret) -> None:
    deep = {"calls": [{"request": {"headers": [_member(secret)]}}]}
    planted.add_line(planted.event(attributes=deep))


def _as_extra_field(planted: Planted, secret: Secret) -> None:
    planted.add_line(planted.event(**_member(secret, "debug")))


def _in_escapes(planted: Planted, secret: Secret) -> None:
    """Every letter as an escape of its own, which no scan of bytes reads."""
    pairs = [
        '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
        for text in next(iter(_member(secret).items()))
    ]
    line = json.dumps(planted.event(attributes={"n": 1}))
    said = f'{{"n":1,{pairs[0]}:{pairs[1]}}}'
    planted.add_line(line.replace('{"n": 1}', said).encode())


def _in_a_sentence(planted: Planted, secret: Secret) -> None:
    said = f"it said\n{secret.text}\tand then stopped"
    planted.add_line(planted.event(attributes=_member(Secret(said, [], secret.key))))


def _in_json_in_a_string(planted: Planted, secret: Secret) -> None:
    said = json.dumps({"arguments": _member(secret)}, indent=2)
    planted.add_line(planted.event(attributes={"arguments": said}))


def _cut_off(planted: Planted, secret: Secret) -> None:
    line = json.dumps(planted.event(**_member(secret))).encode()
    planted.add_line(line[:-2])


def _in_a_line_of_no_json(planted: Planted, secret: Secret) -> None:
    member = json.dumps(_member(secret))
    planted.add_line(b"\xff ERROR 500 " + member.encode() + b" \x00 end")


def _in_a_rejected_record(planted: Planted, secret: Secret) -> None:
    wrong = planted.event(timestamp="yesterday", attributes=_member(secret))
    planted.add_line(wrong)


def _in_a_long_line(planted: Planted, secret: Secret) -> None:
    """Where the text that is kept of it ends."""
    start = "x" * (4096 - 60 - planted.chance.randrange(40))
    said = {"fill": start, **_member(secret), "rest": "y" * (1 << 20)}
    planted.add_line(json.dumps(said).encode())


def _in_a_contract_field(planted: Planted, secret: Secret) -> None:
    name = planted.chance.choice(["agent_name", "channel", "environment", "outcome"])
    planted.add_line(planted.event(**{name: secret.text}))


def _in_an_id(planted: Planted, secret: Secret) -> None:
    ids = ["event_id", "session_id", "ticket_id", "customer_id", "previous_session_id"]
    planted.add_line(planted.event(**{planted.chance.choice(ids): secret.text}))


def _in_a_key(planted: Planted, secret: Secret) -> None:
    planted.add_line(planted.event(attributes={"seen": {secret.text: 1}}))


def _in_message_text(planted: Planted, secret: Secret) -> None:
    said = {"action_type": "message_received", "attributes": {"text": secret.text}}
    planted.add_line(planted.event(**said))


def _in_another_feed(planted: Planted, secret: Secret) -> None:
    feed, sample, name, told = planted.chance.choice(
        [
            ("ticket_events", TICKET, "event_id", "group_name"),
            ("survey_responses", SURVEY, "response_id", "comment"),
            ("compliance_audits", AUDIT, "audit_id", "notes"),
        ]
    )
    record = {**sample, name: planted.id(), told: secret.text}
    planted.put(f"{feed}/{planted.files}.jsonl", json.dumps(record).encode() + b"\n")


def _in_a_name(planted: Planted, secret: Secret) -> None:
    """In the name of a file or folder, if one may be called so."""
    name = secret.text
    if "/" in name or len(name) > MAX_NAME:
        _in_attributes(planted, secret)
        return
    event = planted.event(attributes={"file": planted.files})
    folder = planted.chance.choice([f"{name}/a.jsonl", f"at-{name}.jsonl"])
    planted.put(f"agent_events/{planted.files}/{folder}", json.dumps(event).encode())


def _in_parquet(planted: Planted, secret: Secret) -> None:
    said = _member(secret, "debug")
    records = [planted.event(attributes=json.dumps(said)), planted.event(**said)]
    path = planted.landing / "agent_events" / f"{planted.files}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records), path)
    planted.files += 1


def _in_an_incident(planted: Planted, secret: Secret) -> None:
    cells = dict.fromkeys(SERVICENOW_COLUMNS, "?")
    cells |= {"number": planted.id(), "incident_state": "New", "sys_mod_count": "1"}
    cells |= {"sys_updated_at": "9/1/2026 10:00", "active": "true"}
    for count in ("reassignment_count", "reopen_count"):
        cells[count] = planted.chance.choice(["0", "many"])
    cells["caller_id"] = secret.text.replace('"', "'")
    line = ",".join(f'"{cells[name]}"' for name in SERVICENOW_COLUMNS)
    content = ",".join(SERVICENOW_COLUMNS) + "\n" + line + "\n"
    planted.put(f"servicenow_incidents/{planted.files}.csv", content.encode())


def _in_a_helpdesks_table(planted: Planted, secret: Secret) -> None:
    said = secret.text.replace('"', "'")
    time = planted.chance.choice(["2026-01-09 10:00:00", "yesterday"])
    rows = [f'{planted.id()},"{said}","{said}",{time}', f'"{said}",1,open,{time}']
    content = "\n".join(["id,requester_id,status,updated_at", *rows])
    table = planted.chance.choice(["ticket", "tag"])
    planted.put(f"zendesk/{table}/{planted.files}.csv", content.encode())


def _in_a_benchmark_run(planted: Planted, secret: Secret) -> None:
    simulation = {
        "id": planted.id(),
        "start_time": "2026-01-10T12:00:00",
        "termination_reason": secret.text if not secret.key else "user_stop",
        "reward_info": {"reward": 1, "extra": _member(secret)},
        "messages": [{"role": "user", "content": secret.text, "id": secret.text}],
    }
    if secret.key:
        simulation["messages"] = []
    document = {"simulations": [simulation], "info": {"agent_info": {"llm": "gpt"}}}
    planted.put(f"tau2_runs/{planted.files}.json", json.dumps(document).encode())


ANYWHERE: list[Place] = [
    *(_in_attributes, _deep_in_attributes, _as_extra_field, _in_escapes),
    *(_in_a_sentence, _in_json_in_a_string, _cut_off, _in_a_line_of_no_json),
    *(_in_a_rejected_record, _in_a_long_line, _in_parquet, _in_a_benchmark_run),
]
IN_TEXT: list[Place] = [
    *(_in_a_contract_field, _in_an_id, _in_a_key, _in_message_text),
    *(_in_another_feed, _in_a_name, _in_an_incident, _in_a_helpdesks_table),
]


def plant(landing: Path, number: int, seed: int) -> Planted:
    """Lands so many secrets: each kind in turn, in each place that it may stand in."""
    planted = Planted(landing, Random(seed))
    names = list(KINDS)
    for count in range(number):
        kind = names[count % len(names)]
        secret = KINDS[kind](planted.chance)
        places = ANYWHERE if secret.key else ANYWHERE + IN_TEXT
        place = places[(count // len(names) + count) % len(places)]
        place(planted, secret)
        told = f"{kind} {place.__name__.replace('_', ' ').strip()}"
        planted.words |= dict.fromkeys(secret.words, told)
    planted.flush()
    return planted


def run(number: int, seed: int, progress: Progress) -> Row:
    """Plants so many secrets, loads or refreshes, and looks through all there is."""
    row = Row(tried=number)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        planted = plant(root / "landing", number, seed)
        progress(f"{number} secrets of {len(KINDS)} kinds in {planted.files} files")
        home = root / "home"
        home.mkdir()
        if number >= WHOLE_FROM:
            _refresh(root, row)
        else:
            settings = LoadSettings(hash_key=b"a key for tests")
            warehouse = home / "warehouse.duckdb"
            load_all(planted.landing, warehouse, settings, "load-1", NOW)
        _count(home / "warehouse.duckdb", planted, row)
        progress("looking through everything")
        found = leaks(home, list(planted.words))
        kinds = {line.rpartition(": ")[2] for line in found}
        row.leaked = len(kinds)
        row.survived = number - len({planted.words[word] for word in kinds})
        row.problems += [
            f"{line} ({planted.words[line.rpartition(': ')[2]]})" for line in found[:50]
        ]
    return row


def _refresh(root: Path, row: Row) -> None:
    """A whole refresh, by Dagster and dbt, all of whose files are in one folder."""
    home = root / "home"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("ACSR_")},
        "ACSR_HOME": str(home),
        "ACSR_LANDING": str(root / "landing"),
        "ACSR_AS_OF": NOW.isoformat(),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_LOG_LEVEL_FILE": "debug",
    }
    done = subprocess.run(
        [sys.executable, "-m", "orchestration", "refresh"],
        cwd=project.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (home / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        kept = Path(tempfile.mkdtemp(prefix="secrets-")) / "output.txt"
        shutil.copyfile(home / "output.txt", kept)
        row.problems.append(f"the refresh failed; it said: {kept}")


def _count(warehouse: Path, planted: Planted, row: Row) -> None:
    """Every good line once, and every record counted."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        held = connection.execute(
            "select event_id, count(*) from raw.agent_events "
            "where event_id like 'good-%' group by 1"
        ).fetchall()
        (uncounted,) = connection.execute(
            "select count(*) from raw.load_history "
            "where records != loaded + duplicates + rejected"
        ).fetchone()
    row.lost = len(set(planted.good) - {event_id for event_id, _ in held})
    row.doubled = sum(times - 1 for _, times in held)
    if uncounted:
        row.problems.append(f"{uncounted} files whose records do not add up")
