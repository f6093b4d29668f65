"""Every adapter keeps its promises on the real files; what says nothing is counted."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from orchestration.adapter_check import Stated, adapters_of, counted, faults_of
from tests.real_data.landed import AS_OF
from tests.support import parsed

# Records that give no event: rows of the tables of helpdesks that tell of no act.
STATED = {
    "otel_spans": Stated(),
    "tau2_runs": Stated(),
    "zendesk": Stated(silent=170),
    "intercom": Stated(silent=117),
}


@pytest.mark.parametrize("feed", STATED)
def test_an_adapter_keeps_its_promises(
    feeds: duckdb.DuckDBPyConnection, feed: str
) -> None:
    (adapter,) = adapters_of(feed, parsed().writable_manifest().to_dict())
    now = datetime.fromisoformat(AS_OF)
    assert list(counted(feeds, feed, STATED[feed])) == []
    assert list(faults_of(feeds, adapter, now, STATED[feed])) == []
