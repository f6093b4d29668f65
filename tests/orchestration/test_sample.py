from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import project, sample
from orchestration.engines import DuckDbWarehouse
from orchestration.loading import create_raw_tables, load_feed
from orchestration.loading.settings import LoadSettings
from tests.orchestration.tiny import Tiny


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A landing root with one real file, and an empty home."""
    place = Tiny(tmp_path)
    monkeypatch.setenv("ACSR_LANDING", str(place.landing))
    monkeypatch.setenv("ACSR_HOME", str(place.home))
    place.land("one.jsonl", "first")
    return place


def warehouse() -> DuckDbWarehouse:
    """The warehouse of the home folder."""
    return DuckDbWarehouse(project.warehouse())


def load(place: Tiny) -> None:
    """What an asset does: it asks, then loads."""
    sample.refuse_a_mixture(warehouse())
    report = load_feed(
        "agent_events",
        place.landing,
        project.warehouse(),
        LoadSettings(hash_key=b"key"),
        "load-1",
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert report.loaded == 1


def say_made_up(place: Tiny) -> Path:
    note = place.landing / "_made_up_sample.txt"
    note.write_text("made up", encoding="utf-8")
    return note


def test_real_records_do_not_join_the_sample(place: Tiny) -> None:
    note = say_made_up(place)
    load(place)
    assert warehouse().is_sample()
    sample.refuse_a_mixture(warehouse())

    note.unlink()
    with pytest.raises(project.ProjectError, match="holds the made-up sample and"):
        sample.refuse_a_mixture(warehouse())


def test_the_sample_does_not_join_real_records(place: Tiny) -> None:
    load(place)
    assert not warehouse().is_sample()
    sample.refuse_a_mixture(warehouse())

    say_made_up(place)
    with pytest.raises(project.ProjectError, match="has records of its own"):
        sample.refuse_a_mixture(warehouse())
    assert not warehouse().is_sample()


def test_a_warehouse_without_a_record_takes_the_sample(place: Tiny) -> None:
    project.home().mkdir()
    with duckdb.connect(str(project.warehouse())) as connection:
        create_raw_tables(connection)
    say_made_up(place)
    load(place)
    assert warehouse().is_sample()


def test_only_finished_files_of_a_feed_have_landed(place: Tiny) -> None:
    assert sample.has_landed()
    landed = place.landing / "agent_events" / "one.jsonl"
    landed.rename(landed.with_name("one.jsonl.tmp"))
    assert not sample.has_landed()
    (place.landing / "notes.txt").write_text("about the feeds", encoding="utf-8")
    assert not sample.has_landed()


def test_the_sample_is_not_put_into_a_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_LANDING", tmp_path.as_uri())
    assert not sample.has_landed()
    with pytest.raises(project.ProjectError, match="not put into a bucket"):
        sample.make(1, 1, 1, datetime(2026, 2, 1, tzinfo=UTC))
    assert not sample.is_landed()


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ("s3://bucket/logs?region=eu-west-1&secret_key=hidden", "s3://bucket/logs"),
        ("s3://key:hidden@bucket/logs", "s3://bucket/logs"),
        (
            "abfss://box@account.dfs.core.windows.net/logs",
            "abfss://box@account.dfs.core.windows.net/logs",
        ),
    ],
)
def test_what_opens_a_bucket_is_not_shown(
    stated: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_LANDING", stated)
    assert project.landing() == stated
    assert project.shown_landing() == shown


def test_a_warehouse_that_only_dbt_has_opened_holds_no_records(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    assert not warehouse.has_records()
    duckdb.connect(str(warehouse.path)).close()
    assert warehouse.path.exists()
    assert not warehouse.has_records()


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_sample_whose_maker_was_killed_is_made_whole_or_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    """The note is written when the draft is whole, before anything is moved."""
    landing = tmp_path / "landing"
    monkeypatch.setenv("ACSR_LANDING", str(landing))
    for feed in ("agent_events", "ticket_events"):
        folder = landing / sample.DRAFT / feed
        folder.mkdir(parents=True)
        (folder / "a.jsonl").write_text("{}")
    if is_whole:
        (landing / sample.LANDING_NOTE).write_text(sample.NOTE)
    assert sample.has_landed() == is_whole
    landed = {path.parent.name for path in landing.glob("*_events/a.jsonl")}
    assert landed == ({"agent_events", "ticket_events"} if is_whole else set())
    assert (landing / sample.DRAFT).exists() != is_whole
