from __future__ import annotations

from types import SimpleNamespace

import duckdb
import pytest

from orchestration import alerting, project
from tests.alerting.faults import KILLED, events
from tests.alerting.receiver import SECRET, Receiver

RUN = SimpleNamespace(run_id="0123456789abcdef", job_name="refresh")


@pytest.fixture(autouse=True)
def published(receiver: Receiver) -> None:
    """Marts without alerts, published."""
    project.published().mkdir(parents=True)
    with duckdb.connect(str(project.current())) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_cases as select 1 as one")


def refresh(*faults: str) -> alerting.Outcome:
    return alerting.tell_of_refresh(events(list(faults)), RUN)


def test_the_heart_beats_after_each_good_refresh_and_no_other(
    receiver: Receiver,
) -> None:
    assert refresh() == alerting.Outcome()
    assert refresh("every_record_is_clean").sent == 1
    assert len(receiver.beats) == 2
    assert alerting.tell_of_failure(events([KILLED]), RUN).sent == 1
    assert len(receiver.beats) == 2


def test_it_stops_while_a_message_waits(receiver: Receiver) -> None:
    receiver.answers = [404]
    done = refresh("every_record_is_clean")
    assert (done.waiting, done.problem) == (1, "the receiver answered 404")
    assert receiver.beats == []


def test_a_heartbeat_that_fails_is_said_without_its_address(
    receiver: Receiver,
) -> None:
    receiver.answers = [500]
    done = refresh()
    assert done.problem == "the heartbeat: the receiver answered 500"
    assert SECRET not in done.problem


def test_without_an_address_nothing_is_sent_or_kept_for_later(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACSR_ALERT_WEBHOOK")
    assert refresh("every_record_is_clean") == alerting.Outcome()
    assert not project.alert_ledger().exists()
    assert len(receiver.beats) == 1
