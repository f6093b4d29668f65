"""`python -m benchmarks.otel`: the reader of spans beside the native feed.

Writes as many spans as events, each about as much as an agent says of one thing, and
loads each feed into a warehouse of its own. What is measured is the whole command:
validation, insertion, the start of Python.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.measure import Run, run

SPANS_PER_EXPORT = 200
SPANS_PER_TRACE = 8
FILES = 10
START = 1_767_225_600  # 2026-01-01T00:00:00Z


def main(arguments: list[str] | None = None) -> int:
    """Prints records a second, processor seconds and peak memory of both feeds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.otel")
    parser.add_argument("--spans", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, "otel_spans", exports(options.spans))
        _write(root, "agent_events", events(options.spans))
        print("| feed | records | bytes | records/s | processor s | peak memory |")
        print("| --- | --- | --- | --- | --- | --- |")
        for feed in ("otel_spans", "agent_events"):
            done = _load(root, feed)
            size = sum(it.stat().st_size for it in (root / "landing" / feed).iterdir())
            print(
                f"| `{feed}` | {options.spans:,} | {size / 1e6:,.0f} MB "
                f"| {options.spans / done.seconds:,.0f} | {done.cpu_seconds:.1f} "
                f"| {done.peak_bytes / 1e9:.2f} GB |"
            )
    return 0


def _load(root: Path, feed: str) -> Run:
    command = [
        *(sys.executable, "-m", "orchestration.loading", feed),
        *("--landing", str(root / "landing"), "--home", str(root / feed)),
    ]
    here = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    log = root / f"{feed}.log"
    return run(feed, command, log, lambda text: print(text, file=sys.stderr), here)


def _write(root: Path, feed: str, lines: Iterable[str]) -> None:
    folder = root / "landing" / feed
    folder.mkdir(parents=True)
    files = [
        (folder / f"{number}.jsonl").open("w", encoding="utf-8")
        for number in range(FILES)
    ]
    for number, line in enumerate(lines):
        files[number % FILES].write(line + "\n")
    for file in files:
        file.close()


def exports(count: int) -> Iterable[str]:
    """Exports of OTLP/JSON, one a line, of as many spans together."""
    resource = {
        "attributes": [
            {"key": "service.name", "value": {"stringValue": "desk"}},
            {"key": "service.version", "value": {"stringValue": "3.1"}},
        ]
    }
    for first in range(0, count, SPANS_PER_EXPORT):
        spans = [_span(it) for it in range(first, min(first + SPANS_PER_EXPORT, count))]
        scope = {"scope": {"name": "benchmark"}, "spans": spans}
        yield json.dumps(
            {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
        )


def _span(number: int) -> dict[str, object]:
    trace, place = divmod(number, SPANS_PER_TRACE)
    at = (START + trace) * 1_000_000_000 + place * 1_000_000
    said: dict[str, dict[str, object]] = {
        "gen_ai.operation.name": {"stringValue": "chat" if place else "invoke_agent"},
        "gen_ai.provider.name": {"stringValue": "openai"},
        "gen_ai.request.model": {"stringValue": "gpt-5-mini"},
        "gen_ai.conversation.id": {"stringValue": f"conversation-{trace}"},
        "gen_ai.usage.input_tokens": {"intValue": str(100 + place)},
        "gen_ai.usage.output_tokens": {"intValue": "20"},
        "server.address": {"stringValue": "api.example.com"},
    }
    return {
        "traceId": f"{trace + 1:032x}",
        "spanId": f"{place + 1:016x}",
        "parentSpanId": f"{1:016x}" if place else "",
        "name": "chat gpt-5-mini",
        "kind": 3,
        "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + 900_000),
        "attributes": [{"key": key, "value": value} for key, value in said.items()],
        "status": {},
    }


def events(count: int) -> Iterable[str]:
    """As many records of the native feed."""
    for number in range(count):
        session, place = divmod(number, SPANS_PER_TRACE)
        yield json.dumps(
            {
                "event_id": f"event-{number}",
                "session_id": f"conversation-{session}",
                "timestamp": START + session + place / 1000,
                "action_type": "llm_called",
                "outcome": "success",
                "agent_name": "desk",
                "agent_version": "3.1",
                "attributes": {
                    "provider": "openai",
                    "model": "gpt-5-mini",
                    "input_tokens": 100 + place,
                    "output_tokens": 20,
                },
            }
        )


if __name__ == "__main__":
    sys.exit(main())
