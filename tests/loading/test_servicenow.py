"""The audit trail of ServiceNow incidents, as its export writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.loading import LoadSettings
from orchestration.loading.contracts import SERVICENOW_COLUMNS
from tests.loading.support import Landing

INCIDENT = {
    "number": "INC0000001",
    "incident_state": "-100",
    "active": "true",
    "reassignment_count": "0",
    "reopen_count": "0",
    "sys_mod_count": "3",
    "caller_id": "Caller 1",
    "opened_at": "9/2/2016 01:16",
    "sys_created_at": "?",
    "sys_updated_at": "29/2/2016 01:23",
    "resolved_at": "?",
    "closed_at": "5/3/2016 12:00",
}


def csv(*rows: dict[str, str], columns: tuple[str, ...] = SERVICENOW_COLUMNS) -> str:
    lines = [",".join(columns)]
    lines += [",".join(row.get(column, "?") for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def test_an_update_becomes_a_row(landing: Landing) -> None:
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT))
    landing.load()
    (row,) = landing.rows("select * from raw.servicenow_incidents")
    assert str(row["opened_at"]) == "2016-02-09 01:16:00"
    assert (row["resolved_at"], row["sys_created_at"], row["vendor"]) == (None,) * 3
    assert (row["sys_mod_count"], row["incident_state"]) == (3, "-100")
    assert (row["source_system"], row["_line"]) == ("servicenow", 2)
    assert len(row["caller_key"]) == 64


def test_times_are_read_in_the_time_zone_of_the_feed(landing: Landing) -> None:
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT))
    zones = {"servicenow_incidents": "Europe/Madrid"}
    landing.load(LoadSettings(b"k", feed_timezones=zones))
    (row,) = landing.rows("select opened_at from raw.servicenow_incidents")
    assert str(row["opened_at"]) == "2016-02-09 00:16:00"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("number", "?", "missing_number"),
        ("number", "", "missing_number"),
        ("incident_state", "?", "missing_incident_state"),
        ("sys_mod_count", "?", "missing_sys_mod_count"),
        ("opened_at", "?", "missing_opened_at"),
        ("sys_updated_at", " ", "missing_sys_updated_at"),
        ("reopen_count", "-1", "invalid_reopen_count"),
        ("reopen_count", "1.0", "invalid_reopen_count"),
        ("opened_at", "2/29/2016 01:16", "invalid_opened_at"),
        ("closed_at", "31/12/2199 01:16", "invalid_closed_at"),
        ("closed_at", "soon", "invalid_closed_at"),
        ("category", "a\x00b", "invalid_category"),
    ],
)
def test_a_wrong_row_is_rejected_alone(
    landing: Landing, column: str, value: str, reason: str
) -> None:
    rows = [{**INCIDENT, column: value}, {**INCIDENT, "number": "INC2"}]
    landing.put("servicenow_incidents/a.csv", csv(*rows))
    assert landing.load().loaded == 1
    assert landing.reasons() == [reason]


def test_rows_of_another_width_and_encoding_are_rejected_alone(
    landing: Landing,
) -> None:
    lines = csv(INCIDENT, {**INCIDENT, "number": "INC2"}).encode().split(b"\n")
    bad = [
        b"INC3,New",
        lines[1] + b",extra",
        lines[1].replace(b"Caller", b"Caf\xe9"),
        b'"INC4' + b"x" * 200_000 + b'"',
    ]
    content = b"\xef\xbb\xbf" + b"\r\n".join([lines[0], *bad, b"", lines[2]])
    landing.put("servicenow_incidents/a.csv", content)
    assert landing.load().loaded == 1
    assert landing.reasons() == [
        "missing_active",
        "invalid_closed_at",
        "invalid_caller_id",
        "oversize",
    ]
    (row,) = landing.rows("select _line from raw.servicenow_incidents")
    assert row["_line"] == 7


def test_quoted_line_breaks_belong_to_a_row(landing: Landing) -> None:
    quoted = {**INCIDENT, "category": '"two\nlines, one cell"'}
    content = csv(quoted, {**INCIDENT, "number": "INC2"})
    landing.put("servicenow_incidents/a.csv", content)
    landing.load()
    rows = landing.rows(
        "select category, _line from raw.servicenow_incidents order by 2"
    )
    assert [row["_line"] for row in rows] == [2, 4]
    assert rows[0]["category"] == "two\nlines, one cell"


def test_columns_are_found_by_their_names(landing: Landing) -> None:
    turned = tuple(reversed(SERVICENOW_COLUMNS))
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT, columns=turned))
    landing.load()
    (row,) = landing.rows("select number, closed_at from raw.servicenow_incidents")
    assert row["number"] == "INC0000001"


@pytest.mark.parametrize(
    "header",
    [SERVICENOW_COLUMNS[1:], (*SERVICENOW_COLUMNS, "mood"), ("a", "b")],
)
def test_another_header_is_no_incident_file(
    landing: Landing, header: tuple[str, ...]
) -> None:
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT, columns=header))
    (bad,) = landing.load().quarantined
    assert "36 columns" in bad.problem
    assert landing.reasons() == ["unreadable_file"]


def test_an_update_is_known_by_number_count_time_and_state(landing: Landing) -> None:
    others = [
        {**INCIDENT, "sys_mod_count": "4"},
        {**INCIDENT, "incident_state": "New"},
        {**INCIDENT, "sys_updated_at": "29/2/2016 01:24"},
    ]
    landing.put("servicenow_incidents/a.csv", csv(INCIDENT, *others, INCIDENT))
    landing.put("servicenow_incidents/b.csv", csv({**INCIDENT, "category": "other"}))
    report = landing.load().feeds["servicenow_incidents"]
    assert report.loaded - report.replaced == 4
    assert report.duplicates + report.replaced == 2


def test_all_real_updates_load(landing: Landing, shared_data: Path) -> None:
    (real,) = (shared_data / "tickets").glob("servicenow*.csv.gz")
    landing.put(f"servicenow_incidents/{real.name}", real.read_bytes())
    report = landing.load()
    assert (report.loaded, report.rejected) == (101_045, 0)
    (row,) = landing.rows(
        "select count(distinct number) as incidents from raw.servicenow_incidents"
    )
    assert row["incidents"] == 17_136


@pytest.mark.parametrize("header", [b"number,\xff\n", b'"' + b"x" * 200_000 + b'"\n'])
def test_a_first_line_that_is_no_header_is_not_taken_for_an_empty_file(
    landing: Landing, header: bytes
) -> None:
    landing.put("servicenow_incidents/a.csv", header + csv(INCIDENT).encode())
    (bad,) = landing.load().quarantined
    assert "header" in bad.problem
    assert landing.load().records == 0
