"""fakesnow on loopback, mended where this project needs more of Snowflake.

    python -m tests.snowflake.server

Takes a free port, writes `listening on <port>` and ends when its standard input does,
so that it never outlives the tests. Any account, user and key may log in. Each patch
below says what it does and what it hides.
"""

from __future__ import annotations

import contextvars
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from string import Template
from typing import NamedTuple
from urllib.parse import parse_qs

import duckdb
import fakesnow.server
import pyarrow as pa
import uvicorn
from fakesnow import arrow, info_schema, macros, transforms
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.fakes import FakeSnowflakeConnection
from fakesnow.instance import FakeSnow
from fakesnow.params import MutableParams
from fakesnow.transforms import stage
from snowflake.connector.errors import Error as SnowflakeError
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from tests.snowflake.ledger import NAME, SUCCESS, Ledger, RefusedError, Rows, Scope

LEDGER = Ledger()
LOCK = threading.RLock()
_COMMENTS = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_ROLE: contextvars.ContextVar[str] = contextvars.ContextVar("role")

plain_execute = FakeSnowflakeCursor.execute
plain_connect = FakeSnow.connect


# 1. Databases and schemas are not made by logging in, as fakesnow would have it.
#    Hides nothing.
fakesnow.server.shared_fs.create_database_on_connect = False
fakesnow.server.shared_fs.create_schema_on_connect = False


# 2. A session knows the role it logged in with or took by USE ROLE.
#    Hides that a role must exist and be granted, and that it limits what is seen.
async def application(scope: AsgiScope, receive: Receive, send: Send) -> None:
    """The server's application; remembers which role a login asks for."""
    if scope["type"] == "http":
        asked = parse_qs(scope["query_string"].decode()).get("roleName", ["PUBLIC"])
        _ROLE.set(asked[0].upper())
    await fakesnow.server.app(scope, receive, send)


@wraps(plain_connect)
def connect(
    self: FakeSnow, *arguments: object, **named: object
) -> FakeSnowflakeConnection:
    """A session with a role and parameters of its own."""
    session = plain_connect(self, *arguments, **named)
    session.role = _ROLE.get("PUBLIC")
    session.parameters = {}
    return session


FakeSnow.connect = connect


# 3. Temporary tables become plain ones: DuckDB keeps temporary ones out of schemas.
#    Hides whether a session drops them and that others do not see them.
_TEMPORARY = re.compile(
    r"(?i)\b(create\s+(?:or\s+replace\s+)?)(?:local\s+|global\s+)?temp(?:orary)?\s+"
    r"(?=table|view)"
)

# 4. Comments on tables are not kept: fakesnow keeps them in another database, which
#    DuckDB refuses to write in one transaction. Hides comments.
info_schema.insert_table_comment_sql = lambda *_: "select 1"

# 5. ALTER SESSION, ALTER ACCOUNT and USE WAREHOUSE are taken as said.
#    Hides their effect: times stay UTC, weeks begin on Monday.
_SET = re.compile(
    r"(?is)\s*alter\s+(?P<of>session|account)\s+(?P<verb>set|unset)\s+"
    r"(?P<what>(?!autocommit).+)"
)
_DEFAULTS = {"TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ", "WEEK_START": "0"}
_OF_ACCOUNT: dict[str, str] = {}
_USE_ROLE = re.compile(rf"(?is)\s*use\s+role\s+(?P<name>{NAME})")
_TAKEN = re.compile(
    r"(?is)\s*(use\s+(warehouse|secondary)\b"
    # comments on columns, as those on tables
    r'|alter\s+(table|view)\s+\S+\s+alter\s+("[^"]+"|\w+)\s+comment\b)'
)
_PARAMETER = re.compile(r"(?is)\s*show\s+parameters\s+like\s+'(?P<name>\w+)'")

# 6. ALTER SCHEMA ... SWAP WITH copies the tables of each into the other, in one
#    transaction. Hides that Snowflake copies nothing; constraints are lost.
_SWAP = re.compile(
    rf"(?is)\s*alter\s+schema\s+(?:if\s+exists\s+)?(?P<first>{NAME})\s+swap\s+with\s+"
    rf"(?P<second>{NAME})"
)

# 7. In a MERGE, names that could be meant of both sides are read as Snowflake does in
#    INSERT (...) VALUES (...): of the source. Hides nothing.
plain_merge = transforms.merge


