"""The invariant sees every rule of the batch that is broken (`make soak`).

Each rule is taken out of the parsed project, one at a time; what is left must come to
other marts than one build of everything. What no sequence notices is either no rule or
not tested.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.invariant.sequences import Sequence, Step, at_once, stepwise
from tests.invariant.test_any_sequence_gives_the_same_marts import sequences
from tests.invariant.warehouses import BuildError, Warehouse, differing_rows
from tests.oracle.worlds import AS_OF
from tests.support import parsed

MODEL = "model.acsr_warehouse.{}"
MACRO = "macro.acsr_warehouse.{}"


@dataclass(frozen=True)
class Break:
    """A text of a model or a macro, and what stands in its place."""

    where: str
    text: str
    instead: str


NAMED = MODEL.format("int_nodes_changed")
MERGED = "{{ json_items('zendesk_rows.merged_ticket_ids') }}"
TARGETS = "on earlier.merged_into_ticket_id = targets"
NEIGHBOURS = "on links.owner_key = nodes.node_key"
RULES = {
    "sessions that a corrected event was in": Break(
        NAMED,
        "on earlier.event_key = agent_events.event_key",
        "on earlier.event_key = agent_events.event_key and false",
    ),
    "tickets that a corrected event was on": Break(
        NAMED,
        "on earlier.event_key = ticket_events.event_key",
        "on earlier.event_key = ticket_events.event_key and false",
    ),
    "what was linked before": Break(NAMED, NEIGHBOURS, f"{NEIGHBOURS} and false"),
    "tickets on which a user acts who arrives": Break(
        NAMED,
        "and users.row_key = {{ json_text('acts.record', member) }}",
        "and false",
    ),
    "tickets that one which arrives took in": Break(
        NAMED, f"{MERGED} as merged", f"{MERGED} as merged where false"
    ),
    "tickets that one which arrives took in no more": Break(
        NAMED, f"{TARGETS}.ticket_id", f"{TARGETS}.ticket_id and false"
    ),
    "sessions that another feed tells from now on": Break(
        MODEL.format("int_session_feeds_chosen"),
        "where {{ changed('source_system', 'session_id', 'session') }}",
        "where false",
    ),
    "how far the session goes in the feed that tells it now": Break(
        NAMED, "earlier.first_at,\n        earlier.last_at", "null, null"
    ),
    "cases that are given up by now": Break(
        NAMED,
        "hours_after('last_activity_at', var('abandon_after_hours'))",
        "hours_after('last_activity_at', 999999)",
    ),
    "cases that are mature by now": Break(
        NAMED, "is_between_builds('matures_at')", "is_between_builds('null')"
    ),
    "everything that hangs together": Break(
        MODEL.format("int_nodes_touched"),
        "{{ closure('seeds', 'links') }}",
        "reached as (select node_key from seeds)",
    ),
    "how far a run goes": Break(
        MODEL.format("int_nodes_touched"),
        "where {{ changed('source_system', 'session_id', 'session') }}",
        "where false",
    ),
    "days on which cases were": Break(
        MODEL.format("int_days_touched"),
        "where {{ touched('cases.case_key') }}",
        "where false",
    ),
    "hours in which events were": Break(
        MODEL.format("int_hours_touched"),
        "where {{ changed('source_system', 'session_id', 'session') }}",
        "where false",
    ),
    "a build is complete with all its models": Break(
        MACRO.format("is_complete"), "return(not missing)", "return(true)"
    ),
}


@dataclass(frozen=True)
class Ground:
    """A sequence, a warehouse that took its first step, and what it must come to."""

    sequence: Sequence
    begun: Warehouse
    whole: Warehouse


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("ground")
    drawn = sequences()[0]
    # some cases are given up but not mature by the end, and others the other way round
    end = Step(AS_OF + timedelta(days=3))
    steps = (Step(AS_OF.replace(month=2)), Step(AS_OF), Step(AS_OF, "fct_cases"), end)
    sequence = Sequence(steps, drawn.cases)
    begun = stepwise(Sequence(steps[:1], drawn.cases), folder / "begun")
    return Ground(sequence, begun, at_once(sequence, folder / "whole"))


@pytest.mark.parametrize("rule", [None, *RULES])
def test_a_broken_rule_is_seen(
    ground: Ground, rule: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rule is not None:
        broken = without(RULES[rule])
        monkeypatch.setattr("tests.invariant.warehouses.parsed", lambda _: broken)
    warehouse = ground.begun.copy(tmp_path)
    try:
        stepwise(ground.sequence, tmp_path, warehouse, first=1)
        found = differing_rows(warehouse, ground.whole)
    except BuildError:
        if rule is None:
            raise
        return
    assert bool(found) == (rule is not None), found


def without(rule: Break) -> object:
    """The parsed project without a rule."""
    manifest = copy.deepcopy(parsed())
    if rule.where in manifest.macros:
        macro = manifest.macros[rule.where]
        assert rule.text in macro.macro_sql
        macro.macro_sql = macro.macro_sql.replace(rule.text, rule.instead)
    else:
        node = manifest.nodes[rule.where]
        assert rule.text in node.raw_code
        node.raw_code = node.raw_code.replace(rule.text, rule.instead)
    return manifest
