"""What real files hold, counted by plain Python that knows nothing of the readers.

Each count looks for the names that the writer of that very file gives to its things.
Figures are called by the type of the canonical event, or by a column that is summed up.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]
# of each trace of one turn: it begins, somebody asks, is answered, and it ends
TURN = ("session_started", "message_received", "message_sent", "session_ended")
TRANSFER = "transfer_to_human_agents"
CHECKS = ("action_checks", "nl_assertions", "communicate_checks", "env_assertions")
COMPLIANT = {"pass", "satisfied", "satisfactory", "compliant", "correct"}


class Counts(NamedTuple):
    """What a file holds, or what came of it.

    `records` in, `events` out; records that others say again, and that are rejected;
    `figures` of what the events are, without those of zero.
    """

    records: int
    events: int
    duplicates: int
    rejected: int
    figures: dict[str, int]


NOTHING = Counts(0, 0, 0, 0, {})


def counts(
    records: int, *told: Counter[str], more: Json | None = None, duplicates: int = 0
) -> Counts:
    """Counts of which `told` are events, and `more` says other things of them."""
    events = sum(told, Counter())
    figures = {name: int(number) for name, number in (events | (more or {})).items()}
    said = {name: number for name, number in figures.items() if number}
    return Counts(records, events.total(), duplicates, 0, said)


def text_of(path: Path) -> str:
    """A file, packed or not."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by column."""
    return list(csv.DictReader(text_of(path).splitlines(keepends=True)))


def states_of(path: Path) -> list[dict[str, str]]:
    """The rows of a connector's table; alike but for when they were synced are one."""
    rows = [{**row, "_fivetran_synced": ""} for row in rows_of(path)]
    return list({json.dumps(row): row for row in rows}.values())


# Spans


def of_spans(path: Path) -> Counts:
    """One trace of one agent a file."""
    said = json.loads(text_of(path))
    if "observations" in said:
        return _of_langfuse(said)
    spans = list(_spans(said))
    # the call that reached the provider, not those around it
    names = {name for name, _ in spans}
    innermost = "openai.chat" if "openai.chat" in names else "call_llm"
    calls = [said for name, said in spans if name.startswith(innermost)]
    figures = Counter(
        action_executed=sum(name.startswith("execute_tool") for name, _ in spans),
        llm_called=len(calls),
    )
    tokens = {
        "input_tokens": sum(_tokens(call, "input", "prompt") for call in calls),
        "output_tokens": sum(_tokens(call, "output", "completion") for call in calls),
    }
    return counts(len(spans), figures, Counter(TURN), more=tokens)


def _of_langfuse(said: Json) -> Counts:
    seen = said["observations"]
    calls = [it["usageDetails"] for it in seen if it["type"] == "GENERATION"]
    figures = Counter(
        action_executed=sum(it["type"] == "TOOL" for it in seen),
        llm_called=len(calls),
        policy_checked=len(said["trace"]["scores"]),
    )
    tokens = {
        f"{way}_tokens": sum(it[way] for it in calls) for way in ("input", "output")
    }
    return counts(len(seen), figures, Counter(TURN), more=tokens)


def _spans(said: Json) -> Iterator[tuple[str, Json]]:
    """Name and attributes of each span of a dump, of Jaeger's answer or of Tempo's."""
    if "spans" in said:
        yield from ((it["name"], it["attributes"]) for it in said["spans"])
    elif "data" in said:
        for trace in said["data"]:
            for it in trace["spans"]:
                tags = {tag["key"]: tag["value"] for tag in it["tags"]}
                yield it["operationName"], tags
    else:
        for batch in said["batches"]:
            for scope in batch["instrumentationLibrarySpans"]:
                for it in scope["spans"]:
                    pairs = it.get("attributes", ())
                    values = {
                        pair["key"]: next(iter(pair["value"].values()), None)
                        for pair in pairs
                    }
                    yield it["name"], values


def _tokens(call: Json, *words: str) -> int:
    """What a call states under the newer word or the older one."""
    for word in words:
        if f"gen_ai.usage.{word}_tokens" in call:
            return int(call[f"gen_ai.usage.{word}_tokens"])
    raise AssertionError(call)


# Runs of tau2-bench


def of_runs(path: Path) -> Counts:
    """A result file."""
    simulations = json.loads(text_of(path))["simulations"]
    return counts(len(simulations), *map(_of_simulation, simulations))