@wraps(plain_merge)
def merge(statement: exp.Expr) -> list[exp.Expr]:
    """A MERGE whose inserted values name their table."""
    if isinstance(statement, exp.Merge):
        source = statement.args["using"].alias_or_name
        for when in statement.args["whens"].expressions:
            then = when.args.get("then")
            if isinstance(then, exp.Insert) and then.expression is not None:
                for column in then.expression.find_all(exp.Column):
                    if not column.table:
                        column.set("table", exp.to_identifier(source))
    return plain_merge(statement)


transforms.merge = merge


# 8. CREATE TABLE with columns AS SELECT *: fakesnow looks the columns up in SQL that is
#    not DuckDB's. Hides nothing.
plain_create_table_as = transforms.create_table_as


@wraps(plain_create_table_as)
def create_table_as(
    statement: exp.Expr, connection: duckdb.DuckDBPyConnection
) -> exp.Expr:
    """A CREATE TABLE whose star is spelled out."""
    if (
        isinstance(statement, exp.Create)
        and isinstance(statement.this, exp.Schema)
        and isinstance(statement.expression, exp.Select | exp.Subquery)
        and isinstance(query := statement.expression.unnest(), exp.Select)
        and query.is_star
    ):
        described = connection.execute(f"describe {query.sql('duckdb')}").fetchall()
        query.set("expressions", [exp.column(name) for name, *_ in described])
    return plain_create_table_as(statement, connection)


transforms.create_table_as = create_table_as


# 9. TRIM and RTRIM keep the letters that they are to take away, which fakesnow drops.
#    Hides nothing.
def trim_as_text(node: exp.Expr) -> exp.Expr:
    """TRIM of a text, whatever is trimmed."""
    if isinstance(node, exp.Trim) and not isinstance(node.this, exp.Cast):
        node.set("this", exp.cast(node.this, "text"))
    return node


transforms.trim_cast_varchar = trim_as_text


# 10. What fakesnow cannot do is an error of the statement, told to the client. As the
#    error of the server that it is, clients would repeat it for ever. Hides nothing.
class ServerError(fakesnow.server.ServerError):
    """An error that no client repeats."""

    def __post_init__(self) -> None:
        if self.status_code == 500:
            self.status_code = 200


fakesnow.server.ServerError = ServerError


# 11. TYPEOF, AS_VARCHAR and AS_BOOLEAN, of which fakesnow knows none for a VARIANT, and
#    TO_CHAR with a format, which it drops. Hides that Snowflake stores numbers of a
#    VARIANT as numbers: 1.0 may be an INTEGER there, and is none here.
_TYPES = {
    "VARCHAR": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "BIGINT": "INTEGER",
    "UBIGINT": "INTEGER",
    "HUGEINT": "INTEGER",
    "DOUBLE": "DOUBLE",
    "ARRAY": "ARRAY",
    "OBJECT": "OBJECT",
    "NULL": "NULL_VALUE",
}
plain_transform = FakeSnowflakeCursor._transform


@wraps(plain_transform)
def transform(
    self: FakeSnowflakeCursor, statement: exp.Expr, parameters: MutableParams | None
) -> exp.Expr:
    """A statement in DuckDB's words.

    fakesnow rewrites it eighty times over, each time in a copy. Here it is one copy,
    and the rows of unit tests, most of what dbt sends then, are left out of it.
    """
    mended = statement.transform(_member, copy=False)
    mended = mended.transform(_function, copy=False)
    mended = mended.transform(_schemata_of, self._conn.database, copy=False)
    rows = _take_out_rows(mended)
    done = plain_transform(self, _InPlace(mended), parameters).statement
    for common, body in rows:
        common.set("this", body)
    return done


def describe_last(self: FakeSnowflakeCursor) -> list[tuple[object, ...]]:
    """The columns of the last statement, which fakesnow parses once more for it."""
    described = self._duck_conn.execute(f"describe {self._last_sql}", self._last_params)
    return described.fetchall()


FakeSnowflakeCursor._describe_last_sql = describe_last


class _InPlace(NamedTuple):
    """A statement whose rewrites do not copy it first."""

    statement: exp.Expr

    def transform(
        self, rewrite: Callable[..., exp.Expr], *arguments: object, **named: object
    ) -> _InPlace:
        done = self.statement.transform(rewrite, *arguments, copy=False, **named)
        return _InPlace(done)


