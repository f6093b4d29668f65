from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration import cases, project
from orchestration.alerting import Ledger, webhook
from orchestration.alerting.findings import Evidence, Finding
from orchestration.alerting.messages import rendered
from tests.alerting.faults import evidence, marts, row
from tests.alerting.receiver import HANG_UP, SECRET, Receiver

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TICK = timedelta(minutes=15)
CONTROL = "control_limit escalation_rate"


class Sender:
    """The alerter's rounds, a tick apart, in the form that a test wants."""

    def __init__(self, path: Path, receiver: Receiver, form: str = "json") -> None:
        self.path, self.receiver, self.form, self.now = path, receiver, form, NOW

    def tell(self, rows: list[dict[str, Any]], run: Evidence | None = None) -> None:
        ledger = Ledger(self.path, self.now)
        ledger.note_run(run or evidence([]))
        ledger.note_marts(marts(rows))
        self.done = ledger.deliver(
            lambda it: webhook.post(
                self.receiver.webhook, it["id"], rendered(it, self.form)
            )
        )
        self.now += TICK

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.receiver.bodies]


@pytest.fixture
def sender(receiver: Receiver, tmp_path: Path) -> Sender:
    return Sender(tmp_path / "alerts.sqlite", receiver)


def test_one_cause_is_one_message_with_all_that_is_needed(sender: Sender) -> None:
    rows = [row(CONTROL, 1), row(CONTROL, 2), row("stale_feed", 1)]
    sender.tell(rows)

    message, feed = sorted(sender.receiver.bodies, key=lambda it: -it["count"])
    assert message["title"] == "Escalation rate: not as usual"
    assert message["owner"] == "The agent"
    assert message["what_to_do"] == "Read the escalation reasons of that day"
    assert message["count"] == 2
    finding = message["findings"][0]
    assert finding["subject"] == "intent intent_1, day of 2026-01-02"
    assert finding["value"] == "41.0%"
    assert finding["limit"] == ">= 50.0%"
    assert finding["n"] == 120
    assert finding["cases"] == f"make cases OF={rows[0]['alert_key'][:12]}"
    assert feed["findings"][0]["value"] == "0 hours"


