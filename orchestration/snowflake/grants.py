"""Who may do what on Snowflake: the declared matrix, and the grants in force.

The matrix is `snowflake_privileges` in dbt_project.yml, from which the set-up script is
rendered too. What is in force and not declared is a fault, and so is a declared right
that is missing; grants that cannot be read are not taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

MARTS = "MARTS"
DRAFT = "MARTS_NEXT"
PREVIOUS = "MARTS_PREVIOUS"
PUBLIC = "PUBLIC"
SHOWN_LINES = 20
EVERYWHERE = ("ROLE", "ACCOUNT")  # kinds that lead to rights on anything

# kinds of subjects that stand for many objects at once
TABLES, FUTURE_TABLES, OBJECTS = "tables", "future tables", "objects"
# what the publishing role sees of others; elsewhere Snowflake may show it nothing
VISIBLE = ("database", "schema")


class GrantsError(Exception):
    """The grants in force are not those declared, or could not be read."""


class Cursor(Protocol):
    """What is needed of a cursor of the Snowflake driver."""

    description: Any

    def execute(self, command: str) -> object:
        """Runs one statement."""

    def fetchall(self) -> list[Any]:
        """Its rows."""


@dataclass(frozen=True)
class Databases:
    """The database of every layer, and the one that readers open."""

    warehouse: str
    published: str


@dataclass(frozen=True, order=True)
class Right:
    """A declared right: `kind` and `name` as in the matrix, names in full."""

    role: str
    privilege: str
    kind: str
    name: str

    def covers(self, grant: Grant) -> bool:
        """Whether a grant in force is this right, or one of those it stands for."""
        if grant.grantee_kind != "ROLE" or grant.can_be_passed_on:
            return False
        if (grant.grantee, grant.privilege) != (self.role, self.privilege):
            return False
        if grant.is_future:
            wanted = (FUTURE_TABLES, "TABLE", self.name)
            return (self.kind, grant.kind, grant.name) == wanted
        if self.kind in (TABLES, FUTURE_TABLES):
            return grant.kind == "TABLE" and grant.name.startswith(f"{self.name}.")
        if self.kind == OBJECTS:
            return grant.name.startswith(f"{self.name}.")
        return (grant.kind, grant.name) == (self.kind.upper(), self.name)

    def __str__(self) -> str:
        return f"{self.role} lacks {self.privilege} on {self.kind} {self.name}"


@dataclass(frozen=True, order=True)
class Grant:
    """A grant in force. `kind` is SCHEMA, TABLE, ROLE, ...; names are in full.

    A future grant has the name of the schema or database whose objects will get it.
    """

    grantee: str
    privilege: str
    kind: str
    name: str
    grantee_kind: str = "ROLE"
    is_future: bool = False
    can_be_passed_on: bool = False

    def __str__(self) -> str:
        on = f"future {self.kind}s of" if self.is_future else self.kind
        option = ", and may pass it on" if self.can_be_passed_on else ""
        return (
            f"{self.grantee_kind} {self.grantee} has {self.privilege} on {on} "
            f"{self.name}{option}: not declared"
        )


def declared(matrix: Mapping[str, Any], databases: Databases) -> list[Right]:
    """The matrix of dbt_project.yml, one right a line."""
    rights = []
    for role, subjects in matrix.items():
        for subject, privileges in subjects.items():
            kind, _, name = subject.rpartition(" ")
            full = name.format(
                database=databases.warehouse, published=databases.published
            )
            rights += [
                Right(role, privilege.upper(), kind, full) for privilege in privileges
            ]
    if not rights:
        raise GrantsError("snowflake_privileges in dbt_project.yml declares nothing")
    return rights


def faults(
    rights: Sequence[Right],
    grants: Iterable[Grant],
    databases: Databases,
    schema: str,
    tables: Sequence[str],
) -> list[str]:
    """What is in force and not declared, and what is declared and not in force.

    `schema` of the published database is the one that is judged, with its `tables`;
    what is declared of MARTS holds for the schema beside it too, draft or replaced.
    """
    found = set(grants)
    allowed = [
        *rights,
        *_elsewhere(rights, databases, DRAFT),
        # the one before: kept for a way back, for nobody to read
        *_owned(_elsewhere(rights, databases, PREVIOUS)),
    ]
    wanted = _elsewhere(rights, databases, schema)
    extra = sorted(
        grant for grant in found if not any(right.covers(grant) for right in allowed)
    )
    missing = sorted(
        right
        for right in _each(wanted, f"{databases.published}.{schema}", tables)
        if not any(right.covers(grant) for grant in found)
    )
    return [str(it) for it in (*extra, *missing)]


def _elsewhere(
    rights: Iterable[Right], databases: Databases, schema: str
) -> Iterator[Right]:
    """The same rights, those of the published marts as rights of another schema."""
    marts = f"{databases.published}.{MARTS}"
    for right in rights:
        is_theirs = right.name == marts
        yield (
            replace(right, name=f"{databases.published}.{schema}")
            if is_theirs
            else right
        )


def _owned(rights: Iterable[Right]) -> Iterator[Right]:
    return (right for right in rights if right.privilege == "OWNERSHIP")


def _each(
    rights: Iterable[Right], schema: str, tables: Sequence[str]
) -> Iterator[Right]:
    """The rights that must be found, one for each table where they are on all."""
    for right in rights:
        if right.kind in VISIBLE:
            yield right
        elif right.kind == TABLES and right.name == schema:
            for table in tables:
                yield replace(right, kind="table", name=f"{schema}.{table}")


def read(
    cursor: Cursor,
    rights: Sequence[Right],
    databases: Databases,
    schema: str,
    tables: Sequence[str],
) -> set[Grant]:
    """The grants in force on all that the matrix names, asked by role and by object.

    What its roles may do in other databases is not looked at, nor which users hold
    them. Raises GrantsError where anything cannot be read.
    """
    roles = [right.name for right in rights if right.kind == "role"]
    ours = {right.name for right in rights}
    found: set[Grant] = set()
    for statement in _questions(rights, roles, databases, schema, tables):
        found.update(_asked(cursor, statement))
    return {
        grant
        for grant in found
        if (grant.grantee_kind, grant.kind) != ("USER", "ROLE")
        and (
            _is_within(grant.name, ours)
            or (grant.grantee in roles and grant.kind in EVERYWHERE)
        )
    }


def _is_within(name: str, ours: Iterable[str]) -> bool:
    return any(name == it or name.startswith(f"{it}.") for it in ours)


def _questions(
    rights: Sequence[Right],
    roles: Sequence[str],
    databases: Databases,
    schema: str,
    tables: Sequence[str],
) -> Iterator[str]:
    """Every SHOW that it takes; future grants only where the asking role is owner."""
    for role in (*roles, PUBLIC):
        yield f"show grants to role {role}"
    for role in roles:
        yield f"show grants of role {role}"
    judged = f"{databases.published}.{schema}"
    containers = dict.fromkeys(
        (right.kind, right.name)
        for right in _elsewhere(rights, databases, schema)
        if right.kind in VISIBLE
    )
    for kind, name in containers:
        yield f"show grants on {kind} {name}"
    for table in tables:
        yield f'show grants on table {judged}."{table}"'
    owner = _owner(rights, databases)
    for right in _elsewhere(rights, databases, schema):
        is_its_own = (right.role, right.privilege) == (owner, "OWNERSHIP")
        if is_its_own and right.kind in VISIBLE:
            yield f"show future grants in {right.kind} {right.name}"


def _owner(rights: Iterable[Right], databases: Databases) -> str:
    """The role that publishes: the one that owns the published database."""
    for right in rights:
        if (right.privilege, right.name) == ("OWNERSHIP", databases.published):
            return right.role
    raise GrantsError(
        "snowflake_privileges in dbt_project.yml gives nobody the ownership of the "
        "published database"
    )


def _asked(cursor: Cursor, statement: str) -> Iterator[Grant]:
    try:
        cursor.execute(statement)
        columns = [column[0].lower() for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        yield from [_grant(row) for row in rows]
    except Exception as problem:  # whatever it is, the answer is not known
        raise GrantsError(
            f"the grants in force cannot be read: {statement}: {problem}"
        ) from problem


def _grant(row: Mapping[str, Any]) -> Grant:
    """A row of SHOW GRANTS ON or TO, of SHOW GRANTS OF, or of SHOW FUTURE GRANTS.

    Each has columns of its own. Raises KeyError for any other shape.
    """
    if "role" in row:
        return Grant(
            grantee=row["grantee_name"],
            privilege="USAGE",
            kind="ROLE",
            name=row["role"],
            grantee_kind=row["granted_to"],
        )
    is_future = "grant_on" in row
    kind = row["grant_on"] if is_future else row["granted_on"]
    return Grant(
        grantee=row["grantee_name"],
        privilege=row["privilege"],
        kind=kind.replace("_", " "),
        name=row["name"].partition(".<")[0].replace('"', ""),
        grantee_kind=row["grant_to"] if is_future else row["granted_to"],
        is_future=is_future,
        can_be_passed_on=row["privilege"] != "OWNERSHIP"
        and str(row.get("grant_option", "false")).lower() == "true",
    )


def check(
    cursor: Cursor,
    rights: Sequence[Right],
    databases: Databases,
    schema: str,
    tables: Sequence[str],
) -> None:
    """Raises GrantsError unless the grants in force are those declared."""
    grants = read(cursor, rights, databases, schema, tables)
    wrong = faults(rights, grants, databases, schema, tables)
    if not wrong:
        return
    shown = wrong[:SHOWN_LINES]
    if len(wrong) > SHOWN_LINES:
        shown.append(f"... and {len(wrong) - SHOWN_LINES:,} more")
    raise GrantsError(
        f"the grants in force around {databases.published}.{schema} are not those of "
        "snowflake_privileges in dbt_project.yml:\n  " + "\n  ".join(shown) + "\n"
        "revoke what is too much; run what `make snowflake-setup` prints for what lacks"
    )