_ROW_NODES = (exp.Select, exp.Union, exp.Alias, exp.Cast, exp.Literal, exp.Null)
_ROW_NODES += (exp.Neg, exp.Boolean, exp.Identifier, exp.DataType, exp.DataTypeParam)
_ROW_NODES += (exp.ToBoolean, exp.Limit, exp.ParseJSON)


def _take_out_rows(statement: exp.Expr) -> list[tuple[exp.CTE, exp.Expr]]:
    """Puts a stub in the place of each fixture of a unit test that is all casts."""
    taken = []
    for common in list(statement.find_all(exp.CTE)):
        if not common.alias.startswith("__dbt__cte__"):
            continue
        body = common.this
        if all(isinstance(node, _ROW_NODES) for node in body.walk()):
            common.set("this", exp.select("1"))
            for kind in list(body.find_all(exp.DataType)):
                kind.replace(_rewritten_type(kind.sql("snowflake")).copy())
            for name in body.find_all(exp.Identifier):
                if not name.quoted:
                    name.set("this", name.this.upper())
            taken.append((common, body))
    return taken


@cache
def _rewritten_type(kind: str) -> exp.Expr:
    if kind.startswith("TIMESTAMP"):
        return exp.DataType.build("timestamp")
    cursor = fakesnow.server.shared_fs.connect().cursor()
    value = exp.Cast(this=exp.null(), to=exp.DataType.build(kind, dialect="snowflake"))
    return plain_transform(cursor, exp.select(value), None).find(exp.DataType)


def _function(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Typeof):
        kinds = _by_json_type(
            node.this, {kind: exp.Literal.string(name) for kind, name in _TYPES.items()}
        )
        digits = exp.RegexpFullMatch(
            this=exp.cast(exp.Paren(this=node.this.copy()), "text"),
            expression=exp.Literal.string("-?[0-9]{1,38}"),
        )
        return exp.Case().when(digits, exp.Literal.string("INTEGER")).else_(kinds)
    if isinstance(node, exp.Anonymous) and node.name.upper() == "AS_VARCHAR":
        value = node.expressions[0]
        text = exp.Anonymous(
            this="json_extract_string",
            expressions=[value.copy(), exp.Literal.string("$")],
        )
        return _by_json_type(value, {"VARCHAR": text})
    if isinstance(node, exp.Anonymous) and node.name.upper() == "AS_BOOLEAN":
        value = node.expressions[0]
        return _by_json_type(
            value, {"BOOLEAN": exp.cast(exp.Paren(this=value.copy()), "boolean")}
        )
    if isinstance(node, exp.ToChar) and node.args.get("format"):
        if node.args["format"].name != "YYYY-MM-DD HH24:MI:SS.FF6":
            raise ProgrammingError(f"the test server does not know {node.sql()}")
        letters = exp.Literal.string("%Y-%m-%d %H:%M:%S.%f")
        return exp.Anonymous(this="strftime", expressions=[node.this, letters])
    return node


# 20. GET of a field finds it by its whole name, dots and all, which sqlglot would read
#     as a path. Hides nothing.
def _member(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.GetExtract) and node.expression.is_string:
        path = exp.Literal.string(f'$."{node.expression.name}"')
        value = node.this.transform(_member, copy=False)
        return exp.Anonymous(this="json_extract", expressions=[value, path])
    return node


def _by_json_type(value: exp.Expr, answers: dict[str, exp.Expr]) -> exp.Case:
    choice = exp.Case(this=exp.Anonymous(this="json_type", expressions=[value.copy()]))
    for kind, answer in answers.items():
        choice = choice.when(exp.Literal.string(kind), answer)
    return choice


FakeSnowflakeCursor._transform = transform


# 12. INFORMATION_SCHEMA.SCHEMATA holds the schemas of one database, not of all.
#     Hides nothing.
def _schemata_of(node: exp.Expr, database: str | None) -> exp.Expr:
    if (
        isinstance(node, exp.Table)
        and node.db.upper() == "INFORMATION_SCHEMA"
        and node.name.upper() == "SCHEMATA"
        and node.catalog != "system"
    ):
        asked = exp.Literal.string((node.catalog or database or "").upper())
        there = exp.select("*").from_("system.information_schema.schemata")
        found = there.where(exp.EQ(this=exp.column("catalog_name"), expression=asked))
        return found.subquery(node.alias or "schemata")
    return node


