"""Removes people from the raw tables, whatever engine holds them.

What is removed: records that name the customer; of the customer's sessions and tickets,
also those that name nobody; surveys and audits of these. What names another customer
stays. `raw.forgotten` says what was removed until the marts are built without it, and
`raw.suppressed` keeps it out for good.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.loading.contracts import FEEDS, Feed
from orchestration.loading.secrets import MASK
from orchestration.loading.settings import LoadSettings
from orchestration.loading.suppression import (
    CUSTOMER,
    LONG_ID,
    RECORD,
    SESSION,
    SHORT_ID,
    TICKET,
    TRACE,
    Node,
    hashes_of,
)
from orchestration.loading.warehouse import HISTORY

ERASED = "(erased)"  # the path of a history row that says how many rows are gone
RESPONSE, AUDIT = "response", "audit"

Run = Callable[..., Sequence[Sequence[object]]]


@dataclass(frozen=True)
class Erasure:
    """Whom to remove: customers by id, and sessions and tickets that were theirs."""

    settings: LoadSettings
    nodes: frozenset[Node]
    load_id: str

    @property
    def customers(self) -> list[str]:
        """Ids of the customers."""
        return sorted(node.id for node in self.nodes if node.kind == CUSTOMER)


def erase(run: Run, asked: Erasure, replace_json: str) -> dict[str, int]:
    """Removes and remembers, in the caller's transaction; rows that went, by feed.

    `replace_json` is how the engine replaces a text within JSON: a pattern with `{}`
    for the column and two bound values.
    """
    _remember(run, asked)
    _find_all(run, asked)
    gone = {name: _remove(run, asked, feed) for name, feed in FEEDS.items()}
    nodes = forgotten(run) | asked.nodes
    _suppress(run, asked, nodes)
    _hide_in_rejects(run, [it for it in nodes if it.kind != RECORD])
    for customer in asked.customers:
        _hide_elsewhere(run, customer, replace_json)
    return {name: count for name, count in gone.items() if count}


def forgotten(run: Run) -> set[Node]:
    """What `raw.forgotten` holds."""
    rows = run("select kind, system, id from raw.forgotten")
    return {Node(*row) for row in rows}


def _remember(run: Run, asked: Erasure) -> None:
    for node in sorted(node for node in asked.nodes if node.kind != CUSTOMER):
        run(
            "insert into raw.forgotten (kind, system, id, load_id) "
            "select ?, ?, ?, ? where not exists (select 1 from raw.forgotten "
            "where kind = ? and system = ? and id = ?)",
            *(*node, asked.load_id, *node),
        )


def _find_all(run: Run, asked: Erasure) -> None:
    """Sessions and tickets that hang together with what is to go, until there is none.

    A session or ticket that names nobody is theirs if it hangs on one of theirs.
    """
    statements = _findings(asked)
    held = -1
    while held != (held := run("select count(*) from raw.forgotten")[0][0]):
        for statement, values in statements:
            run(statement, *values)


def _findings(asked: Erasure) -> list[tuple[str, list[str]]]:
    settings, load_id = asked.settings, asked.load_id
    default = settings.default_ticket_system
    theirs, keys = _theirs("customer_id", "customer_key", asked)
    callers, _ = _theirs("caller_id", "caller_key", asked)
    helpdesks = [feed for feed in FEEDS.values() if feed.reader == "fivetran"]
    system = "coalesce(events.ticket_system, ?)"
    in_session = _held(SESSION, "events.source_system", "events.session_id")
    in_ticket = _held(TICKET, system, "events.ticket_id")

    def find(kind: str, names: str, source: str, values: list[str]) -> tuple:
        held = _held(kind, "found.system", "found.id")
        return (
            "insert into raw.forgotten (kind, system, id, load_id) "
            f"select '{kind}', found.system, found.id, ? from "
            f"(select distinct {names} from {source}) as found "
            f"where found.id is not null and not {held}",
            [load_id, *values],
        )

    session = "events.source_system as system, events.session_id as id"
    ticket = f"{system} as system, events.ticket_id as id"
    nobody = (
        "not exists (select 1 from raw.agent_events as others where "
        "others.source_system = events.source_system and "
        "others.session_id = events.session_id and others.customer_id is not null)"
    )
    trace = "events.source_system as system, events.trace_id as id"
    of_session = (
        "exists (select 1 from raw.forgotten as known where "
        f"known.kind = '{SESSION}' and known.system = events.source_system and "
        "contains(cast(events.attributes as varchar), '\"' || known.id || '\"'))"
    )
    agent, helpdesk = "raw.agent_events as events", "raw.ticket_events as events"
    logs = [
        feed.table
        for feed in FEEDS.values()
        if {"session_id", "customer_id"} <= set(feed.column_names)
    ]
    return [
        *(
            find(SESSION, session, f"{log} as events where {theirs}", keys)
            for log in logs
        ),
        find(TICKET, ticket, f"{helpdesk} where {theirs}", [default, *keys]),
        find(TRACE, trace, f"raw.otel_spans as events where {theirs}", keys),
        find(TRACE, trace, f"raw.otel_spans as events where {of_session}", []),
        find(
            TICKET,
            "? as system, events.number as id",
            f"raw.servicenow_incidents as events where {callers}",
            [settings.ticket_system("servicenow_incidents"), *keys],
        ),
        *(
            find(
                TICKET,
                "? as system, events.ticket_id as id",
                f"{feed.table} as events where {theirs}",
                [settings.ticket_system(feed.name), *keys],
            )
            for feed in helpdesks
        ),
        find(
            TICKET,
            ticket,
            f"{agent} where {in_session} and (customer_id is null or {theirs})",
            [default, *keys],
        ),
        find(
            SESSION,
            session,
            f"{agent} where events.ticket_id is not null and {in_ticket} and {nobody}",
            [default],
        ),
        find(
            SESSION,
            session,
            f"{agent} where events.previous_session_id is not null and "
            f"{_held(SESSION, 'events.source_system', 'events.previous_session_id')} "
            f"and {nobody}",
            [],
        ),
    ]


def _theirs(name: str, key: str, asked: Erasure) -> tuple[str, list[str]]:
    """Condition: a record names one of the customers, by id or by key."""
    customers = asked.customers
    if not customers:
        return "1 = 0", []
    holes = ", ".join("?" for _ in customers)
    keys = [asked.settings.customer_key(customer) for customer in customers]
    return f"({name} in ({holes}) or {key} in ({holes}))", [*customers, *keys]


def _held(kind: str, system: str, name: str) -> str:
    return (
        "exists (select 1 from raw.forgotten as known where "
        f"known.kind = '{kind}' and known.system = {system} and known.id = {name})"
    )


def _remove(run: Run, asked: Erasure, feed: Feed) -> int:
    """Removes the rows of a feed; the history says how many went."""
    condition, values = _goes(asked, feed)
    if not condition:
        return 0
    (gone,) = run(
        f"select count(*) from {feed.table} as held where {condition}", *values
    )[0]
    if not gone:
        return 0
    kinds = {"survey_responses": RESPONSE, "compliance_audits": AUDIT}
    if feed.reader == "json_lines":
        run(
            "insert into raw.forgotten (kind, system, id, load_id) select "
            f"'{kinds.get(feed.name, RECORD)}', {_system(feed)}, "
            f"held.{feed.identity[1]}, ? from {feed.table} as held where {condition}",
            *(asked.load_id, *values),
        )
    run(f"delete from {feed.table} as held where {condition}", *values)
    now = datetime.now(UTC).replace(tzinfo=None)
    entry = {
        "feed": feed.name,
        "path": ERASED,
        "content_sha256": f"erased-{uuid.uuid4().hex}",
        **dict.fromkeys(("bytes", "records", "loaded", "duplicates", "rejected"), 0),
        "replaced": gone,
        "load_id": asked.load_id,
        "started_at": now,
        "finished_at": now,
    }
    names = [name for name, _ in HISTORY if name in entry]
    run(
        f"insert into raw.load_history ({', '.join(names)}) "
        f"select {', '.join('?' for _ in names)}",
        *(entry[name] for name in names),
    )
    return gone


def _system(feed: Feed) -> str:
    if feed.name in ("agent_events", "ticket_events"):
        return f"'{feed.name}:' || held.source_system"
    return "held.source_system"


def _goes(asked: Erasure, feed: Feed) -> tuple[str, list[str]]:
    """Condition: a row is of one of these people."""
    names = feed.column_names
    default = asked.settings.ticket_system(feed.name)
    parts: list[str] = []
    values: list[str] = []
    if "session_id" in names:
        parts.append(_held(SESSION, "held.source_system", "held.session_id"))
    if "ticket_id" in names:
        system = "coalesce(held.ticket_system, ?)" if "ticket_system" in names else "?"
        parts.append(_held(TICKET, system, "held.ticket_id"))
        values.append(default)
    if "trace_id" in names:
        parts.append(_held(TRACE, "held.source_system", "held.trace_id"))
    if "number" in names:
        parts.append(_held(TICKET, "?", "held.number"))
        values.append(default)
    condition = " or ".join(parts)
    for name, key in (("customer_id", "customer_key"), ("caller_id", "caller_key")):
        if name in names:
            theirs, keys = _theirs(f"held.{name}", f"held.{key}", asked)
            condition = f"({theirs} or (held.{name} is null and ({condition})))"
            values = [*keys, *values]
    return condition, values


def _suppress(run: Run, asked: Erasure, nodes: Iterable[Node]) -> None:
    known = {str(held) for (held,) in run("select hash from raw.suppressed")}
    now = datetime.now(UTC).replace(tzinfo=None)
    kept_out = [it for it in nodes if it.kind not in (RESPONSE, AUDIT)]
    wanted = {
        it for node in kept_out for it in hashes_of(asked.settings.hash_key, node)
    }
    for hash_ in sorted(wanted - known):
        run("insert into raw.suppressed (hash, suppressed_at) select ?, ?", hash_, now)


def _hide_in_rejects(run: Run, nodes: Iterable[Node]) -> None:
    """Rejected texts that name one of them are `***` from now on; they stay counted."""
    for word in sorted({node.id for node in nodes}):
        forms = [f'"{word}"', f'\\"{word}\\"', f":{word},", f":{word}}}"]
        if len(word) >= LONG_ID:
            forms = [word]
        matches = " or ".join("contains(text, ?)" for _ in forms)
        run(f"update raw.rejected_records set text = ? where {matches}", MASK, *forms)


def _hide_elsewhere(run: Run, customer: str, replace_json: str) -> None:
    """What other people's rows say of the customer, and what files are called."""
    if len(customer) >= SHORT_ID:
        _hide_in_paths(run, customer)
    quoted, hidden = f'"{customer}"', f'"{MASK}"'
    for feed in FEEDS.values():
        for name, kind in feed.columns:
            if kind == "json":
                changed = replace_json.format(name)
                matches = f"contains(cast({name} as varchar), ?)"
                said = customer if len(customer) >= LONG_ID else quoted
                shown = MASK if len(customer) >= LONG_ID else hidden
                run(
                    f"update {feed.table} set {name} = {changed} where {matches}",
                    *(said, shown, said),
                )
            elif kind == "varchar" and name not in feed.identity:
                run(
                    f"update {feed.table} set {name} = ? where {name} = ?",
                    *(MASK, customer),
                )


def _hide_in_paths(run: Run, customer: str) -> None:
    tables = {feed.table: "_file" for feed in FEEDS.values()}
    tables |= {"raw.load_history": "path", "raw.rejected_records": "path"}
    tables |= {"raw.reject_outcomes": "path"}
    word = re.compile(rf"(?<!\w){re.escape(customer)}(?!\w)")
    for table, column in tables.items():
        paths = run(
            f"select distinct {column} from {table} where contains({column}, ?)",
            customer,
        )
        for (path,) in paths:
            run(
                f"update {table} set {column} = ? where {column} = ?",
                *(word.sub(MASK, str(path)), path),
            )
