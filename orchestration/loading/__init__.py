"""Loads landed files into the raw tables: validated, deduplicated, exactly once."""

from orchestration.loading.contracts import FEEDS
from orchestration.loading.landings import LandingError, open_landing, remembering
from orchestration.loading.load import (
    create_raw_tables,
    list_new_files,
    load_all,
    load_feed,
)
from orchestration.loading.report import FeedReport, FileReport, LoadReport, summary
from orchestration.loading.settings import LoadSettings, read_settings
from orchestration.loading.snowflake_store import SnowflakeStore, open_store
from orchestration.loading.warehouse import RawStore

__all__ = [
    "FEEDS",
    "FeedReport",
    "FileReport",
    "LandingError",
    "LoadReport",
    "LoadSettings",
    "RawStore",
    "SnowflakeStore",
    "create_raw_tables",
    "list_new_files",
    "load_all",
    "load_feed",
    "open_landing",
    "open_store",
    "read_settings",
    "remembering",
    "summary",
]
