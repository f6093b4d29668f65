"""The project as dbt compiled it for Snowflake, and what is wrong with it.

The test server runs DuckDB underneath, which is more forgiving than Snowflake: it takes
a name in any case, divides without rounding and knows functions of its own. What is
here reads the text of each statement as Snowflake would.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlglot import Expr, exp, parse
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from orchestration import project
from orchestration.loading.warehouse import raw_tables
from tests.snowflake.support import Server, snowflake_dbt

# DuckDB's names of types that Snowflake calls otherwise
SNOWFLAKE_TYPES = {"json": "variant", "timestamp": "timestamp_ntz", "double": "float"}

# What the project calls, each looked up in Snowflake's reference of functions.
SETTINGS = project.ROOT / "tests" / "snowflake" / "sqlfluff.cfg"
# ALTER TAG ... SET MASKING POLICY takes qualified names; sqlfluff's grammar does not.
NOT_IN_GRAMMAR = "masking polic"
FUNCTIONS_FILE = Path(__file__).with_name("functions.txt")
FUNCTIONS = frozenset(
    line for line in FUNCTIONS_FILE.read_text().splitlines() if not line.startswith("#")
)
# Words that a bracket may follow although they call nothing.
_WORDS = re.findall(
    r"\w+",
    "and as between by else exclude exists from group in join not on or over select "
    "table then union using values when where",
)
_NO_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_CALL = re.compile(r"\b([a-z_][a-z_0-9]*)\s*\(", re.IGNORECASE)

# The schemas of the own records of builds and statements, by the macros that name them.
OWN_SCHEMAS = {"ledger": "intermediate", "history": "history"}
_OWN_TABLE = re.compile(
    r"create table if not exists \{\{ (ledger|history)\('(\w+)'\) \}\} \((.*?)\)[;\s]",
    re.DOTALL,
)

_FLOATS = (exp.DType.FLOAT, exp.DType.DOUBLE)


@dataclass(frozen=True)
class Statement:
    """One model or data test as dbt would send it."""

    name: str
    kind: str  # model, test or analysis
    sql: str
    path: Path  # of the compiled file
    relation: str | None
    columns: tuple[str, ...] | None  # of an enforced contract
    is_ours: bool  # false for dbt's own generic tests and scripts that people run


@dataclass
class Project:
    """What `dbt compile` left in a target folder."""

    target: Path
    manifest: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = json.loads((self.target / "manifest.json").read_text())

    @cached_property
    def statements(self) -> list[Statement]:
        """Every model, data test and analysis that ran, each after what it reads."""
        return [_statement(node) for node in self._in_order() if _is_statement(node)]

    def schema(self) -> MappingSchema:
        """Raw tables by the loader's contract and seeds by their files."""
        schema = MappingSchema(dialect="snowflake")
        contracts = raw_tables()
        for source in self.manifest["sources"].values():
            columns = contracts[f"{source['schema']}.{source['name']}".lower()]
            add_table(schema, source["relation_name"], dict(columns))
        for node in self._nodes("seed"):
            add_table(schema, node["relation_name"], _seed_columns(node))
        for node in self._nodes("snapshot"):
            add_table(schema, node["relation_name"], _snapshot_columns(node))
        for place, name, columns in _own_tables():
            add_table(schema, f"{self._database}.{place}.{name}", columns)
        return schema

    @property
    def _database(self) -> str:
        return next(self._nodes("model"))["database"]

    def _nodes(self, kind: str) -> Iterator[Mapping[str, Any]]:
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == kind:
                yield node

    def _in_order(self) -> list[Mapping[str, Any]]:
        nodes = self.manifest["nodes"]
        ordered: dict[str, Mapping[str, Any]] = {}

        def visit(name: str) -> None:
            if name in nodes and name not in ordered:
                for parent in nodes[name]["depends_on"].get("nodes", ()):
                    visit(parent)
                ordered[name] = nodes[name]

        for name in nodes:
            visit(name)
        return list(ordered.values())


