"""Tables of helpdesks: rows arrive, and what people wrote does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.loading.fivetran import table_of
from tests.loading.support import Landing

TICKET = {
    "id": "7",
    "_fivetran_synced": "2026-01-31 12:30:00.5",
    "updated_at": "2026-01-31 12:00:00",
    "requester_id": "1",
    "is_public": "TRUE",
    "merged_ticket_ids": "[8]",
    "subject": "Ms. Made-Up",
    "via_source_from_address": "made.up@example.com",
}
ROWS = "select * exclude (_loaded_at) from raw.zendesk order by table_name, row_key"


def csv(*records: dict[str, str]) -> str:
    lines = [",".join(records[0])]
    return "\n".join([*lines, *(",".join(record.values()) for record in records)])


def landed(landing: Landing, name: str, content: str | bytes) -> list[dict]:
    landing.put(f"zendesk/{name}", content)
    landing.load()
    return landing.rows(ROWS)


def test_a_row_keeps_what_is_counted_and_loses_what_was_written(
    landing: Landing,
) -> None:
    (row,) = landed(landing, "ticket/part.csv", csv(TICKET))
    assert (row["source_system"], row["table_name"]) == ("zendesk", "ticket")
    assert (row["row_key"], row["ticket_id"]) == ("7", "7")
    assert row["updated_at"] == datetime(2026, 1, 31, 12)
    assert row["customer_id"] == "1"
    assert len(row["customer_key"]) == 64
    assert json.loads(row["record"]) == {
        "id": "7",
        "_fivetran_synced": "2026-01-31T12:30:00.500000Z",
        "updated_at": "2026-01-31T12:00:00.000000Z",
        "requester_id": "1",
        "is_public": "true",
        "merged_ticket_ids": [8],
    }


def test_parquet_and_csv_give_the_same_row(landing: Landing) -> None:
    table = pa.table(
        {
            "id": [7],
            "_fivetran_synced": [datetime(2026, 1, 31, 13, tzinfo=UTC)],
            "updated_at": [datetime(2026, 1, 31, 12, tzinfo=UTC)],
            "requester_id": [1.0],
            "is_public": [True],
            "merged_ticket_ids": [[8]],
            "priority": [None],
            "subject": ["Ms. Made-Up"],
            "via_source_from_address": ["made.up@example.com"],
        }
    )
    packed = BytesIO()
    pq.write_table(table, packed)
    landing.put("zendesk/ticket/a.csv", csv(TICKET))
    landed(landing, "ticket/b.parquet", packed.getvalue())
    (history,) = landing.rows(
        "select sum(loaded) as loaded, sum(duplicates) as again from raw.load_history"
    )
    assert (history["loaded"], history["again"]) == (1, 1)


def test_a_row_that_was_synced_again_is_the_same_row(landing: Landing) -> None:
    for minute in range(10, 16):
        synced = {**TICKET, "_fivetran_synced": f"2026-01-31 12:{minute}:00"}
        landed(landing, f"ticket/{minute}.csv", csv(synced))
    (history,) = landing.rows("select sum(replaced) as rows from raw.load_history")
    assert history["rows"] == 0


def test_of_people_only_what_says_who_acts_is_kept(landing: Landing) -> None:
    user = {
        "id": "5",
        "name": "Made-Up",
        "email": "m@example.com",
        "role": "agent",
        "updated_at": "2026-01-31 12:00:00",
    }
    (row,) = landed(landing, "user/part.csv", csv(user))
    assert json.loads(row["record"]).keys() == {"id", "role", "updated_at"}


def test_rows_of_a_table_that_no_adapter_reads_are_kept(landing: Landing) -> None:
    brand = {"id": "1", "subdomain": "shop", "name": "A"}
    other = {**brand, "name": "B"}
    rows = landed(landing, "brand_data.csv", csv(brand, other, brand))
    assert [row["table_name"] for row in rows] == ["brand", "brand"]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("zendesk/ticket_comment/2026/x.csv", "ticket_comment"),
        ("zendesk/ticket_data.csv", "ticket"),
        ("zendesk/user.parquet", "user"),
        ("zendesk/Ticket.csv.gz", "ticket"),
    ],
)
def test_a_table_is_known_by_its_folder_or_its_name(name: str, table: str) -> None:
    assert table_of("zendesk", name) == table


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "missing_id"),
        ({"updated_at": ""}, "missing_updated_at"),
        ({"updated_at": "soon"}, "invalid_updated_at"),
        ({"requester_id": "1,2"}, "invalid_via_source_from_address"),
        ({"subject": "\x00"}, "invalid_subject"),
    ],
)
def test_one_bad_row_never_fails_the_table(
    landing: Landing, change: dict[str, str], reason: str
) -> None:
    rows = landed(landing, "ticket/a.csv", csv(TICKET, {**TICKET, "id": "8", **change}))
    assert [row["row_key"] for row in rows] == ["7"]
    assert landing.reasons() == [reason]


def test_a_rejected_row_shows_no_words(landing: Landing) -> None:
    landed(landing, "ticket/a.csv", csv({**TICKET, "updated_at": "soon"}))
    (bad,) = landing.rows("select * from raw.rejected_records")
    assert "Made-Up" not in str(bad)
    assert "soon" in bad["text"]


def test_the_newer_state_of_a_row_stays(landing: Landing) -> None:
    newer = {**TICKET, "updated_at": "2026-01-31 13:00:00", "requester_id": "2"}
    (row,) = landed(landing, "ticket/a.csv", csv(newer, TICKET))
    assert row["customer_id"] == "2"


def test_a_first_line_that_is_no_header_fails_the_file(landing: Landing) -> None:
    landing.put("zendesk/ticket/a.csv", "id,id\n1,2\n")
    (bad,) = landing.load().quarantined
    assert "no header" in bad.problem
