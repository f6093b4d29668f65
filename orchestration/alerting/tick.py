"""One round: write down what was found, send what is due, show that this works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration import engines, project
from orchestration.alerting import webhook
from orchestration.alerting.findings import Evidence, of_marts, of_no_run, of_run
from orchestration.alerting.ledger import Answer, Ledger
from orchestration.alerting.messages import rendered

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun


@dataclass(frozen=True)
class Outcome:
    """Messages made, sent and still waiting in a round, and what was wrong."""

    made: int = 0
    sent: int = 0
    waiting: int = 0
    problem: str | None = None


def tell_of_refresh(instance: DagsterInstance, run: DagsterRun) -> Outcome:
    """After a run came through: what it and the marts found, then the heartbeat.

    No heartbeat is sent while a message waits: a watcher must notice an alerter that
    reaches nobody.
    """
    outcome = _round(of_run(instance, run, is_whole=True), are_marts_new=True)
    url = project.heartbeat_url()
    if url and not outcome.problem and not outcome.waiting:
        problem = webhook.beat(url)
        if problem:
            return Outcome(outcome.made, outcome.sent, 0, f"the heartbeat: {problem}")
    return outcome


def tell_of_failure(instance: DagsterInstance, run: DagsterRun) -> Outcome:
    """After a run failed or was killed: what it found; there is no heartbeat."""
    return _round(of_run(instance, run, is_whole=False), are_marts_new=False)


def tell_of_no_run(job: str, said: str) -> Outcome:
    """After a run could not even begin."""
    return _round(of_no_run(job, said), are_marts_new=False)


def _round(evidence: Evidence, *, are_marts_new: bool) -> Outcome:
    url = project.alert_webhook()
    if url is None:
        return Outcome()
    ledger = Ledger(project.alert_ledger())
    made = ledger.note_run(evidence)
    if are_marts_new:
        with engines.reading() as ask:
            made += ledger.note_marts(of_marts(ask))
    return send_what_is_due(ledger, url, made)


def send_what_is_due(ledger: Ledger, url: str, made: int = 0) -> Outcome:
    """Sends the messages of a ledger that are due."""
    form = project.alert_format()

    def send(message: dict[str, Any]) -> tuple[Answer, str]:
        return webhook.post(url, message["id"], rendered(message, form))

    done = ledger.deliver(send)
    return Outcome(made, done.sent, done.waiting, done.problem)
