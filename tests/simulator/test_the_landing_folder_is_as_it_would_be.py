"""Files of a quarter of an hour, by arrival, with what goes wrong in life."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from orchestration import project
from orchestration.loading import load_all, read_settings
from simulator.landing import FEEDS
from tests.simulator.comparing import Month, Row, query
from tests.simulator.conftest import simulate_into
from tests.support import load_landing


def zulu_records(month: Month, feed: str) -> list[tuple[str, Row]]:
    """The records that spell their time in UTC, each with its file."""
    found = []
    for path in month.files(feed):
        for line in month.lines(path):
            if b'"timestamp":"' in line and b"faulty" not in line:
                record = json.loads(line)
                if record["timestamp"].endswith("Z"):
                    found.append((f"{path.parent.name}T{path.name[:4]}", record))
    return found


@pytest.mark.parametrize("feed", FEEDS)
def test_files_are_quarters_of_an_hour_that_are_not_empty(
    month: Month, feed: str
) -> None:
    for path in month.files(feed):
        assert re.fullmatch(r"2026-\d\d-\d\d", path.parent.name)
        assert re.fullmatch(r"([01]\d|2[0-3])(00|15|30|45)\.jsonl\.gz", path.name)
        assert month.lines(path)


def test_records_land_at_or_after_their_time_and_some_are_days_late(
    month: Month,
) -> None:
    delays = Counter[str]()
    for landed, record in zulu_records(month, "agent_events"):
        file_time = datetime.strptime(landed, "%Y-%m-%dT%H%M")
        happened = datetime.fromisoformat(record["timestamp"]).replace(tzinfo=None)
        hours = (file_time - happened).total_seconds() / 3_600
        assert hours > -0.26, record
        delays["days" if hours > 24 else "hours" if hours > 1 else "soon"] += 1
    assert delays["soon"] > 10 * delays["hours"] > 0
    assert delays["days"] > 0


def test_some_records_repeat_and_some_are_corrected(month: Month) -> None:
    lines = Counter[bytes]()
    versions: dict[bytes, set[bytes]] = {}
    for path in month.files("agent_events"):
        for line in month.lines(path):
            lines[line] += 1
            named = re.search(rb'"event_id":"?([^",]+)', line)
            if named:
                versions.setdefault(named.group(1), set()).add(line)
    assert any(count > 1 for count in lines.values())
    assert any(len(different) > 1 for different in versions.values())


def test_times_are_spelled_in_every_allowed_way(month: Month) -> None:
    spelled = Counter[str]()
    for path in month.files("agent_events"):
        for line in month.lines(path):
            found = re.search(rb'"timestamp":("?)([^",}]+)', line)
            if found:
                spelled[shape(found.group(2).decode())] += 1
    assert {"Z", "+02:00", "-05:30", "10", "13", "19"} <= set(spelled)


def shape(text: str) -> str:
    """How a timestamp is spelled: its zone, or its number of digits."""
    return str(len(text)) if text.isdigit() else text[19:].lstrip(".0123456789")


def test_customers_say_that_they_are_made_up(month: Month) -> None:
    for feed in ("agent_events", "ticket_events"):
        for _, record in zulu_records(month, feed):
            customer = record.get("customer_id")
            if isinstance(customer, str) and customer.strip():
                assert customer.startswith("sim-customer-") or customer.isdigit()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return simulate_into(
        tmp_path_factory.mktemp("few"), days=10, cases_per_day=20, seed=3
    )


@pytest.fixture(scope="module")
def few_loaded(few: Month, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("few_home")
    return load_landing(few.landing, few.manifest["as_of"], home)


def test_the_loader_counts_what_was_planned(few: Month, few_loaded: Path) -> None:
    found = query(
        few_loaded,
        """
        select
            feed,
            count(*) as files,
            cast(sum(records) as bigint) as records,
            cast(sum(loaded) as bigint) as loaded,
            cast(sum(replaced) as bigint) as replaced,
            cast(sum(duplicates) as bigint) as duplicates,
            cast(sum(rejected) as bigint) as rejected
        from raw.load_history
        group by feed
        """,
    )
    by_feed = {row["feed"]: row for row in found}
    assert by_feed == {row["feed"]: row for row in few.rows("loads")}


def test_the_loader_rejects_what_was_planned(few: Month, few_loaded: Path) -> None:
    found = query(
        few_loaded, "select feed, path, line_number, reason from raw.rejected_records"
    )
    order = sorted(found, key=str)
    assert order == sorted(few.rows("rejects"), key=str)


def test_a_second_load_finds_nothing_new(few: Month, few_loaded: Path) -> None:
    home = few_loaded.parent
    count = "select count(*) as files from raw.load_history"
    before = query(few_loaded, count)
    load_all(
        landing=few.landing,
        warehouse=few_loaded,
        settings=read_settings(project.ROOT / "dbt_project.yml", home, environ={}),
        load_id="load-again",
        now=datetime.fromisoformat(few.manifest["as_of"]),
    )
    assert query(few_loaded, count) == before
