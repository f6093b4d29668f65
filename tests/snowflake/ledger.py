"""Who may do what, as told by the statements that a server has run.

fakesnow knows neither roles nor grants. The ledger keeps what Snowflake would: roles,
who holds them, privileges on objects, future grants, masking policies and tags. It
answers SHOW; it guards nothing, so every role can still read and write everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

NAME = r'(?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+)){0,2}'
BUILT_IN_ROLES = ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC")
# how many names an object of a kind is known by
PARTS = {"TABLE": 3, "VIEW": 3, "SCHEMA": 2, "STAGE": 3, "FILE FORMAT": 3}
PARTS |= {"MASKING POLICY": 3, "TAG": 3, "SEQUENCE": 3}
RELATIONS = ("TABLE", "VIEW")


class RefusedError(Exception):
    """A statement that Snowflake would refuse too."""


class Grant(NamedTuple):
    """One privilege on one object, or of a role on a role (`USAGE` on `ROLE`)."""

    privilege: str
    granted_on: str
    name: str
    granted_to: str  # ROLE or USER
    grantee: str


class FutureGrant(NamedTuple):
    """A privilege that every later object of a kind in a schema or database gets."""

    privilege: str
    grant_on: str
    container: str
    grantee: str


@dataclass
class Scope:
    """What a session adds to a name that is not spelled out, and its role."""

    database: str | None
    schema: str | None
    role: str
    # (kind, name of schema or database) -> the names of its objects
    objects: Callable[[str, str], Iterable[str]]
    exists: Callable[[str, str], bool]

    def qualified(self, kind: str, name: str) -> str:
        """A name in full, upper case unless it was quoted."""
        parts = [
            part[1:-1] if part.startswith('"') else part.upper()
            for part in re.findall(r'"[^"]+"|[\w$]+', name)
        ]
        missing = max(0, PARTS.get(kind, 1) - len(parts))
        around = [self.database or "", self.schema or ""]
        return ".".join([*around[:missing], *parts])


@dataclass
class Ledger:
    """Everything that the statements so far have said about rights."""

    roles: set[str] = field(default_factory=lambda: set(BUILT_IN_ROLES))
    grants: set[Grant] = field(default_factory=set)
    future: set[FutureGrant] = field(default_factory=set)
    policies: dict[str, str] = field(default_factory=dict)
    # (table, column) -> policy; (kind, object) -> tag = value
    masked: dict[tuple[str, str], str] = field(default_factory=dict)
    tagged: dict[tuple[str, str], str] = field(default_factory=dict)
    by_tag: set[tuple[str, str]] = field(default_factory=set)  # (tag, policy)

    # -- what fakesnow cannot run at all ------------------------------------------

    def answer(self, statement: str, scope: Scope) -> Rows | None:
        """The rows that a statement about rights gives; None if it is about none.

        Raises RefusedError where Snowflake would refuse.
        """
        for pattern, method in _ANSWERED:
            if match := pattern.match(statement):
                rows = getattr(self, method)(match, scope)
                return SUCCESS if rows is None else rows
        return None

    def _create_role(self, match: re.Match[str], scope: Scope) -> None:
        self.roles.add(scope.qualified("ROLE", match["name"]))

    def _drop_role(self, match: re.Match[str], scope: Scope) -> None:
        role = scope.qualified("ROLE", match["name"])
        self.roles.discard(role)
        self.grants = {
            grant
            for grant in self.grants
            if grant.grantee != role
            and (grant.granted_on, grant.name) != ("ROLE", role)
        }
        self.future = {grant for grant in self.future if grant.grantee != role}

    def _accepted(self, match: re.Match[str], scope: Scope) -> None:
        """Users and warehouses are not modelled."""

    def _grant_role(self, match: re.Match[str], scope: Scope) -> None:
        given = Grant(
            "USAGE",
            "ROLE",
            self._known_role(match["role"], scope),
            match["to"].upper(),
            self._grantee(match["to"], match["name"], scope),
        )
        if match["verb"].upper() == "GRANT":
            self.grants.add(given)
        else:
            self.grants.discard(given)

    def _grant(self, match: re.Match[str], scope: Scope) -> None:
        privileges = [
            re.sub(r"\s+", " ", privilege.strip()).upper()
            for privilege in match["privileges"].split(",")
        ]
        if privileges[0].startswith("ALL"):
            raise RefusedError("the test server wants each privilege named")
        role = self._known_role(match["name"], scope)
        giving = match["verb"].upper() == "GRANT"
        for privilege in privileges:
            self._apply(privilege, match["securable"], role, giving, scope)

    def _apply(
        self, privilege: str, securable: str, role: str, giving: bool, scope: Scope
    ) -> None:
        many = _MANY.fullmatch(securable)
        if many and many["which"].upper() == "FUTURE":
            kind = _singular(many["kind"])
            container = scope.qualified(many["in"].upper(), many["name"])
            future = FutureGrant(privilege, kind, container, role)
            (self.future.add if giving else self.future.discard)(future)
            return
        for kind, name in _named(securable, many, scope):
            if privilege == "OWNERSHIP":
                self._owned(kind, name, role)
            elif giving:
                self.grants.add(Grant(privilege, kind, name, "ROLE", role))
            else:
                self.grants.discard(Grant(privilege, kind, name, "ROLE", role))

    def _show_to(self, match: re.Match[str], scope: Scope) -> Rows:
        grantee = scope.qualified("ROLE", match["name"])
        to = match["to"].upper()
        return _grant_rows(
            grant
            for grant in self.grants
            if (grant.granted_to, grant.grantee) == (to, grantee)
        )

    def _show_of(self, match: re.Match[str], scope: Scope) -> Rows:
        role = scope.qualified("ROLE", match["name"])
        return Rows(
            ("role", "granted_to", "grantee_name"),
            sorted(
                (role, grant.granted_to, grant.grantee)
                for grant in self.grants
                if (grant.granted_on, grant.name) == ("ROLE", role)
            ),
        )

    def _show_on(self, match: re.Match[str], scope: Scope) -> Rows:
        kind = re.sub(r"\s+", " ", match["kind"] or "TABLE").upper()
        name = scope.qualified(kind, match["name"])
        _require(kind, name, scope)
        kinds = RELATIONS if kind in RELATIONS else (kind,)
        return _grant_rows(
            grant
            for grant in self.grants
            if grant.granted_on in kinds and grant.name == name
        )

    def _show_future(self, match: re.Match[str], scope: Scope) -> Rows:
        by, name = match["by"].upper(), match["name"]
        wanted = scope.qualified("ROLE" if by == "ROLE" else by, name)
        return Rows(
            ("privilege", "grant_on", "name", "grant_to", "grantee_name"),
            sorted(
                (
                    grant.privilege,
                    grant.grant_on,
                    f"{grant.container}.<{grant.grant_on}>",
                    "ROLE",
                    grant.grantee,
                )
                for grant in self.future
                if wanted == (grant.grantee if by == "ROLE" else grant.container)
            ),
        )

    def _show_roles(self, match: re.Match[str], scope: Scope) -> Rows:
        return Rows(("name",), sorted((role,) for role in self.roles))

    def _create_policy(self, match: re.Match[str], scope: Scope) -> None:
        name = scope.qualified("MASKING POLICY", match["name"])
        taken = name in self.policies
        if taken and not (match["replace"] or match["unless"]):
            raise RefusedError(f"SQL compilation error: object {name} already exists.")
        if not (taken and match["unless"]):
            self.policies[name] = match["body"].strip()

    def _alter_policy(self, match: re.Match[str], scope: Scope) -> None:
        name = scope.qualified("MASKING POLICY", match["name"])
        if name not in self.policies:
            raise RefusedError(
                f"Masking policy {name} does not exist or not authorized."
            )
        self.policies[name] = match["body"].strip()

    def _mask_by_tag(self, match: re.Match[str], scope: Scope) -> None:
        tag = scope.qualified("TAG", match["name"])
        for name in re.findall(rf"(?i)masking\s+policy\s+({NAME})", match["policies"]):
            policy = scope.qualified("MASKING POLICY", name)
            if policy not in self.policies:
                raise RefusedError(
                    f"Masking policy {policy} does not exist or not authorized."
                )
            self.by_tag.add((tag, policy))

    def _get_tags(self, match: re.Match[str], scope: Scope) -> Rows:
        """SYSTEM$GET_TAG of columns, as many as the query asks for."""
        asked = re.findall(
            r"(?i)system\$get_tag\('([^']+)',\s*'([^']+)',\s*'column'\)", match.string
        )
        values = []
        for tag, address in asked:
            given = self.tagged.get(("COLUMN", address.upper()), "")
            said = re.match(rf"(?i){re.escape(tag)}\s*=\s*'([^']*)'", given)
            values.append(said[1] if said else None)
        return Rows(tuple(f"c{n}" for n in range(len(asked))), [tuple(values)])

    def _drop_policy(self, match: re.Match[str], scope: Scope) -> None:
        name = scope.qualified("MASKING POLICY", match["name"])
        if name in self.masked.values():
            raise RefusedError(f"Policy {name} is set on a column.")
        self.policies.pop(name, None)

    def _mask(self, match: re.Match[str], scope: Scope) -> None:
        table = scope.qualified("TABLE", match["name"])
        column = scope.qualified("COLUMN", match["column"])
        _require("TABLE", table, scope)
        if match["policy"] is None:
            self.masked.pop((table, column), None)
            return
        policy = scope.qualified("MASKING POLICY", match["policy"])
        if policy not in self.policies:
            raise RefusedError(f"Masking policy {policy} does not exist.")
        if (table, column) in self.masked and not match["force"]:
            raise RefusedError(f"Column {column} already has a masking policy.")
        self.masked[table, column] = policy

    def _tag(self, match: re.Match[str], scope: Scope) -> None:
        kind = match["kind"].upper()
        name = scope.qualified(kind, match["name"])
        if match["column"]:
            name += "." + scope.qualified("COLUMN", match["column"])
            kind = "COLUMN"
        self.tagged[kind, name] = match["tags"].strip()

    def _show_policies(self, match: re.Match[str], scope: Scope) -> Rows:
        return Rows(
            ("name", "body"),
            sorted((name, body) for name, body in self.policies.items()),
        )

    def _policy_references(self, match: re.Match[str], scope: Scope) -> Rows:
        return Rows(
            ("POLICY_NAME", "REF_ENTITY_NAME", "REF_COLUMN_NAME"),
            sorted((policy, *where) for where, policy in self.masked.items()),
        )

    # -- what fakesnow has run -----------------------------------------------------

    def observe(self, statement: str, scope: Scope) -> None:
        """Follows a statement that succeeded: what it made, dropped or renamed."""
        if match := _CREATED.match(statement):
            kind = re.sub(r"\s+", " ", match["kind"]).upper()
            name = scope.qualified(kind, match["name"])
            known = any((it.granted_on, it.name) == (kind, name) for it in self.grants)
            if match["replace"] or not known:
                self._created(kind, name, scope.role)
            if kind == "TABLE" and (source := _CLONED.search(statement)):
                origin = scope.qualified("TABLE", source["name"])
                self._cloned(origin, name, with_grants=bool(source["grants"]))
        elif match := _DROPPED.match(statement):
            kind = match["kind"].upper()
            self._forget(kind, scope.qualified(kind, match["name"]))

    def _created(self, kind: str, name: str, role: str) -> None:
        self._forget(kind, name)
        self._owned(kind, name, role)
        containers = {name.rsplit(".", 1)[0], name.split(".", 1)[0]}
        for future in self.future:
            if future.grant_on != kind or future.container not in containers:
                continue
            if future.privilege == "OWNERSHIP":
                self._owned(kind, name, future.grantee)
            else:
                self.grants.add(
                    Grant(future.privilege, kind, name, "ROLE", future.grantee)
                )

    def _cloned(self, origin: str, name: str, *, with_grants: bool) -> None:
        """A clone has the tags of its origin, and its grants if they are asked for."""
        self.tagged |= {
            (kind, name + where[len(origin) :]): tags
            for (kind, where), tags in self.tagged.items()
            if kind == "COLUMN" and where.startswith(f"{origin}.")
        }
        if with_grants:
            self.grants |= {
                grant._replace(name=name)
                for grant in self.grants
                if (grant.granted_on, grant.name) == ("TABLE", origin)
                and grant.privilege != "OWNERSHIP"
            }

    def _forget(self, kind: str, name: str) -> None:
        """A dropped object takes its grants with it, and those of all that it held."""
        within = f"{name}."
        self.grants = {
            grant
            for grant in self.grants
            if (grant.granted_on, grant.name) != (kind, name)
            and not (kind in ("SCHEMA", "DATABASE") and grant.name.startswith(within))
        }
        self.tagged = {
            (tagged, where): tags
            for (tagged, where), tags in self.tagged.items()
            if where != name and not where.startswith(within)
        }
        if kind in RELATIONS:
            self.masked = {
                where: policy
                for where, policy in self.masked.items()
                if where[0] != name
            }

    def _owned(self, kind: str, name: str, role: str) -> None:
        self.grants = {
            grant
            for grant in self.grants
            if (grant.privilege, grant.granted_on, grant.name)
            != ("OWNERSHIP", kind, name)
        }
        self.grants.add(Grant("OWNERSHIP", kind, name, "ROLE", role))

    def swap(self, first: str, second: str) -> None:
        """Grants belong to objects, not to names: they change places with them."""

        def renamed(name: str) -> str:
            for here, there in ((first, second), (second, first)):
                if name == here or name.startswith(f"{here}."):
                    return there + name[len(here) :]
            return name

        self.grants = {
            grant._replace(name=renamed(grant.name)) for grant in self.grants
        }
        self.masked = {
            (renamed(table), column): policy
            for (table, column), policy in self.masked.items()
        }
        self.tagged = {
            (kind, renamed(where)): tags for (kind, where), tags in self.tagged.items()
        }

    # -- names ----------------------------------------------------------------------

    def _known_role(self, name: str, scope: Scope) -> str:
        role = scope.qualified("ROLE", name)
        if role not in self.roles:
            raise RefusedError(f"Role '{role}' does not exist or not authorized.")
        return role

    def _grantee(self, to: str, name: str, scope: Scope) -> str:
        if to.upper() == "USER":
            return scope.qualified("USER", name)
        return self._known_role(name, scope)


class Rows(NamedTuple):
    """A small result: column names, lower case as SHOW gives them, and texts."""

    columns: tuple[str, ...]
    rows: list[tuple[str | None, ...]]

    def as_sql(self) -> str:
        """A query that gives these rows, in Snowflake's SQL."""
        if not self.rows:
            listed = ", ".join(f'null::varchar as "{name}"' for name in self.columns)
            return f"select {listed} where false"
        return " union all ".join(
            "select "
            + ", ".join(
                f'{_literal(value)} as "{name}"'
                for name, value in zip(self.columns, row, strict=True)
            )
            for row in self.rows
        )


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


