"""Fixtures that every test folder shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what takes longest first: no process waits for another at the end."""
    items.sort(key=lambda item: "snowflake" not in item.path.parts)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; a test that needs it is skipped without."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data) is not beside this checkout")
    return SHARED_DATA
