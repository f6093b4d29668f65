"""Settings come from `dbt_project.yml`; the hash key from environment or home."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.loading import LoadSettings, read_settings

PROJECT = """
vars:
    keep_message_text: true
    feed_timezones: {tau2_runs: Europe/Madrid}
    default_ticket_system: desk
    ticket_systems: {zendesk: other}
"""


def test_settings_are_read_where_the_others_live(tmp_path: Path) -> None:
    project = tmp_path / "dbt_project.yml"
    project.write_text(PROJECT)
    settings = read_settings(project, tmp_path, {"ACSR_HASH_KEY": "k"})
    assert settings.keep_message_text
    assert settings.hash_key == b"k"
    assert settings.zone("tau2_runs").key == "Europe/Madrid"
    assert settings.zone("servicenow_incidents").key == "UTC"
    assert settings.ticket_system("zendesk") == "other"
    assert settings.ticket_system("intercom") == "desk"


def test_without_a_word_text_is_not_kept(tmp_path: Path) -> None:
    assert not read_settings(tmp_path / "none.yml", tmp_path, {}).keep_message_text


def test_a_hash_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = read_settings(tmp_path / "none.yml", home, {})
    again = read_settings(tmp_path / "none.yml", home, {"ACSR_HASH_KEY": ""})
    assert first.hash_key == again.hash_key
    assert len(first.hash_key) == 64
    assert (home / "hash_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["hash_key"]


@pytest.mark.parametrize(
    "text", ["keep_message_text: 'no'", "feed_timezones: UTC", "ticket_systems: desk"]
)
def test_a_setting_of_the_wrong_kind_is_named(tmp_path: Path, text: str) -> None:
    project = tmp_path / "dbt_project.yml"
    project.write_text(f"vars:\n    {text}\n")
    with pytest.raises(TypeError, match=text.split(":")[0]):
        read_settings(project, tmp_path, {})


def test_a_time_zone_that_does_not_exist_is_named() -> None:
    settings = LoadSettings(b"k", feed_timezones={"tau2_runs": "Mars/Olympus"})
    with pytest.raises(ValueError, match="Mars/Olympus"):
        settings.zone("tau2_runs")
