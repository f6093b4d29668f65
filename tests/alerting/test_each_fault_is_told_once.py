"""Thirty kinds of fault, ten times each, with kills between: each is told once.

A killed sender is a process that ends itself, at any step of a round: before and after
each commit, before and after each message. Only where it dies between the receiver's
taking a message and its own noting so may a message come twice: then with the same id,
and saying so.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.alerting import Ledger, webhook
from orchestration.alerting.findings import Evidence, Finding
from orchestration.alerting.ledger import Answer, Delivered
from tests.alerting.faults import Fault, evidence, kinds, marts, row
from tests.alerting.receiver import Receiver

TIMES = 10
SEED = int(os.environ.get("ACSR_SEED", "1"))
KILLS = int(os.environ.get("ACSR_ALERT_KILLS", "60"))
TICK = timedelta(minutes=15)
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Dying(Ledger):
    """A ledger whose process ends at the `left`-th step."""

    left = -1

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        self.step()
        with super()._writing() as rows:
            yield rows
            self.step()
        self.step()


class Alerter:
    """Rounds of the alerter on a ledger, one tick apart; some die."""

    def __init__(self, path: Path, receiver: Receiver) -> None:
        self.path = path
        self.receiver = receiver
        self.now = START
        self.kills = self.lost = 0

    def turn(
        self, rows: list[Finding], run: Evidence, dies_at: int = -1
    ) -> Delivered | None:
        """A round; none where it died."""
        self.now += TICK
        ledger = Dying(self.path, self.now)
        if dies_at < 0:
            return self._round(ledger, rows, run, lambda: None)
        child = os.fork()
        if child == 0:
            ledger.left = dies_at
            try:
                self._round(ledger, rows, run, ledger.step)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.kills += 1
            return None
        return Delivered(0, 0, None)

    def _round(
        self,
        ledger: Ledger,
        rows: list[Finding],
        run: Evidence,
        step: Callable[[], None],
    ) -> Delivered:
        def send(message: dict[str, Any]) -> tuple[Answer, str]:
            step()
            answer = webhook.post(self.receiver.webhook, message["id"], message)
            step()
            return answer

        ledger.note_run(run)
        ledger.note_marts(rows)
        return ledger.deliver(send)


def test_thirty_kinds_ten_times_each_with_kills_between(
    receiver: Receiver, tmp_path: Path
) -> None:
    faults = kinds()
    assert len(faults) >= 30
    chance = random.Random(SEED)
    alerter = Alerter(tmp_path / "alerts.sqlite", receiver)
    listed: list[dict[str, Any]] = []
    for instance in range(TIMES):
        for fault in chance.sample(faults, len(faults)):
            _happen(alerter, fault, instance, listed, chance)
    done = alerter.turn(marts(listed), evidence([]))

    assert done is not None
    assert (done.waiting, done.problem) == (0, None)
    told = _told(receiver)
    expected = {fault.name: TIMES for fault in faults}
    print(
        f"seed {SEED}: {len(faults)} kinds x {TIMES}, {alerter.kills} kills, "
        f"{len(receiver.posts)} posts, {len(told)} messages"
    )
    assert Counter(_kind(it) for it in told.values() if it["state"] == "open") == (
        expected
    )
    assert alerter.kills >= KILLS * 0.5
    # a second copy is only of a message whose sender died before it could note it
    copies = Counter(message_id for message_id, _ in receiver.posts)
    repeated = {it["id"] for it in receiver.bodies if it["may_be_repeated"]}
    assert {message_id for message_id, n in copies.items() if n > 1} <= repeated


def _happen(
    alerter: Alerter,
    fault: Fault,
    instance: int,
    listed: list[dict[str, Any]],
    chance: random.Random,
) -> None:
    """A fault comes, stays for two ticks, and goes; one round of some dies."""
    stale = fault.name == "stale_feed"
    if fault.is_row:
        listed.append(row(fault.name, instance))
    run = evidence([] if fault.is_row else [fault.name])
    rounds = len(kinds()) * TIMES
    dies_at = chance.randrange(1, 14) if chance.random() < KILLS / rounds else -1
    alerter.turn(marts(listed), run, dies_at)
    alerter.turn(marts(listed), run)
    if stale:
        listed.pop()
    alerter.turn(marts(listed), evidence([]))


def _told(receiver: Receiver) -> dict[str, dict[str, Any]]:
    """Messages as a receiver keeps them that knows ids."""
    return dict(receiver.posts)


def _kind(message: dict[str, Any]) -> str:
    """Which kind of fault a message tells of."""
    assert message["count"] == 1, message
    key = message["findings"][0]["key"]
    rows = {
        row(fault.name, instance)["alert_key"]: fault.name
        for fault in kinds()
        if fault.is_row
        for instance in range(TIMES)
    }
    if key in rows:
        return rows[key]
    name = key.split()[-1]
    return "killed run" if key.startswith("run ") else _spelled(name)


def _spelled(name: str) -> str:
    names = {fault.name.replace(" ", "_"): fault.name for fault in kinds()}
    return names[name]


def test_a_thousand_quiet_cycles_tell_nothing(
    receiver: Receiver, tmp_path: Path
) -> None:
    alerter = Alerter(tmp_path / "alerts.sqlite", receiver)
    standing = [row(fault.name, 1) for fault in kinds() if fault.is_row]
    broken = evidence(["every_record_is_clean", "generic test"])
    alerter.turn(marts(standing), broken)
    before = len(receiver.posts)
    assert before > 0
    rows = marts(standing)
    for _ in range(1_000):
        done = alerter.turn(rows, broken)
        assert (done.sent, done.waiting) == (0, 0)
    assert len(receiver.posts) == before
