"""The runtime event stream of a tau2-bench run, as the result file it would have given.

JSON lines with an `event_type`, as github.com/yoheinakajima/activegraph-tau2-bench has
them. Its simulations have the ids of the result file, so a run that lands both ways is
counted once; the stream's times carry their zone.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from orchestration.loading.faults import Fault
from orchestration.loading.records import parse_json

Event = dict[str, object]
SAID = ("agent_response", "user_response", "message_observed")


def document_of(content: bytes) -> dict[str, object] | None:
    """One document with all simulations of a stream; None where this is no stream."""
    events: list[Event] = []
    for line in content.splitlines():
        if not line.strip():
            continue
        event = parse_json(line)
        if isinstance(event, Fault) or not isinstance(event, dict):
            return None
        if "event_type" not in event or "event_id" not in event:
            return None
        events.append(event)
    return _Run(events).document() if events else None


class _Run:
    """What the events of a run say, simulation by simulation."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._by_id = {event["event_id"]: event for event in events}
        self._open: dict[object, dict[str, object]] = {}
        self._judged: set[object] = set()
        self._simulations: list[dict[str, object]] = []

    def document(self) -> dict[str, object]:
        run: dict[str, object] = {}
        for event in self._events:
            kind, said = event["event_type"], _said(event)
            if kind == "trace_bootstrap_start":
                run |= _options(said.get("argv"))
            elif kind == "batch_start":
                run |= {
                    "timestamp": event.get("timestamp"),
                    "domain": said.get("domain"),
                }
            else:
                self._take(str(kind), event, said)
        return {
            "timestamp": run.get("timestamp"),
            "info": {
                "environment_info": {"domain_name": run.get("domain")},
                "agent_info": {
                    "implementation": run.get("--agent"),
                    "llm": run.get("--agent-llm"),
                },
            },
            "simulations": self._simulations,
        }

    def _take(self, kind: str, event: Event, said: Event) -> None:
        task = self._task_of(event)
        if kind == "simulation_start":
            trial = sum(known["task_id"] == task for known in self._simulations)
            simulation: dict[str, object] = {"task_id": task, "trial": trial}
            simulation["messages"] = []
            self._open[task] = simulation
            self._judged.discard(task)
            self._simulations.append(simulation)
            return
        simulation = self._open.get(task, {})
        messages = simulation.get("messages")
        if kind == "orchestrator_run_start":
            simulation["id"] = said.get("simulation_id")
            simulation["start_time"] = event.get("timestamp")
        elif kind == "orchestrator_run_end":
            simulation["end_time"] = event.get("timestamp")
            simulation["duration"] = _seconds(
                simulation.get("start_time"), event.get("timestamp")
            )
        elif kind == "evaluation_start":  # what follows is the evaluator's work
            self._judged.add(task)
        elif kind == "simulation_execution_end":
            simulation["reward_info"] = said.get("reward_info")
        elif kind == "simulation_end":
            simulation["termination_reason"] = said.get("termination_reason")
            simulation["agent_cost"] = _cost(messages, "assistant")
            simulation["user_cost"] = _cost(messages, "user")
            self._open.pop(task, None)
        elif isinstance(messages, list) and task not in self._judged:
            is_first = kind == "turn_start" and event.get("turn_index") == 0
            if kind in SAID or (is_first and not messages):
                for message in _messages(said.get("message")):
                    place = {
                        "turn_idx": len(messages),
                        "timestamp": event.get("timestamp"),
                    }
                    messages.append({**message, **place})

    def _task_of(self, event: Event) -> object:
        """An event's own task, else its parent's, else that of the one running."""
        seen = 0
        while event.get("task_id") is None and event.get("parent_event_id"):
            parent = self._by_id.get(event["parent_event_id"])
            seen += 1
            if parent is None or seen > len(self._events):
                break
            event = parent
        if event.get("task_id") is not None:
            return event["task_id"]
        return next(iter(self._open)) if len(self._open) == 1 else None


def _said(event: Event) -> Event:
    payload = event.get("payload")
    inner = payload.get("runtime_trace") if isinstance(payload, dict) else None
    return inner if isinstance(inner, dict) else {}


def _messages(stated: object) -> list[dict[str, object]]:
    """A message as the result file has it; several tool results come as one."""
    raw = stated.get("raw") if isinstance(stated, dict) else None
    if not isinstance(raw, dict):
        return []
    parts = raw.get("tool_messages")
    found = parts if isinstance(parts, list) else [raw]
    return [message for message in found if isinstance(message, dict)]


def _cost(messages: object, role: str) -> float | None:
    """The sum that a result file states, of the costs that its messages state."""
    costs = [
        message.get("cost")
        for message in (messages if isinstance(messages, list) else [])
        if message.get("role") == role
    ]
    known = [cost for cost in costs if isinstance(cost, (int, float))]
    return float(sum(known)) if known else None


def _options(argv: object) -> dict[str, object]:
    words = argv if isinstance(argv, list) else []
    return {
        name: value
        for name, value in pairwise(words)
        if isinstance(name, str) and name.startswith("--")
    }


def _seconds(start: object, end: object) -> float | None:
    try:
        begun, ended = (datetime.fromisoformat(str(it)) for it in (start, end))
    except ValueError:
        return None
    return max((ended - begun).total_seconds(), 0.0)