def _of_simulation(said: Json) -> Counter[str]:
    messages = said.get("messages") or []
    calls = [
        (message["role"], call["name"], call.get("requestor"))
        for message in messages
        for call in message.get("tool_calls") or ()
    ]
    handovers = sum(
        name == TRANSFER and "user" not in (role, requestor)
        for role, name, requestor in calls
    )
    asked = [message for message in messages if message["role"] == "user"]
    if not handovers and asked and "###TRANSFER###" in (asked[-1]["content"] or ""):
        handovers = 1
    ended = said.get("termination_reason")
    return Counter(
        session_started=1,
        message_received=sum(bool(it["content"]) for it in asked),
        message_sent=sum(
            message["role"] == "assistant" and bool(message["content"])
            for message in messages
        ),
        llm_called=sum(_is_generated(message) for message in messages),
        action_executed=len(calls),
        escalated=handovers,
        policy_checked=_checks(said.get("reward_info") or {}),
        session_ended=bool(ended or said.get("end_time")),
        case_closed=not handovers and ended in ("user_stop", "agent_stop"),
    )


def _checks(verdict: Json) -> int:
    is_compared = (verdict.get("db_check") or {}).get("db_match") is not None
    return sum(len(verdict.get(kind) or ()) for kind in CHECKS) + is_compared


def _is_generated(message: Json) -> bool:
    """A greeting that nobody generated carries a cost of zero and no usage."""
    is_priced = bool(message.get("usage")) or (message.get("cost") or 0) > 0
    return message["role"] == "assistant" and is_priced


def of_stream(path: Path) -> Counts:
    """The event stream of a run; what the evaluator dispatches requests no call."""
    events = [json.loads(line) for line in text_of(path).splitlines()]
    by_type: dict[str, list[Json]] = defaultdict(list)
    for event in events:
        by_type[event["event_type"]].append(event)
    # the first turn shows the greeting, which nobody generated
    greetings = [it for it in by_type["turn_start"] if it["turn_index"] == 0]
    said = [*by_type["agent_response"], *greetings]
    verdicts = [_trace(it)["reward_info"] for it in by_type["simulation_execution_end"]]
    ends = {
        it["task_id"]: _trace(it)["termination_reason"]
        for it in by_type["simulation_end"]
    }
    calls = by_type["tool_call_requested"]
    handovers = {it["task_id"] for it in calls if it["tool_name"] == TRANSFER}
    told = Counter(
        session_started=len(by_type["simulation_start"]),
        message_received=sum(map(_has_words, by_type["user_response"])),
        message_sent=sum(map(_has_words, said)),
        llm_called=len(by_type["agent_response"]),
        action_executed=len(calls),
        escalated=len(handovers),
        policy_checked=sum(map(_checks, verdicts)),
        session_ended=len(ends),
        case_closed=sum(
            end == "user_stop" and task not in handovers for task, end in ends.items()
        ),
    )
    return counts(len(by_type["simulation_start"]), told)


def _trace(event: Json) -> Json:
    return event["payload"]["runtime_trace"]


def _has_words(event: Json) -> bool:
    message = _trace(event).get("message") or {}
    return message.get("class") != "ToolMessage" and bool(message["raw"]["content"])


# Audits


def of_judgements(path: Path) -> Counts:
    """What a judge said of each run, in the judge's own words."""
    said = _verdicts(path)
    words = Counter(f"said {word}" for word in said.values())
    verdicts = Counter(
        "compliant"
        if word in COMPLIANT
        else ("violation" if word == "fail" else "unclear")
        for word in said.values()
    )
    return counts(len(said), verdicts, more=words)


def of_replies(path: Path) -> Counts:
    """Raw replies, fenced JSON a line: they say what the summary of that judge says.

    So they are converted to the same bytes, and a known file is not read again.
    """
    judge = "policy_conversation_v1"
    summary = _verdicts(
        path.with_name(path.name.replace("_policy", ".json.summary_policy"))
    )
    fenced = {
        (judge, it["simulation_id"]): it["judge_response"]
        .strip("`")
        .removeprefix("json")
        for it in map(json.loads, text_of(path).splitlines())
    }
    said = {key: json.loads(text)["verdict"] for key, text in fenced.items()}
    assert said == summary, path
    return NOTHING


def _verdicts(path: Path) -> dict[tuple[str, str], str]:
    return {
        (it["judge_prompt_name"], it["simulation_id"]): it["judge_verdict"]
        for it in json.loads(text_of(path))["entries"]
    }


def of_human_audits(path: Path) -> Counts:
    """What people found wrong with runs that had failed."""
    kinds = [
        [failure["failure_category"] for failure in it["failures"]]
        for it in json.loads(text_of(path))
    ]
    broken = sum("Instruction Adherence Failure" in them for them in kinds)
    return counts(len(kinds), Counter(violation=broken, unclear=len(kinds) - broken))


# Helpdesks


def of_incidents(path: Path) -> Counts:
    """The audit trail of incidents, one row an update."""
    rows = rows_of(path)
    incidents: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["sys_mod_count"])):
        incidents[row["number"]].append(row)
    return counts(len(rows), sum(map(_of_incident, incidents.values()), Counter()))


