"""The reference: records of the four contract feeds in, rows of the marts out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tests.oracle.cases import case_row, is_durable, read_cases, recontacts
from tests.oracle.figures import (
    Cell,
    attached,
    audit_records,
    dimensions,
    shares,
    survey_records,
)
from tests.oracle.records import Record, Seeds, SessionId, Settings
from tests.oracle.sessions import read_world, session_row


@dataclass
class Answer:
    """What the marts must hold for one world."""

    sessions: dict[SessionId, Record]
    cases: dict[tuple[str, ...], Record]
    escalations: list[Record]
    figures: dict[Cell, tuple[float, float]]


def answer(feeds: dict[str, list[Record]], seeds: Seeds, now: Settings) -> Answer:
    """Work out every row of the marts from the records of one world."""
    world = read_world(feeds, seeds, now)
    cases = read_cases(world)
    returned = recontacts(cases)
    surveys = attached(survey_records(feeds), cases, world)
    audits = attached(audit_records(feeds), cases, world)
    figures: dict[Cell, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for case in cases:
        durable = is_durable(case, returned.get(case.key))
        told = surveys.get(case.key, []), audits.get(case.key, [])
        for kpi, numerator, denominator in shares(case, durable, *told):
            figures[(*dimensions(case), kpi)][0] += numerator
            figures[(*dimensions(case), kpi)][1] += denominator
    return Answer(
        sessions={session.key: session_row(session) for session in world.sessions},
        cases={case.key: case_row(case, returned.get(case.key)) for case in cases},
        escalations=[
            {"case": case.key, **row} for case in cases for row in case.escalations
        ],
        figures={cell: (n, d) for cell, (n, d) in figures.items() if n or d},
    )
