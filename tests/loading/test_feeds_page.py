"""The page of feeds says of spans, helpdesks and audits what the code does."""

from __future__ import annotations

import ast
import re

from orchestration import project
from orchestration.loading.audits import VERDICTS
from orchestration.loading.fivetran import CUSTOMERS, TABLES
from orchestration.loading.otel import CUSTOMER_KEYS

PAGE = (project.ROOT / "docs" / "feeds.md").read_text(encoding="utf-8")
MACRO = (project.ROOT / "macros" / "otel_spans.sql").read_text(encoding="utf-8")


def test_the_table_of_attributes_is_the_one_in_force() -> None:
    stated = re.search(r"return\((\{.*?\n    \})\)", MACRO, re.DOTALL)
    assert stated is not None
    mapping = ast.literal_eval(stated.group(1))
    for meaning, (_, names) in mapping.items():
        listed = ", ".join(f"`{name}`" for name in names)
        assert f"| `{meaning}` | {listed} |" in PAGE, meaning


def test_the_customers_attributes_are_listed() -> None:
    assert all(f"`{key}`" in PAGE for key in CUSTOMER_KEYS)


def test_each_known_verdict_is_listed() -> None:
    rows = {
        verdict: words for words, verdict in re.findall(r"\| (.*) \| `(\w+)` \|", PAGE)
    }
    for verdict, words in VERDICTS.items():
        listed = re.split(r"[,;] ", rows[verdict].replace("-", "_"))
        missing = set(words) - {word.strip() for word in listed} - {"noncompliant"}
        assert not missing


def test_the_tables_of_helpdesks_are_those_that_are_read() -> None:
    rows = re.findall(r"\| (Zendesk|Intercom) `(\w+)` \|(.*)\|\n", PAGE)
    stated = {
        (helpdesk.lower(), table): [
            re.findall(r"`(\w+)`", it) for it in said.split("|")
        ]
        for helpdesk, table, said in rows
    }

    def listed(name: str | None) -> list[str]:
        return [name] if name else []

    assert stated == {
        (helpdesk, name): [
            list(table.identity),
            [table.moment],
            listed(table.ticket),
            [
                *listed(table.customer),
                *([table.customer_type, *CUSTOMERS] if table.customer_type else []),
            ],
        ]
        for helpdesk, tables in TABLES.items()
        for name, table in tables.items()
    }
