"""The loader's own statements, read as Snowflake reads them, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import sqlfluff
from sqlglot import exp, parse_one
from sqlglot.schema import MappingSchema

from orchestration.loading import FEEDS, snowflake_sql
from orchestration.loading.contracts import Feed
from orchestration.loading.warehouse import raw_tables
from tests.snowflake.compiled import Statement, add_table, resolve, strange_functions

# a function that no model calls, and words that a bracket may follow
ALSO_KNOWN = {"dense_rank", "exists", "from", "timestampntz"}
# names that are part of statements
ALONE = ("STAGE", "EXTERNAL_STAGE")


def texts() -> dict[str, str]:
    """Every statement that is the same for all feeds, by name."""
    found = {
        name: text
        for name, text in vars(snowflake_sql).items()
        if name.isupper() and not name.startswith("_") and isinstance(text, str)
    }
    found = {name: text for name, text in found.items() if name not in ALONE}
    place = "raw.load_files/load-1/0/"
    found["COPY"] = found["COPY"].format(place=place, purge="true")
    replaced = found["REPLACE_JSON"].format("attributes")
    found["REPLACE_JSON"] = f"update raw.agent_events set attributes = {replaced}"
    return found


def statements_of(feed: Feed) -> Iterator[tuple[str, str]]:
    """Every statement that is made for a feed, by name."""
    columns = raw_tables()[feed.table]
    yield "create_table", snowflake_sql.create_table(feed.table, columns)
    yield "create_verdicts", snowflake_sql.create_verdicts(feed)
    yield "judge", snowflake_sql.judge(feed)
    yield "insert_rows", snowflake_sql.insert_rows(feed)
    for between in (True, False):
        yield "delete_ousted", snowflake_sql.delete_ousted(feed, between=between)


SHARED = [
    pytest.param(FEEDS["agent_events"], it, id=name) for name, it in texts().items()
]
OF_FEEDS = {
    feed: [
        pytest.param(feed, text, id=f"{name} {feed.name}")
        for name, text in statements_of(feed)
    ]
    for feed in FEEDS.values()
}


def bound(text: str) -> str:
    """A statement with text in the place of its parameters."""
    return text.strip().replace("?", "'bound'")


def schema(feed: Feed) -> MappingSchema:
    """The raw tables, and the temporary ones of a load of a feed."""
    tables = MappingSchema(dialect="snowflake")
    lock = {"raw.load_lock": snowflake_sql.LOCK_COLUMNS}
    records = {"raw.load_records": (("record", "json"),)}
    for table, columns in {**raw_tables(), **lock, **records}.items():
        add_table(tables, table, dict(columns))
    made = parse_one(snowflake_sql.create_verdicts(feed), dialect="snowflake")
    columns = {
        column.name: column.args["kind"].sql("snowflake")
        for column in made.find_all(exp.ColumnDef)
    }
    add_table(tables, "raw.load_verdicts", columns)
    return tables


@pytest.mark.parametrize(("feed", "text"), [*SHARED, *OF_FEEDS[FEEDS["agent_events"]]])
def test_the_grammar_is_that_of_snowflake(feed: Feed, text: str) -> None:
    sqlfluff.parse(bound(text), dialect="snowflake")


@pytest.mark.parametrize(("feed", "text"), [*SHARED, *chain(*OF_FEEDS.values())])
def test_every_column_is_known_and_every_function_looked_up(
    feed: Feed, text: str
) -> None:
    parsed = parse_one(bound(text), dialect="snowflake")
    query = parsed.expression if isinstance(parsed, exp.Insert) else parsed
    if isinstance(query, exp.Query) and "information_schema" not in text:
        resolve(query.sql("snowflake"), schema(feed))
        read = Statement("", "model", query.sql("snowflake"), Path(), None, None, True)
        assert set(strange_functions(read)) <= ALSO_KNOWN


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_what_is_inserted_is_as_many_columns_as_the_table_has(feed: Feed) -> None:
    inserts = [
        snowflake_sql.insert_rows(feed),
        snowflake_sql.INSERT_REJECTS,
        snowflake_sql.INSERT_HISTORY,
        snowflake_sql.judge(feed),
    ]
    for text in inserts:
        insert = parse_one(text, dialect="snowflake")
        assert len(insert.this.expressions) == len(insert.expression.selects)
