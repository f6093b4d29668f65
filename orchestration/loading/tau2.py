"""Simulations of tau2-bench: result files of one document, or streams of events."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestration.loading.containers import unpacked
from orchestration.loading.faults import (
    NOT_AN_OBJECT,
    Fault,
    UnreadableFileError,
    invalid,
    missing,
)
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.json_lines import rejected_record
from orchestration.loading.records import (
    INT64,
    Context,
    Row,
    canonical_json,
    parse_json,
    to_json,
)
from orchestration.loading.secrets import is_doubtful, mask, mask_id
from orchestration.loading.staging import Clean, Rejected, line_sha256
from orchestration.loading.tau2_stream import document_of
from orchestration.loading.times import iso, parse_local

MAX_DOCUMENT_BYTES = 256 << 20  # a document is read as a whole, about tenfold in memory
SOURCE_SYSTEM = "tau2"

_MARKER = re.compile(r"###[A-Za-z0-9_-]+###")
_FREE_TEXT = frozenset(
    (
        "justification",
        "nl_assertion",
        "arguments",
        "message",
        "note",
        "compare_args",
        "reasoning",
    )
)
_MESSAGE_KEYS = ("role", "turn_idx", "id", "requestor", "error", "cost", "usage")
_CALL_KEYS = ("id", "name", "requestor")


def read_tau2(file: LandedFile, context: Context) -> Iterator[Clean | Rejected]:
    """Every simulation of a document, as a row or as a rejection."""
    document = _document(file)
    if document is None:
        return
    landed, document = document["simulations"], _masked(document, context)
    reader = _SimulationReader(document, context)
    keep_text = context.settings.keep_message_text
    simulations = zip(landed, document["simulations"], strict=True)
    for number, (simulation, masked) in enumerate(simulations, start=1):
        outcome = reader.read(masked)
        if isinstance(outcome, Fault):
            shown = _without_words(simulation, keep_text)
            yield Rejected(outcome, number, rejected_record(shown, keep_text=True))
        else:
            yield Clean(outcome, number, line_sha256(canonical_json(simulation)))


def _document(file: LandedFile) -> dict[str, object] | None:
    content = bytearray()
    for block in unpacked(unchanged_blocks(file), file.name):
        content += block
        if len(content) > MAX_DOCUMENT_BYTES:
            raise UnreadableFileError(
                f"over {MAX_DOCUMENT_BYTES:,} bytes unpacked; split its simulations"
            )
    text = bytes(content).strip().removeprefix(b"\xef\xbb\xbf")
    if not text:
        return None
    document = parse_json(text)
    if isinstance(document, Fault) or _is_event(document):
        document = document_of(text) or document
    if isinstance(document, Fault):
        raise UnreadableFileError(
            f"no JSON document ({document.detail}); land it again"
        )
    if not isinstance(document, dict) or not isinstance(
        document.get("simulations"), list
    ):
        raise UnreadableFileError(
            "no tau2 result file: wanted one JSON object with a list `simulations`"
        )
    return document


def _is_event(document: object) -> bool:
    """Whether that is one event of a stream."""
    return isinstance(document, dict) and "event_type" in document


def _masked(document: dict[str, object], context: Context) -> dict[str, object]:
    """The document without credentials; ids of simulations are still apart."""
    if not is_doubtful(to_json(document).encode("utf-8", "replace")):
        return document
    masked = mask(document, look=True)
    pairs = zip(document["simulations"], masked["simulations"], strict=True)
    for simulation, shown in pairs:
        if isinstance(simulation, dict) and isinstance(simulation.get("id"), str):
            shown["id"] = mask_id(simulation["id"], context.settings.hash_key)
    return masked


class _SimulationReader:
    """Turns the simulations of one document into rows."""

    def __init__(self, document: dict[str, object], context: Context) -> None:
        self._keep_text = context.settings.keep_message_text
        self._zone = context.settings.zone("tau2_runs")
        self._latest = context.latest
        agent = _member(_member(document, "info"), "agent_info")
        environment = _member(_member(document, "info"), "environment_info")
        self._run = [
            self._moment(document.get("timestamp")),
            _text(environment.get("domain_name")) or _text(document.get("domain")),
            _text(agent.get("implementation")) or _text(document.get("agent")),
            _text(agent.get("llm")) or _text(document.get("model")),
        ]

    def read(self, simulation: object) -> Row | Fault:
        """The row of a simulation; missing values are facts, wrong ones faults."""
        if not isinstance(simulation, dict):
            return Fault(NOT_AN_OBJECT, "a simulation is one JSON object")
        values = _Values(simulation)
        simulation_id = values.id("id", as_field="simulation_id")
        if values.fault is None and simulation_id is None:
            return missing("simulation_id", "a simulation needs its id")
        task_id = values.id("task_id")
        trial = values.integer("trial")
        started_at = values.time("start_time", self._moment)
        ended_at = values.time("end_time", self._moment)
        duration = values.number("duration", minimum=0)
        termination = values.id("termination_reason")
        agent_cost = values.number("agent_cost")
        user_cost = values.number("user_cost")
        reward_info = values.member("reward_info", dict)
        verdict = _Values(reward_info or {}, values.fault)
        reward = verdict.number("reward")
        messages = values.member("messages", list)
        fault = verdict.fault or values.fault
        if fault is not None:
            return fault
        return [
            simulation_id,
            SOURCE_SYSTEM,
            *self._run,
            task_id,
            trial,
            started_at,
            ended_at,
            duration,
            termination,
            agent_cost,
            user_cost,
            reward,
            self._reward_json(reward_info),
            self._messages_json(messages),
        ]

    def _moment(self, value: object) -> int | None:
        return parse_local(value, self._zone, self._latest)

    def _reward_json(self, reward_info: object) -> str | None:
        if reward_info is None:
            return None
        return to_json(
            mask(_without_text(reward_info, self._keep_text), strip_nul=True)
        )

    def _messages_json(self, messages: list[object] | None) -> str | None:
        if messages is None:
            return None
        known = [self._message(item) for item in messages if isinstance(item, dict)]
        return to_json(mask(known, strip_nul=True))

    def _message(self, message: dict[str, object]) -> dict[str, object]:
        """A message without its words, but with what can be counted in them."""
        kept = {key: message.get(key) for key in _MESSAGE_KEYS}
        moment = self._moment(message.get("timestamp"))
        kept["timestamp"] = None if moment is None else iso(moment)
        content = message.get("content")
        is_text = isinstance(content, str)
        kept["char_count"] = len(content) if is_text else None
        kept["markers"] = _MARKER.findall(content) if is_text else []
        if self._keep_text:
            kept["content"] = content
        calls = message.get("tool_calls")
        kept["tool_calls"] = [
            self._call(call)
            for call in (calls if isinstance(calls, list) else [])
            if isinstance(call, dict)
        ]
        return kept

    def _call(self, call: dict[str, object]) -> dict[str, object]:
        kept = {key: call.get(key) for key in _CALL_KEYS}
        if self._keep_text:
            kept["arguments"] = call.get("arguments")
        return kept


class _Values:
    """Typed members of a simulation; the first fault in reading order is kept."""

    def __init__(self, record: dict[str, object], fault: Fault | None = None) -> None:
        self._record = record
        self.fault = fault

    def _said(self, name: str) -> object:
        value = self._record.get(name)
        return None if isinstance(value, str) and not value.strip() else value

    def _refuse(self, field: str, value: object, wanted: str) -> None:
        self.fault = self.fault or invalid(field, value, wanted)

    def id(self, name: str, as_field: str | None = None) -> str | None:
        value = self._said(name)
        if value is None:
            return None
        if type(value) is int:
            return str(value)
        if isinstance(value, str) and "\x00" not in value:
            return value
        self._refuse(as_field or name, value, "a string or an integer")
        return None

    def integer(self, name: str) -> int | None:
        value = self._said(name)
        if value is None or (type(value) is int and -INT64 <= value < INT64):
            return value
        self._refuse(name, value, "an integer")
        return None

    def number(self, name: str, minimum: float | None = None) -> float | None:
        value = self._said(name)
        if value is None:
            return None
        is_number = type(value) in (int, float) and abs(value) < 1e300
        if is_number and (minimum is None or value >= minimum):
            return float(value)
        limit = "" if minimum is None else f" of at least {minimum:g}"
        self._refuse(name, value, f"a number{limit}")
        return None

    def time(self, name: str, parse: object) -> int | None:
        value = self._said(name)
        if value is None:
            return None
        moment: int | None = parse(value)
        if moment is None:
            self._refuse(name, value, "a time in ISO 8601, from 2000 to 24 h ahead")
        return moment

    def member(self, name: str, kind: type) -> object:
        value = self._said(name)
        if value is None or isinstance(value, kind):
            return value
        self._refuse(name, value, "an object" if kind is dict else "an array")
        return None


def _without_words(simulation: object, keep_text: bool) -> object:
    """What may be shown of a rejected simulation: not what was said in it."""
    if isinstance(simulation, dict) and not keep_text:
        simulation = {k: v for k, v in simulation.items() if k != "messages"}
    return _without_text(simulation, keep_text)


def _member(value: dict[str, object], key: str) -> dict[str, object]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    return value.replace("\x00", "")


def _without_text(value: object, keep_text: bool) -> object:
    """A verdict without what people, agents and judges wrote in words."""
    if keep_text:
        return value
    if isinstance(value, dict):
        return {
            key: _without_text(item, keep_text)
            for key, item in value.items()
            if key not in _FREE_TEXT and not (key == "info" and isinstance(item, str))
        }
    if isinstance(value, list):
        return [_without_text(item, keep_text) for item in value]
    return value
