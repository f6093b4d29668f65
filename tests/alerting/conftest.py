"""Fixtures of the tests of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerting.receiver import Receiver, receiving


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Receiver]:
    """A receiver that the environment names, and a home of the test's own."""
    with receiving() as found:
        monkeypatch.setenv("ACSR_ALERT_WEBHOOK", found.webhook)
        monkeypatch.setenv("ACSR_HEARTBEAT_URL", found.heartbeat)
        monkeypatch.setenv("ACSR_ALERT_FORMAT", "json")
        monkeypatch.setenv("ACSR_HOME", str(tmp_path / "home"))
        for name in ("ACSR_DAGSTER_URL", "ACSR_DASHBOARD_URL", "DBT_TARGET"):
            monkeypatch.delenv(name, raising=False)
        yield found