def compile_project(server: Server, home: Path, database: str) -> Project:
    """Compiles the whole project for a database in which nothing was ever built.

    `home` takes all that dbt leaves.
    """
    server.run(f"create database {database}")
    done = snowflake_dbt(server, home, "compile", database=database)
    assert done.returncode == 0, f"dbt compile failed:\n{done.stdout}{done.stderr}"
    return Project(home / "target")


def _is_statement(node: Mapping[str, Any]) -> bool:
    is_query = node["resource_type"] in ("model", "test", "analysis")
    return is_query and bool(node.get("compiled_code"))


def _statement(node: Mapping[str, Any]) -> Statement:
    macros = node["depends_on"].get("macros", ())
    is_contracted = node["config"].get("contract", {}).get("enforced", False)
    return Statement(
        name=node["name"],
        kind=node["resource_type"],
        sql=node["compiled_code"],
        path=project.ROOT / node["compiled_path"],
        relation=node.get("relation_name"),
        columns=tuple(node["columns"]) if is_contracted else None,
        is_ours=node["resource_type"] != "analysis"
        and not any(macro.startswith("macro.dbt.test_") for macro in macros),
    )


def _seed_columns(node: Mapping[str, Any]) -> dict[str, str]:
    path = project.ROOT / node["original_file_path"]
    with path.open(encoding="utf-8", newline="") as lines:
        names = next(csv.reader(lines))
    stated = node["config"].get("column_types") or {}
    return {name: stated.get(name, "varchar") for name in names}


