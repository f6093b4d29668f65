"""A refresh on Snowflake, from landed files to what readers see, by one command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from orchestration import project
from tests.orchestration.tiny import Tiny, make_tiny
from tests.snowflake.account import set_up
from tests.snowflake.support import Server

DATABASE = "REFRESHING"
MARTS = f"{DATABASE}_PUBLISHED.MARTS"


@dataclass(frozen=True)
class Place:
    """A tiny project and an account for it."""

    tiny: Tiny
    server: Server

    def refresh(self) -> tuple[int, str]:
        done = self.tiny.run(
            *("-m", "orchestration", "refresh"),
            environ=self.server.environment(DATABASE),
        )
        return done.returncode, done.stdout + done.stderr

    def published(self) -> list[tuple[object, ...]]:
        return self.server.run(
            f"select session_id, events from {MARTS}.SESSIONS order by 1"
        )

    def publications(self) -> int:
        return self.server.run(f"select count(*) from {MARTS}.PUBLICATIONS")[0][0]


@pytest.fixture(scope="module")
def place(
    snowflake_server: Server,
    setup_script: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Place:
    """A tiny project with this project's matrix and private columns of its own."""
    set_up(snowflake_server, setup_script, DATABASE)
    tiny = make_tiny(tmp_path_factory.mktemp("snowflake") / "it's a place")
    ours = yaml.safe_load((project.ROOT / "dbt_project.yml").read_text())
    settings = yaml.safe_load((tiny.root / "dbt_project.yml").read_text())
    settings["vars"] = {
        "snowflake_privileges": ours["vars"]["snowflake_privileges"],
    }
    settings["models"]["tiny"] |= {
        name: ours["models"]["acsr_warehouse"]["marts"][name]
        for name in ("+grants", "+post-hook")
    }
    (tiny.root / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    macros = Path("macros/engine/snowflake_privileges.sql")
    (tiny.root / macros).parent.mkdir()
    (tiny.root / macros).write_text((project.ROOT / macros).read_text())
    sources = tiny.root / "models" / "sources.yml"
    declared = yaml.safe_load(sources.read_text())
    for table in declared["sources"][0]["tables"]:
        if table["name"] == "agent_events":
            private = {"config": {"meta": {"privacy": "pseudonym"}}}
            table["columns"] = [{"name": "customer_key", **private}]
    sources.write_text(yaml.safe_dump(declared))
    models = tiny.root / "models" / "models.yml"
    told = yaml.safe_load(models.read_text())
    told["models"][0]["columns"][0]["config"] = {"meta": {"privacy": "free_text"}}
    models.write_text(yaml.safe_dump(told))
    return Place(tiny, snowflake_server)


def test_what_landed_is_published_or_nothing_is(place: Place) -> None:
    place.tiny.land("one.jsonl", "first", "second", "second")

    code, said = place.refresh()

    assert code == 0, said
    assert f"Published {MARTS} on Snowflake" in said
    assert " 3 records " in said
    assert place.published() == [("first", 1), ("second", 2)]
    tag = f"{DATABASE}.GOVERNANCE.PRIVACY"
    asked = [
        f"system$get_tag('{tag}', '{column}', 'column')"
        for column in (
            f"{DATABASE}.RAW.AGENT_EVENTS.CUSTOMER_KEY",
            f"{MARTS}.SESSIONS.SESSION_ID",
        )
    ]
    found = place.server.run(f"select {', '.join(asked)}")
    assert found == [("pseudonym", "free_text")]
    assert not (place.tiny.home / "warehouse.duckdb").exists()

    # what is too much: nothing is published, and the check says what
    place.tiny.land("two.jsonl", "third")
    too_much = f"usage on schema {DATABASE}.RAW"
    place.server.run(f"grant {too_much} to role REPORTER")
    code, said = place.refresh()
    place.server.run(f"revoke {too_much} from role REPORTER")

    assert code == 1
    assert "FAILED: publication grants_are_as_declared: nothing was published" in said
    assert f"ROLE REPORTER has USAGE on SCHEMA {DATABASE}.RAW: not declared" in said
    assert place.publications() == 1
    assert place.published() == [("first", 1), ("second", 2)]