SUCCESS = Rows(("status",), [("Statement executed successfully.",)])


def _grant_rows(grants: Iterable[Grant]) -> Rows:
    columns = ("created_on", "privilege", "granted_on", "name", "granted_to")
    return Rows(
        (*columns, "grantee_name", "grant_option", "granted_by"),
        sorted(("", *grant, "false", "") for grant in grants),
    )


def _named(
    securable: str, many: re.Match[str] | None, scope: Scope
) -> Iterable[tuple[str, str]]:
    """The objects that a GRANT or REVOKE speaks of, each as (kind, full name)."""
    if many:
        kind = _singular(many["kind"])
        container = scope.qualified(many["in"].upper(), many["name"])
        _require(many["in"].upper(), container, scope)
        return [(kind, name) for name in scope.objects(kind, container)]
    if securable.strip().upper() == "ACCOUNT":
        return [("ACCOUNT", "ACCOUNT")]
    one = _ONE.fullmatch(securable)
    if not one:
        raise RefusedError(
            f"the test server cannot read what this is granted on: {securable}"
        )
    kind = re.sub(r"\s+", " ", one["kind"] or "table").upper()
    name = scope.qualified(kind, one["name"])
    _require(kind, name, scope)
    return [(kind, name)]


def _require(kind: str, name: str, scope: Scope) -> None:
    if kind in (*RELATIONS, "SCHEMA", "DATABASE") and not scope.exists(kind, name):
        raise RefusedError(f"{kind} '{name}' does not exist or not authorized.")