def _snapshot_columns(node: Mapping[str, Any]) -> dict[str, str]:
    """What a snapshot selects, and what dbt adds to tell its versions apart."""
    tree = parse(node["compiled_code"], dialect="snowflake")[0]
    selected = dict.fromkeys(tree.named_selects, "unknown")
    times = ("dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
    return {**selected, "dbt_scd_id": "varchar", **dict.fromkeys(times, "timestamp")}


def _own_tables() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Schema, name and columns of the tables that macros create and no model makes."""
    for path in sorted((project.ROOT / "macros").glob("*.sql")):
        for macro, name, columns in _OWN_TABLE.findall(path.read_text("utf-8")):
            named = dict(line.split() for line in columns.split(","))
            yield OWN_SCHEMAS[macro], name, named


def add_table(schema: MappingSchema, relation: str, columns: Mapping[str, str]) -> None:
    """Adds a table whose columns were created without quotes."""
    typed = {
        name.upper(): SNOWFLAKE_TYPES.get(kind, kind) for name, kind in columns.items()
    }
    schema.add_table(_table(relation), typed, dialect="snowflake", normalize=False)


def _table(relation: str) -> exp.Table:
    table = exp.to_table(relation, dialect="snowflake")
    return normalize_identifiers(table, dialect="snowflake")


def resolve(sql: str, schema: MappingSchema) -> Expr:
    """One statement with every column traced to its table and every type derived.

    Raises sqlglot.errors.SqlglotError where it does not parse, where it is more than
    one statement, or where a column is unknown or meant of two tables.
    """
    statements = [found for found in parse(sql, dialect="snowflake") if found]
    if len(statements) != 1:
        raise SqlglotError(f"{len(statements)} statements where there must be one")
    qualified = qualify(
        statements[0],
        dialect="snowflake",
        schema=schema,
        validate_qualify_columns=True,
    )
    for number in list(qualified.find_all(exp.Literal)):
        if number.is_number and not number.is_int:
            number.replace(exp.cast(number.copy(), "decimal(38, 12)"))
    return annotate_types(qualified, schema=schema, dialect="snowflake")


def problems(
    statements: Iterable[Statement], schema: MappingSchema
) -> tuple[list[str], int]:
    """What is wrong with some statements, and how many of them resolve.

    A model enters the schema by the columns that it selects, so that what reads a
    broken one is not told of as well.
    """
    found: list[str] = []
    resolved = 0
    for statement in statements:
        if statement.kind == "analysis":
            continue
        try:
            tree = resolve(statement.sql, schema)
        except SqlglotError as error:
            found.append(f"{statement.kind} {statement.name}: {error}")
            columns = _selected(statement)
        else:
            resolved += 1
            found += [
                f"{statement.kind} {statement.name}: {problem}"
                for problem in (*broken_contract(statement, tree), *rounded(tree))
            ]
            columns = {column.alias_or_name: column.type for column in tree.selects}
        if statement.kind == "model" and columns:
            table = _table(str(statement.relation))
            schema.add_table(table, columns, dialect="snowflake", normalize=False)
    return found, resolved


def _selected(statement: Statement) -> dict[str, exp.DataType]:
    try:
        tree = parse(statement.sql, dialect="snowflake")[0]
    except SqlglotError:
        return {}
    tree = normalize_identifiers(tree, dialect="snowflake")
    unknown = exp.DataType.build("unknown")
    return dict.fromkeys(tree.named_selects, unknown)


def broken_contract(statement: Statement, tree: Expr) -> Iterator[str]:
    """Columns that a contract names and the statement lacks, or the reverse."""
    if statement.columns is None:
        return
    promised = {name.upper() for name in statement.columns}
    selected = set(tree.named_selects)
    for name in sorted(promised - selected):
        yield f"the contract has a column {name} that the statement does not select"
    for name in sorted(selected - promised):
        yield f"selects a column {name} that the contract does not have"


def rounded(tree: Expr) -> Iterator[str]:
    """Quotients of numbers that are not floats: Snowflake rounds them.

    It keeps six digits more than the dividend has. A literal such as 0.5 is no float.
    """
    for quotient in tree.find_all(exp.Div, exp.Avg, exp.PercentileCont):
        sides = list(_divided(quotient))
        if not any(side.type and side.type.this in _FLOATS for side in sides):
            shown = " and ".join(side.sql("snowflake") for side in sides)
            yield f"{quotient.key} rounds where nothing is a float: {shown}"


def _divided(quotient: Expr) -> Iterator[Expr]:
    if isinstance(quotient, exp.Div):
        yield from quotient.unnest_operands()
    elif isinstance(quotient.parent, exp.WithinGroup):
        for key in quotient.parent.expression.expressions:
            yield key.this
    else:
        yield quotient.this


def strange_functions(statement: Statement) -> list[str]:
    """Functions that a statement calls and nobody looked up in Snowflake's reference.

    By the text, for a parser renames what it knows from other engines.
    """
    text = _NO_CODE.sub("''", statement.sql)
    names = {name.lower() for name in _CALL.findall(text)}
    tables = {name.lower() for name in re.findall(r"\bas\s+(\w+)\s*\(", text)}
    return sorted(names - FUNCTIONS - set(_WORDS) - tables)


def lint(statements: Iterable[Statement], folder: Path) -> list[str]:
    """What sqlfluff says of compiled files; of what is not ours, only if it parses."""
    ours = {one.path.resolve(): one.is_ours for one in statements}
    report = folder / "lint.json"
    command = ["sqlfluff", "lint", "--config", str(SETTINGS), "--processes", "2"]
    output = ["--format", "json", "--write-output", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", *command, *output, *map(str, ours)],
        cwd=project.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    files = json.loads(report.read_text())
    seen = {Path(file["filepath"]).resolve() for file in files}
    assert seen == ours.keys(), f"not linted: {sorted(map(str, ours.keys() - seen))}"
    return [
        f"{Path(file['filepath']).name}:{fault['start_line_no']}: "
        f"{fault['code']} {fault['description']}"
        for file in files
        for fault in file["violations"]
        if ours[Path(file["filepath"]).resolve()] or fault["code"] == "PRS"
        if NOT_IN_GRAMMAR not in fault["description"]
    ]