def _of_incident(updates: list[dict[str, str]]) -> Counter[str]:
    told = Counter(created=1)
    spells: list[list[dict[str, str]]] = [[]]
    reopened = reassigned = 0
    for row in updates:
        if int(row["reopen_count"]) > reopened:
            reopened = int(row["reopen_count"])
            spells.append([])
        if int(row["reassignment_count"]) > reassigned:
            reassigned = int(row["reassignment_count"])
            told["reassigned"] += 1
        spells[-1].append(row)
    who = {row[name] for row in updates for name in ("assignment_group", "assigned_to")}
    told["assigned"] = who != {"?"}
    told["reopened"] = len(spells) - 1
    for kind, state, stated in (
        ("solved", "Resolved", "resolved_at"),
        ("closed", "Closed", "closed_at"),
    ):
        for spell in spells:
            is_said = any(row["incident_state"] == state for row in spell)
            # an export states the last of these times alone
            is_stated = spell is spells[-1] and _follows(updates[-1][stated], spell)
            told[kind] += is_said or is_stated
    return told


def _follows(stated: str, spell: list[dict[str, str]]) -> bool:
    return stated != "?" and _moment(stated) >= min(
        _moment(row["sys_updated_at"]) for row in spell
    )


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y %H:%M")


def of_zendesk(path: Path) -> Counts:
    """A table of Zendesk's; most of them become nothing."""
    rows = states_of(path)
    table = path.stem.removesuffix("_data")
    told: Counter[str] = Counter()
    more: Json = {}
    if table == "ticket":
        history = rows_of(path.with_name("ticket_field_history_data.csv"))
        known = {it["ticket_id"] for it in history if it["field_name"] == "status"}
        told["created"] = len(rows)
        told += Counter(
            row["status"]
            for row in rows
            if row["status"] in ("solved", "closed") and row["id"] not in known
        )
        told["merged"] = sum(
            len(json.loads(row["merged_ticket_ids"] or "[]")) for row in rows
        )
    elif table == "ticket_comment":
        told["replied"] = len(rows)
        more["is_public"] = sum(row["public"] == "TRUE" for row in rows)
    elif table == "ticket_field_history":
        told += _of_history(rows)
    landed = len(rows_of(path))
    return counts(landed, told, more=more, duplicates=landed - len(rows))


def _of_history(rows: list[dict[str, str]]) -> Counter[str]:
    told: Counter[str] = Counter()
    before: dict[tuple[str, str], str] = {}
    for row in sorted(rows, key=lambda row: row["updated"]):
        key, value = (row["ticket_id"], row["field_name"]), row["value"].lower()
        if row["field_name"] == "status":
            was_closed = before.get(key) in ("solved", "closed")
            is_closed = value in ("solved", "closed")
            kind = "reopened" if was_closed else "status_changed"
            told[value if is_closed else kind] += 1
        elif row["field_name"] == "assignee_id" and value:
            told["reassigned" if key in before else "assigned"] += 1
        before[key] = value
    return told


PARTS = {"comment": "replied", "note": "replied", "close": "closed", "open": "reopened"}


def of_intercom(path: Path) -> Counts:
    """A table of Intercom's; of a history the last state of each row counts."""
    rows = states_of(path)
    table = path.stem.removesuffix("_data")
    told: Counter[str] = Counter()
    more: Json = {}
    last = (
        {it["id"]: it for it in sorted(rows, key=_updated)} if "id" in rows[0] else {}
    )
    if table == "conversation_history":
        parts = rows_of(path.with_name("conversation_part_history_data.csv"))
        told["created"] = len(last)
        closed = {it["conversation_id"] for it in parts if it["part_type"] == "close"}
        told["closed"] = sum(
            it["state"] == "closed" and it["id"] not in closed for it in last.values()
        )
        more["rated"] = sum(
            bool(it["conversation_rating_value"]) for it in last.values()
        )
    elif table == "conversation_part_history":
        told += Counter(
            PARTS.get(it["part_type"])
            or ("assigned" if it["assigned_to_id"] else "status_changed")
            for it in last.values()
        )
        more["is_public"] = sum(it["part_type"] == "comment" for it in last.values())
    landed = len(rows_of(path))
    return counts(landed, told, more=more, duplicates=landed - len(rows))


def _updated(row: dict[str, str]) -> str:
    return row.get("updated_at", "")


PLAIN: dict[str, Callable[[Path], Counts]] = {
    "otel/*": of_spans,
    "tau2/*": of_runs,
    "agent_events/*results*": of_runs,
    "agent_events/*events*": of_stream,
    "tau2_judges/*summary*": of_judgements,
    "tau2_judges/*full_policy*": of_replies,
    "human_audits/*ground_truth*": of_human_audits,
    "tickets/service*": of_incidents,
    "tickets/zendesk_seeds/*": of_zendesk,
    "tickets/intercom_seeds/*": of_intercom,
}


def plain_counts(shared_data: Path) -> dict[str, Counts]:
    """All files that some feed reads, by their path below the data."""
    return {
        str(path.relative_to(shared_data)): count(path)
        for pattern, count in PLAIN.items()
        for path in sorted(shared_data.glob(pattern))
    }
