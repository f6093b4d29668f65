"""Cases that no drawing is likely to meet: hubs, long chains, late joins, adapters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.invariant.cases import Arrival, Case
from tests.invariant.warehouses import Line
from tests.loading.spans import export, span
from tests.loading.test_servicenow import INCIDENT
from tests.loading.test_tau2 import DOCUMENT, SIMULATION
from tests.oracle.worlds import AS_OF, stamp

CHAIN = 50
HUB = 40
EARLIER = AS_OF - timedelta(days=30)
SPANS_FROM = datetime(2026, 1, 31, 12)  # START of spans, UTC


def session(name: str, at: datetime, **said: object) -> Iterator[Line]:
    """The lines of a short session whose customer asks something."""
    acts = (
        ("session_started", "ai_agent", None),
        ("message_received", "customer", None),
        ("intent_classified", "ai_agent", "success"),
        ("session_ended", "ai_agent", "resolved"),
    )
    for number, (action, actor, outcome) in enumerate(acts):
        record = {
            "event_id": f"{name}-{number}",
            "session_id": name,
            "timestamp": stamp(at + timedelta(minutes=number)),
            "action_type": action,
            "actor_type": actor,
            "agent_name": f"{name.split('-')[0]}-helper",
            **said,
        }
        if outcome is not None:
            record["outcome"] = outcome
        if action == "intent_classified":
            record["attributes"] = {"intent": "order_status"}
        yield "agent_events", json.dumps(record)


def ticket_event(name: str, at: datetime, event: str, ticket: str, **said: str) -> Line:
    """One thing that happens to a ticket."""
    record = {
        "event_id": name,
        "ticket_id": ticket,
        "timestamp": stamp(at),
        "event_type": event,
        "actor_type": "system",
        **said,
    }
    return "ticket_events", json.dumps(record)


def fixed_cases(steps: int) -> list[Case]:
    """All of them, spread over some steps."""
    makers = (
        chain,
        hub,
        late_join,
        late_merge,
        moved,
        unlinked,
        retimed,
        recent,
        simulations,
        spans,
        several_feeds,
        incidents,
        zendesk,
        intercom,
    )
    return [
        Case(name, tuple(maker(name, steps)))
        for number, maker in enumerate(makers)
        for name in (f"w9{number:04d}",)
    ]


def chain(name: str, steps: int) -> Iterator[Arrival]:
    """Fifty sessions, each of which continues the one before; the last come first."""
    for number in range(CHAIN):
        step = (CHAIN - 1 - number) * steps // CHAIN
        previous = {"previous_session_id": f"{name}-{number - 1}"} if number else {}
        at = EARLIER + timedelta(hours=number)
        for feed, text in session(f"{name}-{number}", at, **previous):
            yield Arrival(step, feed, text)


def hub(name: str, steps: int) -> Iterator[Arrival]:
    """One customer whom many sessions and tickets share, in any order."""
    rng = Random(name)
    for number in range(HUB):
        at = EARLIER + timedelta(hours=11 * number)
        said = {"customer_id": f"{name}-everybody"}
        if number % 3 == 0:
            said["ticket_id"] = f"{name}-t{number // 6}"
        step = rng.randrange(steps)
        for feed, text in session(f"{name}-{number}", at, **said):
            yield Arrival(step, feed, text)


def late_join(name: str, steps: int) -> Iterator[Arrival]:
    """Two sessions and a survey, until the last step says that all is one ticket."""
    for number in (1, 2):
        at = EARLIER + timedelta(days=number)
        for feed, text in session(f"{name}-{number}", at):
            yield Arrival(0, feed, text)
        late = {
            "event_id": f"{name}-{number}-late",
            "session_id": f"{name}-{number}",
            "timestamp": stamp(at + timedelta(hours=1)),
            "action_type": "message_received",
            "actor_type": "customer",
            "ticket_id": f"{name}-t",
        }
        yield Arrival(steps - number, "agent_events", json.dumps(late))
    survey = {
        "response_id": f"{name}-r",
        "survey_type": "ces",
        "ticket_id": f"{name}-t",
        "score": 5,
        "sent_at": stamp(EARLIER + timedelta(days=3)),
        "responded_at": stamp(EARLIER + timedelta(days=3)),
    }
    yield Arrival(0, "survey_responses", json.dumps(survey))


def late_merge(name: str, steps: int) -> Iterator[Arrival]:
    """Three tickets with a session each, merged one into the next, last merge first."""
    for number in range(3):
        ticket, at = f"{name}-t{number}", EARLIER + timedelta(days=number)
        for feed, text in session(f"{name}-{number}", at, ticket_id=ticket):
            yield Arrival(0, feed, text)
        yield Arrival(0, *ticket_event(f"{name}-c{number}", at, "created", ticket))
        merge = ticket_event(
            f"{name}-m{number}",
            at + timedelta(days=5),
            "merged",
            ticket,
            merged_into_ticket_id=f"{name}-t{number + 1}",
        )
        yield Arrival(max(steps - 1 - number, 0), *merge)


def moved(name: str, steps: int) -> Iterator[Arrival]:
    """An event of a session and one of a ticket that belong to others, as it turns out.

    They lie on days and in hours on which nothing else of the new owner does.
    """
    for number in (1, 2):
        at, ticket = EARLIER - timedelta(days=9 * number), f"{name}-t{number}"
        for feed, text in session(f"{name}-{number}", at):
            yield Arrival(0, feed, text)
        yield Arrival(0, *ticket_event(f"{name}-c{number}", at, "created", ticket))
        solved = at + timedelta(days=number)
        yield Arrival(0, *ticket_event(f"{name}-s{number}", solved, "solved", ticket))
    for feed, text in list(session(f"{name}-1", EARLIER - timedelta(days=9)))[2:]:
        corrected = json.loads(text) | {"version": 1, "session_id": f"{name}-2"}
        yield Arrival(steps - 1, feed, json.dumps(corrected))
    solved = EARLIER - timedelta(days=8)
    feed, text = ticket_event(f"{name}-s1", solved, "solved", f"{name}-t2")
    yield Arrival(steps - 1, feed, json.dumps(json.loads(text) | {"version": 1}))


def unlinked(name: str, steps: int) -> Iterator[Arrival]:
    """Sessions of one ticket and of one customer, until one of each is not."""
    for number in range(5):
        shared = {"ticket_id": f"{name}-t"} if number < 2 else {"customer_id": name}
        at = EARLIER + timedelta(days=number)
        lines = list(session(f"{name}-{number}", at, **shared))
        for feed, text in lines:
            yield Arrival(0, feed, text)
        if number in (0, 3):
            for feed, text in lines:
                record = json.loads(text) | {"version": 1}
                for field in shared:
                    del record[field]
                yield Arrival(steps - 1, feed, json.dumps(record))


def retimed(name: str, steps: int) -> Iterator[Arrival]:
    """A session on a day of its own that turns out to have been on another."""
    at = EARLIER - timedelta(days=100)
    for feed, text in session(name, at):
        yield Arrival(0, feed, text)
    for feed, text in session(name, at + timedelta(days=3, hours=2)):
        corrected = json.loads(text) | {"version": 1}
        yield Arrival(steps - 1, feed, json.dumps(corrected))


def recent(name: str, steps: int) -> Iterator[Arrival]:
    """Sessions of the last days, which time alone gives up and makes mature."""
    for day in range(1, 8):
        for feed, text in session(f"{name}-{day}", AS_OF - timedelta(days=day)):
            yield Arrival(0, feed, text)


def simulations(name: str, steps: int) -> Iterator[Arrival]:
    """Runs of a benchmark, the same ones judged again in later files."""
    for number in range(6):
        for again in range(1 + number % 2):
            simulation = {
                **SIMULATION,
                "id": f"{name}-sim-{number}",
                "start_time": f"2026-01-1{number}T12:00:00",
                "end_time": f"2026-01-1{number}T12:0{5 + again}:00",
                "agent_cost": 0.1 * (1 + again),
            }
            document = {**DOCUMENT, "simulations": [simulation]}
            document["timestamp"] = f"2026-02-0{1 + again}T11:00:00"
            step = (number + 2 * again) % steps
            yield Arrival(step, "tau2_runs", json.dumps(document))


def spans(name: str, steps: int) -> Iterator[Arrival]:
    """Traces whose spans come in any order: a late one moves its trace to a session."""
    for number in range(4):
        trace = sha256(f"{name}-{number}".encode()).hexdigest()[:32]
        conversation = {"gen_ai.conversation.id": f"{name}-{number % 2}"}
        parts: list[dict[str, object]] = [
            {"gen_ai.operation.name": "invoke_agent", "acsr.closure": "closed"},
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5},
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "transfer_to_human",
                "acsr.ticket.id": f"{name}-ticket",
            },
            {"user.id": f"{name}-customer", "acsr.intent": "order_status"},
        ]
        for place, said in enumerate(parts):
            is_last = place == len(parts) - 1
            stated = span(
                "a span",
                {**said, **(conversation if is_last else {})},
                start=3600 * number + place,
                end=3600 * number + place + 1,
                traceId=trace,
                spanId=f"{place + 1:016x}",
                parentSpanId="" if place == 0 else f"{1:016x}",
            )
            step = (number + place) % steps
            yield Arrival(step, "otel_spans", export(stated))


def several_feeds(name: str, steps: int) -> Iterator[Arrival]:
    """Sessions that are logged and traced, hours apart: which of both comes last?

    The log of the third turns out to be another session's, so that its trace counts;
    another one has no log, and one is a run of a benchmark. Traces alone name ticket
    and customer.
    """
    last = steps - 1
    for number, (logged, traced) in enumerate(((last, 0), (0, last), (0, 0), (1, 1))):
        at = SPANS_FROM + timedelta(hours=5 * number)
        for feed, text in session(f"{name}-{number}", at):
            yield Arrival(logged, feed, text)
            if number == 2:
                moved = {"version": 1, "session_id": f"{name}-elsewhere"}
                yield Arrival(last, feed, json.dumps(json.loads(text) | moved))
        if number == 2:  # nothing that lands with the correction lies near this trace
            at -= timedelta(days=2000)
        ticket = "other" if number == 2 else "ticket"
        yield traced_session(f"{name}-{number}", at, traced, "default", ticket)
    yield traced_session(f"{name}-traced", SPANS_FROM, 0, "default", "other")
    run = {**SIMULATION, "id": f"{name}-run"}
    document = json.dumps({**DOCUMENT, "simulations": [run]})
    yield Arrival(last, "tau2_runs", document)
    yield traced_session(f"{name}-run", SPANS_FROM, 0, "tau2")


def traced_session(
    name: str, at: datetime, step: int, source: str, ticket: str = "ticket"
) -> Arrival:
    """A trace two hours after a moment, that says more of a session than its log."""
    world = name.partition("-")[0]
    start = (at - SPANS_FROM).total_seconds() + 7200
    said = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "transfer_to_human",
        "gen_ai.conversation.id": name,
        "acsr.ticket.id": f"{world}-{ticket}",
        "acsr.customer.id": f"{world}-{ticket}-customer",
        "acsr.closure": "closed",
    }
    trace = sha256(name.encode()).hexdigest()[:32]
    stated = span("a tool", said, start=start, end=start + 60, traceId=trace)
    resource = {"service.name": "desk", "acsr.source_system": source}
    return Arrival(step, "otel_spans", export(stated, resource=resource))


def incidents(name: str, steps: int) -> Iterator[Arrival]:
    """Incidents whose updates come in any order, some of them reopened."""
    states = ("New", "Active", "Resolved", "Active", "Resolved", "Closed")
    for number in range(4):
        for update, state in enumerate(states):
            row = {
                **INCIDENT,
                "number": f"{name}-INC{number}",
                "incident_state": state,
                "reopen_count": str(int(update > 2)),
                "reassignment_count": str(update // 2),
                "sys_mod_count": str(update),
                "opened_at": "1/2/2026 01:00",
                "sys_updated_at": f"{1 + update}/2/2026 0{number + 1}:00",
                "resolved_at": "5/2/2026 01:00" if update > 3 else "?",
                "closed_at": "6/2/2026 12:00" if update > 4 else "?",
                "caller_id": f"{name}-caller-{number % 2}",
            }
            text = ",".join(row.get(column, "?") for column in SERVICENOW_COLUMNS)
            yield Arrival((number + 3 * update) % steps, "servicenow_incidents", text)


def zendesk(name: str, steps: int) -> Iterator[Arrival]:
    """Tickets of which the last row to arrive says what becomes of others.

    Who acted on one; into which one was merged, and into which it was not after all;
    which of the ratings of one counts. All other rows come in any order.
    """
    rng = Random(name)
    ids = [f"{name}-{number}" for number in range(7)]
    day = EARLIER.date()
    rows = [
        ("user", f"{name}-colleague,agent,{day} 01:00:00"),
        ("ticket", f"{ids[0]},{name}-asks,{name}-colleague,open,,{day} 02:00:00"),
        ("ticket", f"{ids[1]},{name}-asks,,open,,{day} 03:00:00"),
        (
            "ticket",
            f"{ids[0]},{name}-asks,,solved,{listed(ids[1])},{day} 12:00",
        ),
        ("ticket_comment", f"0,{ids[0]},{name}-friend,true,{day} 01:30:00"),
        ("ticket_comment", f"1,{ids[1]},{name}-asks,true,{day} 02:30:00"),
    ]
    states = ("open", "solved", "open", "pending", "solved", "closed")
    for hour, state in enumerate(states, start=3):
        actor = f"{name}-colleague" if hour % 2 else ""
        text = f"{ids[0]},status,{state},{actor},{day} 0{hour}:00:00"
        rows.append(("ticket_field_history", text))
    for table, text in rows:
        yield Arrival(rng.randrange(steps), f"zendesk/{table}", text)
    first = [
        ("ticket", f"{ids[2]},{name}-else,{name}-colleague,solved,,{day} 04:00:00"),
        ("ticket", f"{ids[3]},{name}-with,,open,{listed(ids[2])},{day} 05:00:00"),
        ("ticket", f"{ids[4]},{name}-else,,open,,{day} 03:00:00"),
        ("ticket_comment", f"1,{ids[4]},{name}-friend,true,{day} 04:00:00"),
        ("ticket", f"{ids[5]},{name}-else,,open,,{day} 03:00:00"),
        ("satisfaction_rating", f"1,{ids[3]},offered,{day} 13:00:00"),
    ]
    last = [
        ("user", f"{name}-friend,end-user,{day} 01:00:00"),
        ("ticket", f"{ids[3]},{name}-with,,closed,[],{day} 06:00:00"),
        ("ticket", f"{ids[6]},{name}-with,,open,{listed(ids[5])},{day} 05:00:00"),
        ("satisfaction_rating", f"2,{ids[3]},bad,{day} 14:00:00"),
    ]
    for step, told in ((0, first), (steps - 1, last)):
        for table, text in told:
            yield Arrival(step, f"zendesk/{table}", text)
    for feed, text in session(f"{name}-session", EARLIER, ticket_id=ids[0]):
        yield Arrival(rng.randrange(steps), feed, text)


def listed(ticket: str) -> str:
    """A list of one ticket, as a cell of CSV."""
    return f'"[""{ticket}""]"'


def intercom(name: str, steps: int) -> Iterator[Arrival]:
    """Conversations whose states and parts come in any order, one begun by an admin."""
    rng = Random(name)
    day = EARLIER.date()
    table = "intercom/conversation_history"
    for number, (author, kind) in enumerate((("asks", "user"), ("writes", "admin"))):
        conversation = f"{name}-{number}"
        for hour, state in enumerate(("open", "closed", "open", "closed"), start=1):
            rating = hour if hour > 2 else ""
            said = f"{name}-{author},{kind},{state},{rating},{day} 0{hour}:00:00"
            yield Arrival(rng.randrange(steps), table, f"{conversation},{said}")
        contact = f"{conversation},{name}-asks,{day} 01:00:00"
        yield Arrival(
            rng.randrange(steps), "intercom/conversation_contact_history", contact
        )
        parts = (("comment", "user"), ("close", "bot"), ("open", "lead"))
        for hour, (part, kind) in enumerate(parts[: 3 - 2 * number], start=1):
            for minute in (0, 30):
                said = f"{part},{name}-{kind},{kind},{day} 0{hour}:{minute:02}:00"
                yield Arrival(
                    rng.randrange(steps),
                    "intercom/conversation_part_history",
                    f"{hour},{conversation},{said}",
                )
