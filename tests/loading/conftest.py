"""Fixtures of the loader's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loading.support import Landing


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """An empty landing root with an empty warehouse."""
    return Landing(tmp_path / "landing")
