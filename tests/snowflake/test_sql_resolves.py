"""Every statement that dbt compiles for Snowflake, read as Snowflake reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot.errors import SqlglotError
from sqlglot.schema import MappingSchema

from tests.snowflake.compiled import (
    Project,
    Statement,
    add_table,
    compile_project,
    lint,
    problems,
    resolve,
    rounded,
    strange_functions,
)
from tests.snowflake.support import Server


@pytest.fixture(scope="module")
def compiled(
    tmp_path_factory: pytest.TempPathFactory, snowflake_server: Server
) -> Project:
    home = tmp_path_factory.mktemp("compiled")
    return compile_project(snowflake_server, home, "RESOLVED")


@pytest.fixture
def schema() -> MappingSchema:
    """One table as the loader creates it: without quotes."""
    schema = MappingSchema(dialect="snowflake")
    columns = {"event_id": "varchar", "timestamp": "timestamp", "version": "bigint"}
    add_table(schema, "ACSR.raw.events", columns)
    add_table(schema, "ACSR.raw.others", columns)
    return schema


def statement(sql: str, path: Path = Path(), *columns: str) -> Statement:
    return Statement(
        name="planted",
        kind="model",
        sql=sql,
        path=path,
        relation="ACSR.marts.planted",
        columns=columns or None,
        is_ours=True,
    )


def test_every_statement_resolves_and_keeps_its_contract(compiled: Project) -> None:
    found, resolved = problems(compiled.statements, compiled.schema())
    assert not found, "\n".join(found)
    asked = sum(
        node["resource_type"] in ("model", "test")
        for node in compiled.manifest["nodes"].values()
    )
    assert resolved == asked > 0


def test_every_function_is_one_of_snowflake(compiled: Project) -> None:
    strange = {
        one.name: names
        for one in compiled.statements
        if one.kind != "analysis" and (names := strange_functions(one))
    }
    assert not strange, (
        f"{strange}: add a function to tests/snowflake/functions.txt if "
        "Snowflake's reference has it and it does the same as on DuckDB"
    )


def test_every_statement_is_clean_under_the_linter(compiled: Project) -> None:
    found = lint(compiled.statements, compiled.target)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select event_ids from ACSR.raw.events", "'EVENT_IDS' could not be resolved"),
        ('select "timestamp" from ACSR.raw.events', "'timestamp' could not be"),
        (
            "select events.event_id from ACSR.raw.events inner join ACSR.raw.others "
            "on events.event_id = others.id",
            "Unknown column: ID",
        ),
        (
            "select event_id from ACSR.raw.events inner join ACSR.raw.others "
            "on events.event_id = others.event_id",
            "'EVENT_ID' could not be resolved",
        ),
        ("with a as (select version from ACSR.raw.events) select event_id from a", ""),
        ("select version from (select event_id from ACSR.raw.events) as a", ""),
        ("select event_id from ACSR.raw.absent", "'EVENT_ID' could not be resolved"),
        ("select from where", ""),
        ("select event_id from ACSR.raw.events; select 1", "2 statements"),
    ],
)
def test_a_statement_that_does_not_resolve_is_refused(
    schema: MappingSchema, sql: str, says: str
) -> None:
    with pytest.raises(SqlglotError) as refused:
        resolve(sql, schema)
    assert says in str(refused.value)


def test_a_problem_names_the_model_and_the_column(schema: MappingSchema) -> None:
    planted = statement("select evnt_id as event_id from ACSR.raw.events")
    reader = statement("select event_id from ACSR.marts.planted")
    found, resolved = problems([planted, reader], schema)
    assert len(found) == resolved == 1
    assert found[0].startswith("model planted: Column 'EVNT_ID'")


def test_a_column_beside_the_contract_is_seen(schema: MappingSchema) -> None:
    sql = "select event_id, version as number from ACSR.raw.events"
    found, _ = problems([statement(sql, Path(), "event_id", "version")], schema)
    assert found == [
        "model planted: the contract has a column VERSION that the statement does not "
        "select",
        "model planted: selects a column NUMBER that the contract does not have",
    ]


@pytest.mark.parametrize(
    ("expression", "is_rounded"),
    [
        ("version / 3", True),
        ("version / 3.0", True),
        ("sum(version) / count(*)", True),
        ("avg(version)", True),
        ("percentile_cont(0.5) within group (order by version)", True),
        ("version / cast(3 as double)", False),
        ("cast(version as float) / 3", False),
        ("avg(cast(version as double))", False),
        ("percentile_cont(0.5) within group (order by cast(version as double))", False),
    ],
)
def test_a_quotient_that_snowflake_rounds_is_seen(
    schema: MappingSchema, expression: str, is_rounded: bool
) -> None:
    tree = resolve(f"select {expression} as answer from ACSR.raw.events", schema)
    assert bool(list(rounded(tree))) is is_rounded


def test_a_function_of_another_engine_is_seen() -> None:
    sql = "select quantile_cont(version, 0.5), min(version) -- no_code(1)\nfrom events"
    assert strange_functions(statement(sql)) == ["quantile_cont"]


def test_the_linter_refuses_what_snowflake_does_not_parse(tmp_path: Path) -> None:
    for sql, code in (
        ("select version as strict from events\n", "PRS"),
        ("select version from events union select version from others\n", "AM02"),
    ):
        path = tmp_path / f"{code}.sql"
        path.write_text(sql)
        found = lint([statement(sql, path)], tmp_path)
        assert found
        assert code in found[0]