# 13. Roles, grants, masking policies and tags go to the ledger, which answers SHOW.
#    Hides enforcement: every role may do everything.
def execute(
    self: FakeSnowflakeCursor, command: str, *arguments: object, **named: object
) -> FakeSnowflakeCursor:
    """Runs a statement as fakesnow does, after and before the patches."""
    bare = _COMMENTS.sub(" ", command).strip().rstrip(";")
    session = self._conn
    scope = _scope(session)
    try:
        with LOCK:
            answer = _answer(self, bare, scope)
    except RefusedError as refused:
        raise ProgrammingError(msg=str(refused), errno=2003, sqlstate="02000") from None
    if answer is not None:
        return plain_execute(self, answer, server=True)
    try:
        done = plain_execute(self, _mended(command, session), *arguments, **named)
    except SnowflakeError:
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}\n{command}"
        raise ProgrammingError(msg=message, errno=1, sqlstate="XX000") from error
    with LOCK:
        LEDGER.observe(bare, scope)
    return done


FakeSnowflakeCursor.execute = execute


# 14. A time that is NULL reaches the client as NULL, not as the year 1970.
#     Hides nothing.
plain_times = arrow.timestamp_to_sf_struct


@wraps(plain_times)
def times(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Times as the protocol has them, the unknown ones unknown."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    told = plain_times(values)
    parts = [part.fill_null(0) for part in told.flatten()]
    return pa.StructArray.from_arrays(
        parts, fields=list(told.type), mask=values.is_null()
    )


arrow.timestamp_to_sf_struct = times


# 15. REMOVE takes away the files of an internal stage whose path begins as it says.
#     Hides nothing.
_REMOVE = re.compile(rf"(?is)\s*(?:remove|rm)\s+@(?P<name>{NAME})(?P<path>/[\w./-]*)?")


def _remove(scope: Scope, match: re.Match[str]) -> None:
    root = Path(stage.internal_dir(scope.qualified("STAGE", match["name"])))
    beginning = f"{root}{match['path'] or ''}"
    for path in root.rglob("*"):
        if path.is_file() and str(path).startswith(beginning):
            path.unlink()


# 16. CREATE SCHEMA leaves out WITH MANAGED ACCESS; a clone leaves out COPY GRANTS,
#     which the ledger reads. Hides that owners of tables cannot grant in such a schema.
_MANAGED = re.compile(r"(?i)\s+with\s+managed\s+access\b")
_COPY_GRANTS = re.compile(rf"(?i)(\bclone\s+{NAME})\s+copy\s+grants\b")


# 17. SYSTEM$ABORT_TRANSACTION rolls back what all other sessions have begun, such as
#     those of clients that were killed. Hides that Snowflake wants one transaction
#     named, and ends by itself, after minutes, an idle one that others wait for.
_ABORT = re.compile(r"(?is)\s*select\s+system\$abort_transaction\b.*")


def _abort_others(session: FakeSnowflakeConnection) -> None:
    for other in fakesnow.server.sessions.values():
        if other is not session:
            with suppress(duckdb.Error):
                other._duck_conn.execute("rollback")


# 18. FLATTEN counts the items of each list in their order; with fakesnow it depends on
#     the order in which DuckDB happens to read them. Hides nothing.
macros.FS_FLATTEN = Template(
    """
    create or replace macro ${catalog}._fs_flatten(input) as table
    select
        cast(hash(to_json(input)) as ubigint) as seq,
        item.key as key,
        coalesce(item.key, '[' || item.index || ']') as path,
        item.index as index,
        item.value as value,
        to_json(input) as this
    from (
        select unnest(
            case
                when json_type(to_json(input)) = 'OBJECT'
                    then list_transform(
                        json_keys(to_json(input)),
                        lambda name: struct_pack(
                            key := name,
                            index := cast(null as bigint),
                            value := cast(to_json(input) -> name as json)
                        )
                    )
                else list_transform(
                    cast(to_json(input) as json []),
                    lambda item, place: struct_pack(
                        key := cast(null as varchar), index := place - 1, value := item
                    )
                )
            end,
            recursive := true
        )
    ) as item (key, index, value)
    """
)


# 19. A sum has the type of what it adds up; fakesnow would read it as DOUBLE, where a
#     sum of decimals depends on the order of rows. Hides that Snowflake adds up text.
transforms.numeric_agg_implicit_cast = lambda node: node


def _answer(self: FakeSnowflakeCursor, bare: str, scope: Scope) -> str | None:
    session = self._conn
    if match := _USE_ROLE.match(bare):
        session.role = scope.qualified("ROLE", match["name"])
        return SUCCESS.as_sql()
    if match := _SET.match(bare):
        said = session.parameters if match["of"].lower() == "session" else _OF_ACCOUNT
        for name, value in re.findall(r"(\w+)\s*(?:=\s*('[^']*'|\w+))?", match["what"]):
            said[name.upper()] = value.strip("'")
            if match["verb"].lower() == "unset":
                del said[name.upper()]
        return SUCCESS.as_sql()
    if match := _PARAMETER.match(bare):
        name = match["name"].upper()
        value = {**_DEFAULTS, **_OF_ACCOUNT, **session.parameters}.get(name, "")
        return Rows(("key", "value"), [(name, value)]).as_sql()
    if _TAKEN.match(bare):
        return SUCCESS.as_sql()
    if _ABORT.fullmatch(bare):
        _abort_others(session)
        return SUCCESS.as_sql()
    if match := _REMOVE.fullmatch(bare):
        _remove(scope, match)
        return SUCCESS.as_sql()
    if match := _SWAP.match(bare):
        first, second = (
            scope.qualified("SCHEMA", match[it]) for it in ("first", "second")
        )
        _swap(session._duck_conn, first, second)
        LEDGER.swap(first, second)
        return SUCCESS.as_sql()
    rows = LEDGER.answer(bare, scope)
    return None if rows is None else rows.as_sql()


def _mended(command: str, session: FakeSnowflakeConnection) -> str:
    command = re.sub(r"(?i)\bcurrent_role\(\)", f"'{session.role}'", command)
    command = _COPY_GRANTS.sub(r"\1", _MANAGED.sub("", command))
    return _TEMPORARY.sub(r"\1", command)


_NAMES = {
    "DATABASE": "select database_name from duckdb_databases()",
    "SCHEMA": "select database_name || '.' || schema_name from duckdb_schemas()",
    "TABLE": (
        "select table_catalog || '.' || table_schema || '.' || table_name "
        "from information_schema.tables where table_type = 'BASE TABLE'"
    ),
    "VIEW": (
        "select table_catalog || '.' || table_schema || '.' || table_name "
        "from information_schema.tables where table_type = 'VIEW'"
    ),
}


def _scope(session: FakeSnowflakeConnection) -> Scope:
    def names(kind: str) -> set[str]:
        with session._duck_conn.cursor() as reading:
            return {
                name.upper() for (name,) in reading.execute(_NAMES[kind]).fetchall()
            }

    def objects(kind: str, container: str) -> Iterable[str]:
        return [name for name in names(kind) if name.startswith(f"{container}.")]

    def exists(kind: str, name: str) -> bool:
        return name.upper() in names(kind) or (
            kind == "TABLE" and name.upper() in names("VIEW")
        )

    return Scope(session.database, session.schema, session.role, objects, exists)


def _swap(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> None:
    tables: dict[str, list[str]] = {}
    for schema in (first, second):
        database, name = schema.split(".")
        rows = connection.execute(
            "select table_name from information_schema.tables where "
            "upper(table_catalog) = ? and upper(table_schema) = ? "
            "and table_type = 'BASE TABLE'",
            [database, name],
        ).fetchall()
        tables[schema] = [table for (table,) in rows]
    aside = f"{first}__SWAP"
    connection.execute("begin")
    try:
        connection.execute(f"create schema {aside}")
        moves = ((first, aside), (second, first), (aside, second))
        tables[aside] = tables[first]
        for source, target in moves:
            for table in tables[source]:
                connection.execute(
                    f'create table {target}."{table}" as from {source}."{table}"'
                )
                connection.execute(f'drop table {source}."{table}"')
        connection.execute(f"drop schema {aside}")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def main() -> None:
    """Serves until standard input ends."""
    server = uvicorn.Server(
        # clients that were killed end no connection
        uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1)
    )

    def end_with_input() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening on {listener.getsockname()[1]}", flush=True)
        threading.Thread(target=end_with_input, daemon=True).start()
        server.run(sockets=[listener])
    # what a killed client still has running is waited for by no one
    os._exit(0)


if __name__ == "__main__":
    main()
