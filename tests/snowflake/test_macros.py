"""Each engine macro, called on both engines over the same values: the same answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from tests.snowflake.support import Server, snowflake_dbt

FOLDER = project.ROOT / "macros" / "engine"
DATABASE = "MACROS"
VARIABLES = '{"reporting_timezone": "Europe/Berlin"}'
JSON = (
    *(
        '"a"',
        '" a  b "',
        '""',
        '"   "',
        '"\u00a0wide\u3000"',
        '"ünïcødé 日本 🙂"',
        None,
    ),
    *('"12"', '"-3"', '"1.5"', '"true"', '"null"', '"[1]"', r'"say \"hi\""', r'"a\\b"'),
    *(r'"tab\tand\nline"', "12", "-7", "0", "1.5", "-0.25", "1e3", "1e-3"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("12345678901234567890123456789012345678", "9007199254740993"),
    *("true", "false", "null", "[]", '[1, "a", null]', "{}", '{"k": "x"}'),
)
OBJECTS = (
    *(
        '{"k": "x"}',
        '{"k": 3}',
        '{"k": "3"}',
        '{"k": 2.5}',
        '{"k": true}',
        None,
        "null",
    ),
    *(
        '{"k": null}',
        '{"k": ""}',
        '{"k": [1, {"k": 2}]}',
        '{"K": "upper"}',
        "{}",
        "[1]",
    ),
    *('"k"', "3", '{"k": {"k": "deep"}}', '{"other": 1, "k": "é"}'),
)
LISTS = ("[]", '["a", "b"]', '[{"k": 1}, null, [2], "x", 4]', "{}", "null", None, '"x"')
TEXTS = (("a", "b"), ("a|b", None), (None, "a|b"), ("", "é 🙂"), (" x\u2003", " "))
MOMENTS = (
    ("2026-01-01 00:00:00", "2026-01-01 00:00:00.000001"),
    ("2026-03-29 00:30:00.5", "2026-03-29 02:30:00"),  # clocks go forward in Berlin
    ("2026-10-25 01:30:00", "2026-10-24 23:59:59.25"),  # and back
    ("2024-02-29 23:59:59.999999", "1999-12-31 10:00:00"),
    ("2025-12-29 00:00:00", "2026-01-04 23:59:59"),  # one week over the turn of a year
    (None, "2026-01-31 12:00:00"),
)
FACTS = (
    *((1, 10, "a", True), (1, 20, None, None), (1, 5, "z", False), (2, 1, None, None)),
    *((2, 2, None, False), (3, 7, "é", None), (3, None, "lost", True)),
)
LINKS = (("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "z"))

# what a macro gives, as the columns of a query over one of the tables
VALUES = {
    "json_values": {
        name: f"{name}('value')"
        for name in ("text_of", "id_of", "number_of", "integer_of", "flag_of")
    },
    "json_objects": {
        **{
            name: f"{name}('value', 'k')"
            for name in ("json_text", "json_number", "json_integer", "json_flag")
        },
        "json_member": "text_of(json_member('value', 'k'))",
    },
    "json_records": {
        **{
            name: f"{name}('record', 'k')"
            for name in (
                *("record_text", "record_id", "record_number", "record_integer"),
                "record_flag",
            )
        },
        "record_member": "text_of(record_member('record', 'k'))",
    },
    "texts": {
        "trimmed": "trimmed('a')",
        "surrogate_key": "surrogate_key(['a', 'b'])",
        "hash_share": "hash_share('md5(a)')",
        "hex_digit": "hex_digit('substr(md5(a), 7, 1)')",
    },
    "moments": {
        "seconds_between": "seconds_between('a', 'b')",
        "hours_after": "hours_after('a', 5)",
        "hours_before": "hours_after('a', -30)",
        "minutes_after": "minutes_after('a', 90)",
        "utc_of": "utc_of('b', \"'Europe/Berlin'\")",
        "in_reporting_timezone": "in_reporting_timezone('b')",
        "from_reporting_timezone": "from_reporting_timezone('b')",
        "moment_text": "moment_text('a')",
        "iso_weekday": "iso_weekday('cast(b as date)')",
        "week_start": "week_start('cast(b as date)')",
        "day_after": "date_moved('day', 1, 'cast(b as date)')",
        "week_before": "date_moved('week', -1, 'cast(b as date)')",
        "month_after": "date_moved('month', 1, 'cast(b as date)')",
    },
    "facts": {
        "any_true": "any_true('is_on')",
        "first_stated": "first_stated('said', 'place')",
        "last_stated": "last_stated('said', 'place')",
        "quantile": "quantile('place', 0.9)",
        "median": "quantile('place', 0.5)",
    },
}
FROM = {
    "json_values": "json_values",
    "json_objects": "json_objects",
    "json_records": (
        "(select number, {{ json_record('value', ['k']) }} as record "
        "from json_objects) as records"
    ),
    "texts": "texts",
    "moments": "moments",
    "facts": "facts",
}
QUERIES = {
    **{
        table: "select number, "
        + ", ".join(f"{{{{ {call} }}}} as {name}" for name, call in calls.items())
        + f" from {FROM[table]}"
        + (" group by number" if table == "facts" else "")
        for table, calls in VALUES.items()
    },
    "json_items": (
        "select lists.number, item.index as place, "
        "{{ text_of('item.value') }} as said, {{ integer_of('item.value') }} as amount "
        "from lists cross join {{ json_items('lists.value') }} as item"
    ),
    "date_spine": (
        "{{ date_spine(\"cast('2026-02-26' as date)\", "
        "\"cast('2026-03-02' as date)\") }}"
    ),
    "closure": (
        "with recursive seeds as (select 'a' as node_key union all select 'q'), "
        "links as (select a as node_key, b as neighbour_key from links_of), "
        "{{ closure('seeds', 'links') }} "
        "select 0 as number, node_key from reached"
    ),
    # not an engine's own, but its SQL is asked of both: every rule is broken here
    "well_formed": (
        "{{ test_well_formed('facts', grain=['number'], unique=[['said']], "
        "not_null=['place'], accepted_values={'said': ['a', \"it's\"], 'place': [1]}, "
        "relationships={'place': {'to': 'texts', 'field': 'number'}}) }}"
    ),
}
ELSEWHERE = {
    "json_record": "read by record_text and its like",
    "check_session": "below",
    "is_row_of": "what a batch reads of raw: test_parity.py, its second build",
    "place_in_session": "the order of events in a session: test_parity.py, unit tests",
    "schema_names": "where the ledger of builds goes: each build of test_build.py",
    "in_one_transaction": "wraps what dbt runs: the batch in test_build.py",
    "tag_private_columns": "test_masking.py",
    "snowflake_database": "test_setup_script.py",
    "snowflake_published_database": "test_setup_script.py",
    "snowflake_matrix": "test_setup_script.py",
    "snowflake_setup": "test_setup_script.py",
    "snowflake_prove": "test_masking.py",
}
# dbt's own, which dispatches them to the engine's
DBTS_OWN = {"safe_cast", "escape_single_quotes"}


def macros() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql"))
    return {name for text in texts for name in re.findall(r"{%-? macro (\w+)\(", text)}


def test_what_one_engine_has_of_its_own_the_other_has_too() -> None:
    found = macros()
    engines: dict[str, set[str]] = {}
    for name in found:
        engine, parted, plain = name.partition("__")
        if parted and plain not in DBTS_OWN:
            engines.setdefault(plain, set()).add(engine)
    assert engines
    for plain, known in engines.items():
        assert known in ({"duckdb", "snowflake"}, {"default", "snowflake"}), plain
        assert plain in found, f"nothing dispatches {plain}"


def test_every_macro_is_called_here_or_is_known_to_be_tested_elsewhere() -> None:
    plain = {it for it in macros() if "__" not in it and not it.startswith("_")}
    called = {
        word for text in QUERIES.values() for word in re.findall(r"(\w+)\(", text)
    }
    assert plain - called - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) - plain == set(), "no such macro"


def compiled(said: str) -> dict[str, str]:
    return json.loads(said[said.index("{") : said.rindex("}") + 1])


@pytest.fixture(scope="module")
def inline() -> str:
    """All queries in one: each is rendered and put into a JSON object."""
    calls = "".join(
        f"{{% set answer_{name} %}}{query}{{% endset %}}"
        for name, query in QUERIES.items()
    )
    listed = ", ".join(f"'{name}': answer_{name} | string" for name in QUERIES)
    return f"{calls}{{{{ tojson({{{listed}}}) }}}}"


@pytest.fixture(scope="module")
def on_duckdb(
    inline: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each query on DuckDB."""
    home = tmp_path_factory.mktemp("duckdb")
    done = project.run_dbt(
        *("compile", "--quiet", "--target", "lint", "--vars", VARIABLES),
        *("--inline", inline),
        environment={
            "ACSR_HOME": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for statement in tables("json", "cast({} as json)"):
            connection.execute(statement)
        return {
            name: answers(connection.execute(query).fetchall())
            for name, query in compiled(done.stdout).items()
        }


@pytest.fixture(scope="module")
def on_snowflake(
    inline: str, snowflake_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each query on the Snowflake test server."""
    snowflake_server.run(
        f"create database {DATABASE}", f"create schema {DATABASE}.answers"
    )
    done = snowflake_dbt(
        snowflake_server,
        tmp_path_factory.mktemp("snowflake"),
        *("compile", "--quiet", "--vars", VARIABLES, "--inline", inline),
        database=DATABASE,
        seconds=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    connecting = {"database": DATABASE, "schema": "ANSWERS"}
    with (
        snowflake_server.connect(**connecting) as connection,
        connection.cursor() as cursor,
    ):
        for statement in tables("variant", "parse_json({})"):
            cursor.execute(statement.replace("\\", "\\\\"))
        return {
            name: answers(cursor.execute(query).fetchall())
            for name, query in compiled(done.stdout).items()
        }


def tables(kind: str, parsed: str) -> Iterable[str]:
    """Statements that make the tables that the queries read."""
    for name, values in (
        ("json_values", JSON),
        ("json_objects", OBJECTS),
        ("lists", LISTS),
    ):
        yield f"create table {name} (number bigint, value {kind})"
        for number, value in enumerate(values):
            read = "null" if value is None else parsed.format(literal(value))
            yield f"insert into {name} select {number}, {read}"
    yield "create table texts (number bigint, a varchar, b varchar)"
    yield rows("texts", TEXTS)
    yield "create table moments (number bigint, a timestamp, b timestamp)"
    yield rows("moments", MOMENTS)
    yield "create table links_of (number bigint, a varchar, b varchar)"
    yield rows("links_of", LINKS)
    columns = "number bigint, place bigint, said varchar, is_on boolean"
    yield f"create table facts ({columns})"
    listed = ", ".join(f"({', '.join(map(literal, row))})" for row in FACTS)
    yield f"insert into facts values {listed}"


def rows(table: str, values: Iterable[tuple[object, ...]]) -> str:
    listed = ", ".join(
        f"({', '.join(map(literal, (number, *row)))})"
        for number, row in enumerate(values)
    )
    return f"insert into {table} values {listed}"


def literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


def answers(fetched: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows in one order, with numbers and times as both drivers could give them."""
    plain = [tuple(map(as_plain, row)) for row in fetched]
    return sorted(plain, key=repr)


def as_plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value) if value % 1 else int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


@pytest.mark.parametrize("name", QUERIES)
def test_both_engines_give_the_same_answers(
    name: str,
    on_duckdb: dict[str, list[tuple[object, ...]]],
    on_snowflake: dict[str, list[tuple[object, ...]]],
) -> None:
    assert on_duckdb[name]
    assert on_snowflake[name] == on_duckdb[name]


def test_the_answers_on_json_are_as_documented(
    on_snowflake: dict[str, list[tuple[object, ...]]],
) -> None:
    read = {JSON[row[0]]: row[1:] for row in on_snowflake["json_values"]}
    nothing = (None, None, None, None, None)
    for value in ("null", None, "[]", "{}", '""', '"   "', '{"k": "x"}'):
        assert read[value] == nothing, value
    assert read['"12"'] == ("12", "12", None, None, None)
    assert read["12"] == (None, "12", 12, 12, None)
    assert read["1.5"] == (None, None, 1.5, None, None)
    assert read['"true"'] == ("true", "true", None, None, None)
    assert read["true"] == (None, None, None, None, True)
    assert read['"\u00a0wide\u3000"'][0] == "wide"
    assert read["9223372036854775807"][3] == 9223372036854775807
    assert read["9223372036854775808"][3] is None
    assert read["12345678901234567890123456789012345678"][1:4] == (
        "12345678901234567890123456789012345678",
        pytest.approx(1.2345678901234568e37),
        None,
    )


def test_a_session_that_reads_times_in_its_own_zone_is_refused(
    snowflake_server: Server, tmp_path: Path
) -> None:
    def check() -> tuple[int, str]:
        done = snowflake_dbt(
            *(snowflake_server, tmp_path, "run-operation", "check_session"),
            database=DATABASE,
            seconds=600,
        )
        return done.returncode, done.stdout

    snowflake_server.run("alter account set timestamp_type_mapping = 'TIMESTAMP_LTZ'")
    try:
        code, said = check()
    finally:
        snowflake_server.run("alter account unset timestamp_type_mapping")
    assert code != 0
    assert "TIMESTAMP means TIMESTAMP_LTZ" in said
    assert "set timestamp_type_mapping = TIMESTAMP_NTZ" in said
    assert check()[0] == 0
