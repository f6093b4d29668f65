"""tau2 result files: simulations are records, and their words stay outside."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.loading import LoadSettings, tau2
from tests.loading.support import Landing, validate_here

MESSAGES = [
    {
        "role": "assistant",
        "content": "Good day, Ms. Made-Up",
        "turn_idx": 0,
        "timestamp": "2026-01-10T12:00:01.5",
        "cost": 0.01,
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        "raw_data": {"choices": ["Good day, Ms. Made-Up"]},
        "tool_calls": [
            {
                "id": "c1",
                "name": "transfer_to_human_agents",
                "requestor": "assistant",
                "arguments": {"summary": "Ms. Made-Up wants a person"},
            }
        ],
    },
    {"role": "tool", "id": "c1", "error": True, "requestor": "user", "content": None},
    {"role": "user", "content": "bye ###TRANSFER### ###OUT-OF-SCOPE###"},
]
SIMULATION = {
    "id": "sim-1",
    "task_id": 4,
    "trial": 0,
    "start_time": "2026-01-10T12:00:00",
    "end_time": "2026-01-10T12:01:00",
    "duration": 60.0,
    "termination_reason": "user_stop",
    "agent_cost": 0.5,
    "user_cost": None,
    "reward_info": {
        "reward": 1,
        "db_check": {"db_match": True},
        "nl_assertions": [
            {"nl_assertion": "Ms. Made-Up", "met": False, "justification": "Made-Up"}
        ],
        "action_checks": [
            {
                "action": {"name": "cancel", "arguments": {"who": "Made-Up"}},
                "action_match": True,
            }
        ],
        "communicate_checks": [{"info": "Made-Up", "met": True}],
        "env_assertions": None,
    },
    "messages": MESSAGES,
}
DOCUMENT = {
    "timestamp": "2026-01-10T11:00:00",
    "info": {
        "agent_info": {"implementation": "llm_agent", "llm": "some-model"},
        "environment_info": {"domain_name": "retail"},
    },
    "simulations": [SIMULATION],
}


def document(*simulations: object, **header: object) -> str:
    return json.dumps({**DOCUMENT, "simulations": list(simulations), **header})


def test_a_simulation_becomes_a_row(landing: Landing) -> None:
    landing.put("tau2_runs/a.json.gz", gzip.compress(document(SIMULATION).encode()))
    landing.load()
    (row,) = landing.rows("select * from raw.tau2_runs")
    assert (row["simulation_id"], row["source_system"], row["task_id"]) == (
        "sim-1",
        "tau2",
        "4",
    )
    assert (row["domain"], row["agent_implementation"], row["agent_model"]) == (
        "retail",
        "llm_agent",
        "some-model",
    )
    assert (row["reward"], row["agent_cost_usd"], row["user_cost_usd"]) == (
        1,
        0.5,
        None,
    )
    assert str(row["started_at"]) == "2026-01-10 12:00:00"
    assert str(row["run_timestamp"]) == "2026-01-10 11:00:00"


def test_words_are_dropped_and_what_can_be_counted_in_them_stays(
    landing: Landing,
) -> None:
    landing.put("tau2_runs/a.json", document(SIMULATION))
    landing.load()
    (row,) = landing.rows("select * from raw.tau2_runs")
    assert "Made-Up" not in row["messages"] + row["reward_info"]
    spoken, tool, farewell = json.loads(row["messages"])
    assert spoken["char_count"] == len("Good day, Ms. Made-Up")
    assert spoken["timestamp"] == "2026-01-10T12:00:01.500000Z"
    assert spoken["usage"] == {"prompt_tokens": 10, "completion_tokens": 5}
    assert spoken["tool_calls"] == [
        {"id": "c1", "name": "transfer_to_human_agents", "requestor": "assistant"}
    ]
    assert (tool["error"], tool["char_count"], tool["markers"]) == (True, None, [])
    assert farewell["markers"] == ["###TRANSFER###", "###OUT-OF-SCOPE###"]
    assert json.loads(row["reward_info"])["nl_assertions"] == [{"met": False}]


def test_words_are_kept_where_the_setting_says_so(landing: Landing) -> None:
    landing.put("tau2_runs/a.json", document(SIMULATION))
    landing.load(LoadSettings(b"k", keep_message_text=True))
    (row,) = landing.rows("select * from raw.tau2_runs")
    assert json.loads(row["messages"])[0]["content"] == "Good day, Ms. Made-Up"
    assert "raw_data" not in row["messages"]
    assert json.loads(row["reward_info"]) == SIMULATION["reward_info"]


def test_naive_times_are_read_in_the_time_zone_of_the_feed(landing: Landing) -> None:
    landing.put("tau2_runs/a.json", document(SIMULATION))
    zones = {"tau2_runs": "America/New_York"}
    landing.load(LoadSettings(b"k", feed_timezones=zones))
    (row,) = landing.rows("select started_at, messages from raw.tau2_runs")
    assert str(row["started_at"]) == "2026-01-10 17:00:00"
    assert json.loads(row["messages"])[0]["timestamp"] == "2026-01-10T17:00:01.500000Z"


def test_what_a_simulation_does_not_say_is_null(landing: Landing) -> None:
    landing.put("tau2_runs/a.json", document({"id": "bare", "reward_info": None}))
    header = {"domain": "medical", "agent": "own_agent", "model": "m", "info": None}
    other = document({**SIMULATION, "id": "x"}, **header)
    landing.put("tau2_runs/b.json", other)
    assert landing.load().rejected == 0
    bare, headed = landing.rows("select * from raw.tau2_runs order by simulation_id")
    assert (bare["task_id"], bare["started_at"], bare["messages"]) == (None, None, None)
    assert (
        headed["domain"],
        headed["agent_implementation"],
        headed["agent_model"],
    ) == (
        "medical",
        "own_agent",
        "m",
    )


@pytest.mark.parametrize(
    ("simulation", "reason"),
    [
        ("text", "not_an_object"),
        ({**SIMULATION, "id": None}, "missing_simulation_id"),
        ({**SIMULATION, "id": True}, "invalid_simulation_id"),
        ({**SIMULATION, "task_id": []}, "invalid_task_id"),
        ({**SIMULATION, "trial": 1.5}, "invalid_trial"),
        ({**SIMULATION, "start_time": "noon", "duration": -1}, "invalid_start_time"),
        ({**SIMULATION, "end_time": "1999-01-01T00:00:00"}, "invalid_end_time"),
        ({**SIMULATION, "duration": -1}, "invalid_duration"),
        ({**SIMULATION, "agent_cost": "1"}, "invalid_agent_cost"),
        ({**SIMULATION, "reward_info": []}, "invalid_reward_info"),
        ({**SIMULATION, "reward_info": {"reward": "1"}}, "invalid_reward"),
        ({**SIMULATION, "messages": {}}, "invalid_messages"),
    ],
)
def test_a_wrong_simulation_is_rejected_alone(
    landing: Landing, simulation: object, reason: str
) -> None:
    landing.put("tau2_runs/a.json", document(simulation, {**SIMULATION, "id": "good"}))
    assert landing.load().loaded == 1
    assert landing.reasons() == [reason]
    (row,) = landing.rows("select line_number, text from raw.rejected_records")
    assert row["line_number"] == 1
    assert "Made-Up" not in row["text"]


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"simulations": {}}', "nonsense", '{"simulations": [']
)
def test_a_document_without_simulations_is_unreadable(
    landing: Landing, content: str
) -> None:
    landing.put("tau2_runs/a.json", content)
    (bad,) = landing.load().quarantined
    assert (bad.records, landing.reasons()) == (1, ["unreadable_file"])


def test_a_document_has_a_cap_of_its_own(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = {**SIMULATION, "messages": [{"content": "x" * (2 << 20)}]}
    landing.put("tau2_runs/a.json", document(big))
    assert landing.load().loaded == 1
    validate_here(monkeypatch)
    monkeypatch.setattr(tau2, "MAX_DOCUMENT_BYTES", 1 << 20)
    landing.put("tau2_runs/b.json", document({**big, "id": "b"}))
    assert "split" in landing.load().quarantined[0].problem


def test_the_same_simulation_is_one_row(landing: Landing) -> None:
    landing.put(
        "tau2_runs/a.json", document(SIMULATION, dict(reversed(SIMULATION.items())))
    )
    landing.put("tau2_runs/b.json", document({**SIMULATION, "end_time": None}))
    assert landing.load().loaded == 1
    (row,) = landing.rows("select ended_at from raw.tau2_runs")
    assert row["ended_at"] is not None


def test_every_real_simulation_loads(landing: Landing, shared_data: Path) -> None:
    real = [
        *sorted((shared_data / "tau2").glob("*.json.gz")),
        *sorted((shared_data / "agent_events").glob("*results.json.gz")),
    ]
    for path in real:
        landing.put(f"tau2_runs/{path.name}", path.read_bytes())
    report = landing.load(now=datetime(2026, 7, 1, tzinfo=UTC))
    assert (report.loaded, report.rejected, report.quarantined) == (642, 0, [])
    (row,) = landing.rows(
        "select count(started_at) as timed, count(distinct agent_model) as models, "
        "count(*) filter (where domain is null) as nameless from raw.tau2_runs"
    )
    assert (row["timed"], row["nameless"]) == (528, 0)


@pytest.mark.parametrize("content", ["17", "[]", "null", '"event_type"'])
def test_a_document_that_is_no_object_is_quarantined(
    landing: Landing, content: str
) -> None:
    landing.put("tau2_runs/a.json", content)
    (bad,) = landing.load().quarantined
    assert "wanted one JSON object" in bad.problem
