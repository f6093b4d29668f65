from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from orchestration.lineage import tables, write_page

SQL = """
with landed as (select * from "w"."raw"."events"),
spoken as (
    select id, amount from landed
    union all
    select seeds.id, events.amount
    from "w"."seeds"."words" as seeds
    inner join landed as events on seeds.other = events.id
)
select id as case_id, sum(amount) * 2 as total, count(*) as n, 'x' as label,
    row_number() over (partition by id order by amount) as place
from spoken
group by all
"""


def node(kind: str, schema: str, name: str, code: str | None = None) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "schema": schema,
        "name": name,
        "description": f"One row per {name}.",
        "columns": {"id": {"description": "Who\n  it is."}},
        "compiled_code": code,
    }


def columns(*names: str) -> dict[str, Any]:
    return {"columns": {name: {"type": "VARCHAR"} for name in names}}


MANIFEST = {
    "nodes": {
        "model.p.cases": node("model", "marts", "cases", SQL),
        "model.p.broken": node("model", "marts", "broken", "select from where ("),
        "seed.p.words": node("seed", "seeds", "words"),
        "test.p.a_test": node("test", "tests", "a_test", "select 1"),
    },
    "sources": {"source.p.events": node("source", "raw", "events")},
}
CATALOG = {
    "nodes": {
        "model.p.cases": columns("case_id", "total", "n", "label", "place"),
        "model.p.broken": columns("id"),
        "seed.p.words": columns("id", "other"),
    },
    "sources": {"source.p.events": columns("id", "amount")},
}


def test_values_are_followed_through_ctes_unions_and_joins() -> None:
    found = tables(MANIFEST, CATALOG)
    cases = found["cases"]["columns"]
    assert {name: about["sources"] for name, about in cases.items()} == {
        "case_id": ["raw.events.id", "words.id"],
        "total": ["raw.events.amount"],
        "n": [],
        "label": [],
        "place": ["raw.events.amount", "raw.events.id", "words.id"],
    }
    assert found["words"]["columns"]["id"] == {
        "description": "Who it is.",
        "sources": [],
    }
    assert found["broken"]["columns"]["id"]["sources"] == []
    assert "a_test" not in found


def test_the_page_asks_nothing_of_any_other_place(tmp_path: Path) -> None:
    manifest = json.loads(json.dumps(MANIFEST))
    seed = manifest["nodes"]["seed.p.words"]
    seed["columns"]["id"]["description"] = "</script><script>alert(1)</script>"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "catalog.json").write_text(json.dumps(CATALOG))
    text = write_page(tmp_path).read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=", text)
    assert text.count("</script>") == 2
    held = re.search(r'application/json">(.*?)</script>', text, re.DOTALL)
    assert held
    assert json.loads(held[1])["cases"]["columns"]["total"]["sources"]