def test_slack_gets_blocks_within_its_limits_and_no_mark_up_of_a_log(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACSR_DASHBOARD_URL", "https://boards.example")
    sender = Sender(tmp_path / "alerts.sqlite", receiver, "slack")
    loud = "<!channel> & <https://evil.example|click>" + "x" * 5_000
    sender.tell([row(CONTROL, it, segment=loud) for it in range(30)])

    (body,) = receiver.bodies
    assert body["text"] == "WARNING: Escalation rate: not as usual (30)"
    assert len(body["blocks"]) <= 50
    texts = [it["text"]["text"] for it in body["blocks"] if "text" in it]
    assert max(map(len, texts)) <= 3_000
    assert len(texts[0]) <= 150
    assert not any("<!channel>" in it or "<https://evil" in it for it in texts)
    assert "&lt;!channel&gt; &amp;" in texts[2]
    notes = body["blocks"][-1]["elements"][0]["text"]
    assert "and 20 more" in notes
    assert "<https://boards.example|dashboard>" in notes


def test_what_gets_worse_is_told_again_and_what_gets_better_is_not(
    sender: Sender,
) -> None:
    for severity in ("warning", "critical", "warning", "critical"):
        sender.tell([row(CONTROL, 1, severity=severity)])
    assert [it["severity"] for it in sender.receiver.bodies] == ["warning", "critical"]


def test_what_comes_back_is_told_again_and_its_end_too(sender: Sender) -> None:
    for names in (["generic test"], ["generic test"], [], [], ["generic test"]):
        sender.tell([], evidence(names))
    assert sender.titles == [
        "Generic test failed: generic_test",
        "Over: Generic test failed: generic_test",
        "Generic test failed: generic_test",
    ]


def test_the_end_of_a_rejection_is_no_news(sender: Sender) -> None:
    for names in (["every_record_is_clean"], [], ["every_record_is_clean"]):
        sender.tell([], evidence(names))
    assert len(sender.titles) == 2
    assert not any(it.startswith("Over") for it in sender.titles)


def test_a_judged_day_is_told_once_even_if_it_drops_off_the_list(
    sender: Sender,
) -> None:
    for rows in ([row(CONTROL, 1)], [], [row(CONTROL, 1)]):
        sender.tell(rows)
    assert len(sender.titles) == 1


def test_a_fault_of_the_night_is_not_over_by_day(sender: Sender) -> None:
    sender.tell([], evidence(["unit test"], job="nightly"))
    sender.tell([], evidence([], job="refresh"))
    assert len(sender.titles) == 1
    sender.tell([], evidence([], job="nightly"))
    assert sender.titles[1:] == ["Over: Unit test failed: unit_test"]


def test_the_night_ends_what_a_refresh_found(sender: Sender) -> None:
    sender.tell([], evidence(["model"], job="refresh"))
    sender.tell([], evidence([], job="nightly"))
    assert sender.titles[1:] == ["Over: Model failed: model"]


def test_a_run_that_came_through_shows_that_runs_end(sender: Sender) -> None:
    sender.tell([], evidence(["killed run"], job="backfill"))
    sender.tell([], evidence([], job="refresh"))
    assert sender.titles == [
        "backfill did not end; nothing was published",
        "Over: backfill did not end; nothing was published",
    ]


@pytest.mark.parametrize(
    ("answer", "is_repeat"), [(404, False), (429, False), (503, True), (HANG_UP, True)]
)
def test_what_was_not_taken_is_sent_again_and_says_if_it_may_be_a_repeat(
    sender: Sender, answer: int, is_repeat: bool
) -> None:
    sender.receiver.answers = [answer]
    sender.tell([row(CONTROL, 1)])
    assert (sender.done.sent, sender.done.waiting) == (0, 1)
    assert sender.done.problem
    assert SECRET not in sender.done.problem

    sender.tell([row(CONTROL, 1)])
    assert (sender.done.sent, sender.done.waiting, sender.done.problem) == (1, 0, None)
    first, second = sender.receiver.posts
    assert first[0] == second[0]
    assert (first[1]["may_be_repeated"], second[1]["may_be_repeated"]) == (
        False,
        is_repeat,
    )


def test_a_receiver_that_fails_is_asked_ever_more_rarely(sender: Sender) -> None:
    sender.receiver.answers = [503] * 100
    asked = []
    for _ in range(12):
        before = len(sender.receiver.posts)
        sender.tell([row(CONTROL, 1)])
        asked.append(len(sender.receiver.posts) - before)
    # ticks every 15 minutes, pauses of 1, 2, 4, 8, 16, 32 and 60
    assert asked == [1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0]
    assert sender.done.waiting == 1


@pytest.mark.parametrize("answer", [429, 503, HANG_UP])
def test_who_does_not_answer_is_asked_once_a_tick(sender: Sender, answer: int) -> None:
    sender.receiver.answers = [answer]
    sender.tell([row(CONTROL, 1), row("stale_feed", 1)])
    assert len(sender.receiver.posts) == 1
    assert (sender.done.sent, sender.done.waiting) == (0, 2)


def test_one_message_that_is_refused_holds_up_no_other(sender: Sender) -> None:
    sender.receiver.answers = [400]
    sender.tell([row(CONTROL, 1), row("stale_feed", 1)])
    assert (sender.done.sent, sender.done.waiting) == (1, 1)


def test_a_redirect_is_not_followed(sender: Sender) -> None:
    sender.receiver.answers = [302]
    sender.tell([row(CONTROL, 1)])
    assert (sender.done.sent, sender.done.waiting) == (0, 1)
    assert sender.receiver.beats == []


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"file:///{SECRET}",
        f"http://127.0.0.1:{SECRET}/",
        f"http://[{SECRET}/",
        f"http://127.0.0.1:1/a b\n{SECRET}",
        SECRET,
    ],
)
def test_no_error_shows_an_address(url: str) -> None:
    answer, problem = webhook.post(url, "id", {})
    assert answer in ("unreachable", "unknown")
    assert problem
    assert SECRET not in problem
    assert SECRET not in (webhook.beat(url) or SECRET)


def test_a_form_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACSR_ALERT_FORMAT", "teams")
    with pytest.raises(project.ProjectError, match="write slack or json"):
        project.alert_format()


def test_marts_without_alerts_list_none() -> None:
    from orchestration.alerting import of_marts

    assert of_marts(lambda _: [{"n": 0}]) == []


def test_what_is_no_alert_test_or_feed_is_refused() -> None:
    with pytest.raises(project.ProjectError, match="is no key of an alert"):
        cases.listed("; drop table x")


def test_every_finding_says_whose_it_is_and_what_to_do(receiver: Receiver) -> None:
    from tests.alerting.faults import kinds

    found: list[Finding] = []
    for fault in kinds():
        if fault.is_row:
            found += marts([row(fault.name, 1)])
        else:
            found += evidence([fault.name]).findings
    assert len(found) == len(kinds())
    for one in found:
        assert all((one.owner, one.what_to_do, one.cases, one.title, one.subject)), one
