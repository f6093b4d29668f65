"""Parquet files of the contract feeds: their rows are judged like lines of JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.loading.support import EVENT, Landing, validate_here

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ZONED = pa.timestamp("ns", "Europe/Madrid")


def parquet(columns: dict[str, pa.Array]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def columns(*ids: str, **more: pa.Array) -> dict[str, pa.Array]:
    count = len(ids)
    return {
        "event_id": pa.array(ids),
        "session_id": pa.array(["s1"] * count),
        "timestamp": pa.array([NOON] * count, ZONED),
        "action_type": pa.array(["session_started"] * count),
        **more,
    }


def load(landing: Landing, table: dict[str, pa.Array]) -> list[dict[str, object]]:
    landing.put("agent_events/a.parquet", parquet(table))
    landing.load()
    return landing.rows("select * from raw.agent_events order by _line")


def test_rows_land_like_lines(landing: Landing) -> None:
    struct = pa.array([{"intent": "refund", "api_key": "s3cret"}, None])
    rows = load(landing, columns("a", "b", attributes=struct))
    assert [row["_line"] for row in rows] == [1, 2]
    assert rows[0]["timestamp"] == datetime(2026, 1, 31, 12)
    assert json.loads(rows[0]["attributes"]) == {"intent": "refund", "api_key": "***"}
    assert rows[1]["attributes"] is None


@pytest.mark.parametrize(
    "stated",
    [
        pa.array(['{"intent":"refund"}']),
        pa.array([[("intent", "refund")]], pa.map_(pa.string(), pa.string())),
    ],
)
def test_attributes_may_be_text_or_a_map(landing: Landing, stated: pa.Array) -> None:
    (row,) = load(landing, columns("a", attributes=stated))
    assert json.loads(row["attributes"]) == {"intent": "refund"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"timestamp": pa.array([NOON.replace(tzinfo=None)])}, "invalid_timestamp"),
        ({"timestamp": pa.array(["2026-01-31T12:00:00"])}, "invalid_timestamp"),
        ({"sequence": pa.array([1.0])}, "invalid_sequence"),
        ({"is_test": pa.array(["true"])}, "invalid_is_test"),
        ({"session_id": pa.array([None], pa.string())}, "missing_session_id"),
        ({"attributes": pa.array(["[]"])}, "invalid_attributes"),
        ({"channel": pa.array([b"chat"])}, "invalid_channel"),
    ],
)
def test_types_are_as_strict_as_in_json(
    landing: Landing, more: dict[str, pa.Array], reason: str
) -> None:
    assert load(landing, columns("a", **more)) == []
    assert landing.reasons() == [reason]


def test_epoch_numbers_and_extra_columns_are_read(landing: Landing) -> None:
    numbers = pa.array([1_769_860_800_000])
    more = {"timestamp": numbers, "mood": pa.array(["blue"])}
    (row,) = load(landing, columns("a", **more))
    assert row["timestamp"] == datetime(2026, 1, 31, 12)
    assert json.loads(row["attributes"]) == {"mood": "blue"}


def test_the_same_row_is_a_duplicate_whatever_file_it_is_in(landing: Landing) -> None:
    load(landing, columns("a", "a"))
    landing.put("agent_events/b.parquet", parquet(columns("b", "a")))
    report = landing.load()
    assert (report.records, report.loaded) == (2, 1)


def test_a_row_has_the_limit_of_a_line(landing: Landing) -> None:
    load(landing, columns("a", channel=pa.array(["x" * (1 << 20)])))
    assert landing.reasons() == ["oversize"]


@pytest.mark.parametrize("feed", ["tau2_runs", "servicenow_incidents", "otel_spans"])
def test_other_feeds_are_not_read_as_parquet(landing: Landing, feed: str) -> None:
    landing.put(f"{feed}/a.parquet", parquet(columns("a")))
    (bad,) = landing.load().quarantined
    assert "not read as Parquet" in bad.problem


def test_json_and_parquet_share_their_identities(landing: Landing) -> None:
    landing.put("agent_events/a.jsonl", [EVENT])
    rows = load(landing, columns("e1"))
    assert len(rows) == 1


@pytest.mark.parametrize("content", [b"PAR1", None])
def test_a_file_that_changes_while_it_is_read_is_left_to_the_next_load(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = landing.put("agent_events/a.parquet", parquet(columns("a")))
    other = parquet(columns("b")) if content is None else content
    opened = pq.ParquetFile

    def change(handle: io.BufferedReader) -> pq.ParquetFile:
        path.write_bytes(other)
        handle.seek(0)
        return opened(handle)

    validate_here(monkeypatch)
    monkeypatch.setattr(pq, "ParquetFile", change)
    report = landing.load()
    assert [file.status for file in report.skipped] == ["skipped"]
    assert "changed while it was read" in report.skipped[0].problem
    assert landing.content("agent_events") == []
