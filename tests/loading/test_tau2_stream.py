"""The event stream of a run is the run: what is said when, by whom, and what is not."""

from __future__ import annotations

import json

from orchestration.loading.tau2_stream import document_of

Event = dict[str, object]


def event(kind: str, task: str | None = "t1", **said: object) -> Event:
    return {
        "event_id": f"{kind}-{task}-{json.dumps(said)}",
        "event_type": kind,
        "task_id": task,
        "parent_event_id": said.pop("parent", None),
        "timestamp": said.pop("at", "2026-01-10T12:00:00+00:00"),
        "turn_index": said.pop("turn", None),
        "payload": {"runtime_trace": said},
    }


def said(role: str, number: int, **fields: object) -> Event:
    raw = {"role": role, "number": number, "cost": 0.5, **fields}
    kind = {"assistant": "agent_response", "user": "user_response"}.get(
        role, "message_observed"
    )
    return event(kind, number=number, message={"raw": raw})


STREAM = [
    event("trace_bootstrap_start", None, argv=["--agent", "llm", "--agent-llm", "m"]),
    event("batch_start", None, domain="airline"),
    event("simulation_start"),
    event("orchestrator_run_start", simulation_id="s1"),
    event("turn_start", turn=0, message={"raw": {"role": "assistant", "number": 0}}),
    said("user", 1),
    event("turn_start", turn=1, message={"raw": {"role": "user", "number": 1}}),
    said("assistant", 2),
    said("tool", 3),
    event("orchestrator_run_end", at="2026-01-10T12:01:00+00:00"),
    event("evaluation_start"),
    said("tool", 4),
    event("simulation_execution_end", reward_info={"reward": 1.0}),
    event("simulation_end", termination_reason="user_stop"),
]


def simulations(*events: Event) -> list[dict[str, object]]:
    content = "\n".join(json.dumps(one) for one in events).encode()
    document = document_of(content)
    assert document is not None
    return document["simulations"]


def test_a_stream_is_the_run_that_it_tells_of() -> None:
    (simulation,) = simulations(*STREAM)
    numbers = [message["number"] for message in simulation.pop("messages")]
    assert numbers == [0, 1, 2, 3]
    assert simulation == {
        "id": "s1",
        "task_id": "t1",
        "trial": 0,
        "start_time": "2026-01-10T12:00:00+00:00",
        "end_time": "2026-01-10T12:01:00+00:00",
        "duration": 60.0,
        "reward_info": {"reward": 1.0},
        "termination_reason": "user_stop",
        "agent_cost": 0.5,
        "user_cost": 0.5,
    }


def test_what_follows_the_evaluation_is_not_the_agents() -> None:
    (simulation,) = simulations(*STREAM)
    assert 4 not in [message["number"] for message in simulation["messages"]]


def test_an_event_without_a_task_is_its_parents() -> None:
    other = event("simulation_start", "t2")
    orphan = {
        **said("tool", 9),
        "task_id": None,
        "parent_event_id": STREAM[4]["event_id"],
    }
    first, second = simulations(*STREAM[:4], other, STREAM[4], orphan)
    assert [message["number"] for message in first["messages"]] == [0, 9]
    assert second["messages"] == []


def test_an_event_without_a_parent_is_of_the_one_that_runs() -> None:
    orphan = {**said("user", 9), "task_id": None}
    (simulation,) = simulations(*STREAM[:5], orphan)
    assert [message["number"] for message in simulation["messages"]] == [0, 9]


def test_an_event_that_could_be_of_two_is_of_none() -> None:
    orphan = {**said("user", 9), "task_id": None}
    found = simulations(*STREAM[:5], event("simulation_start", "t2"), orphan)
    assert [len(one["messages"]) for one in found] == [1, 0]


def test_a_task_that_runs_twice_is_two_trials() -> None:
    assert [one["trial"] for one in simulations(*STREAM, *STREAM)] == [0, 1]


def test_other_lines_are_no_stream() -> None:
    assert document_of(b'{"event_id": "e1"}\n') is None
    assert document_of(b"no json\n") is None
    assert document_of(b"\n") is None