def _singular(kinds: str) -> str:
    return re.sub(r"\s+", " ", kinds.strip().upper()).removesuffix("S")


def _pattern(text: str) -> re.Pattern[str]:
    spaced = text.replace("NAME", NAME).replace(" ", r"\s+").replace("_?", r"\s*")
    return re.compile(spaced, re.IGNORECASE | re.DOTALL)


_IF = r"(?:if (?:not )?exists )?"
_MANY = _pattern(
    r"(?P<which>all|future) (?P<kind>[\w\s]+?) in (?P<in>\w+) (?P<name>NAME)"
)
_ONE = _pattern(
    r"(?:(?P<kind>\w+(?: (?:format|policy|integration|monitor))?) )?(?P<name>NAME)"
)
_CREATED = _pattern(
    r"create (?P<replace>or replace )?"
    r"(?:(?:local|global|transient|temp|temporary|secure|recursive) )*"
    rf"(?P<kind>table|view|schema|database|stage|file format) {_IF}(?P<name>NAME)"
)
_CLONED = _pattern(r"\bclone (?P<name>NAME)(?P<grants> copy grants)?")
_DROPPED = _pattern(rf"drop (?P<kind>table|view|schema|database) {_IF}(?P<name>NAME)")
_ANSWERED = tuple(
    (_pattern(text), method)
    for text, method in (
        (rf"create (?:or replace )?role {_IF}(?P<name>NAME)", "_create_role"),
        (rf"drop role {_IF}(?P<name>NAME)", "_drop_role"),
        (r"(?:create|alter|drop) (?:or replace )?(?:user|warehouse)\b", "_accepted"),
        (
            r"(?P<verb>grant|revoke) role (?P<role>NAME) "
            r"(?:to|from) (?P<to>role|user) (?P<name>NAME)",
            "_grant_role",
        ),
        (
            r"(?P<verb>grant|revoke) (?P<privileges>.+?) on (?P<securable>.+?) "
            r"(?:to|from) (?:role )?(?P<name>(?!(?:role|user|share|database) )NAME)",
            "_grant",
        ),
        (r"show grants to (?P<to>role|user) (?P<name>NAME)", "_show_to"),
        (r"show grants of role (?P<name>NAME)", "_show_of"),
        (
            r"show grants on (?:(?P<kind>\w+(?: format| policy)?) )?(?P<name>NAME)",
            "_show_on",
        ),
        (
            r"show future grants (?:in (?=schema|database)|to (?=role))"
            r"(?P<by>schema|database|role) (?P<name>NAME)",
            "_show_future",
        ),
        (r"show roles\b", "_show_roles"),
        (
            r"create (?P<replace>or replace )?masking policy "
            r"(?P<unless>if not exists )?(?P<name>NAME) as (?P<body>.+)",
            "_create_policy",
        ),
        (rf"drop masking policy {_IF}(?P<name>NAME)", "_drop_policy"),
        (
            rf"alter (?:table|view) {_IF}(?P<name>NAME) (?:modify|alter) column "
            r"(?P<column>NAME) (?:unset|set) masking policy"
            r"(?: (?P<policy>NAME)(?: using_?\([^)]*\))?(?P<force> force)?)?",
            "_mask",
        ),
        (
            rf"alter (?P<kind>table|view|schema|database|warehouse) {_IF}"
            r"(?P<name>NAME) (?:(?:modify|alter) column (?P<column>NAME) )?"
            r"set tag (?P<tags>.+)",
            "_tag",
        ),
        (
            r"alter masking policy (?P<name>NAME) set body_?->(?P<body>.+)",
            "_alter_policy",
        ),
        (
            r"alter tag (?P<name>NAME) set (?P<policies>masking policy .+)",
            "_mask_by_tag",
        ),
        (r"select system\$get_tag\b.+", "_get_tags"),
        (r"show masking policies\b", "_show_policies"),
        (
            r"select .+ from table_?\((?:NAME\.)?policy_references\b",
            "_policy_references",
        ),
    )
)
