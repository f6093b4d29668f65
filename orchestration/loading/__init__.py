"""Loads landed files into the raw tables: validated, deduplicated, exactly once."""

from orchestration.loading.contracts import FEEDS
from orchestration.loading.load import (
    create_raw_tables,
    list_new_files,
    load_all,
    load_feed,
)
from orchestration.loading.report import FeedReport, FileReport, LoadReport, summary
from orchestration.loading.settings import LoadSettings, read_settings

__all__ = [
    "FEEDS",
    "FeedReport",
    "FileReport",
    "LoadReport",
    "LoadSettings",
    "create_raw_tables",
    "list_new_files",
    "load_all",
    "load_feed",
    "read_settings",
    "summary",
]
