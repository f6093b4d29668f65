"""The hash over all marts: what changes it, and what does not."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

from orchestration.fingerprint import fingerprint

FACTS = (
    "create table marts.fct_facts as select * from (values "
    "(1, 0.1::double, null, 'a.jsonl'), (2, 2.0, 'x', 'b.jsonl')"
    ") as facts (fact_key, amount, word, file_path)"
)
HEALTH = (
    "create table marts.feed_health as select 'tau2_runs' as feed, 3 as files, "
    "false as is_stale"
)


def hash_after(folder: Path, *statements: str) -> str:
    path = folder / f"{len(list(folder.iterdir()))}.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in ("create schema marts", FACTS, HEALTH, *statements):
            connection.execute(statement)
    return fingerprint(path).hash


@pytest.mark.parametrize(
    "statement",
    [
        f"update marts.fct_facts set amount = {math.nextafter(0.1, 1)!r} "
        "where fact_key = 1",
        "update marts.fct_facts set word = 'null' where fact_key = 1",
        "insert into marts.fct_facts from marts.fct_facts where fact_key = 1",
        "delete from marts.fct_facts where fact_key = 1",
        "alter table marts.fct_facts rename amount to amounts",
        "create table marts.fct_more as select 1 as more_key",
        "update marts.feed_health set is_stale = true",
    ],
)
def test_what_is_said_otherwise_changes_it(tmp_path: Path, statement: str) -> None:
    assert hash_after(tmp_path) != hash_after(tmp_path, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create or replace table marts.fct_facts as "
        "select word, * exclude (word) from marts.fct_facts order by fact_key desc",
        "update marts.fct_facts set file_path = 'another copy.jsonl'",
        "update marts.feed_health set files = 4",
        "create table marts.kpi_said as select 1 as kpi, now() as said_at",
        "create schema staging; create table staging.stg_facts as select 1 as x",
    ],
)
def test_order_lineage_and_what_was_said_do_not(tmp_path: Path, statement: str) -> None:
    assert hash_after(tmp_path) == hash_after(tmp_path, statement)


def test_a_file_without_marts_has_none(tmp_path: Path) -> None:
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(ValueError, match="has no marts"):
        fingerprint(path)
