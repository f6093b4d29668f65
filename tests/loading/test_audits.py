"""Audits of others become the contract's, in its words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.loading import audits
from tests.loading.support import Landing

AT = "2026-01-31T12:00:00Z"
JUDGEMENT = {
    "simulation_id": "s1",
    "judge_verdict": "satisfactory",
    "judge_prompt_name": "policy_v1",
    "judge_justification": "Ms. Made-Up",
}
REPLY = {
    "simulation_id": "s2",
    "judge_prompt_name": "policy_v1",
    "judge_response": 'Well.\n```json\n{"verdict": "FAIL"}\n```',
}
FAILURE = {"failure_category": "Instruction Adherence Failure", "step_reason": "words"}


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("pass", "compliant"),
        (" Satisfactory ", "compliant"),
        (True, "compliant"),
        ("non-compliant", "violation"),
        ("Non Compliant", "violation"),
        ("partially satisfied", "unclear"),
        ("whatever", "unclear"),
        (None, "unclear"),
        (0.5, "unclear"),
    ],
)
def test_an_unknown_word_is_unclear(word: object, verdict: str) -> None:
    assert audits.verdict_of(word) == verdict


def landed(landing: Landing, tmp_path: Path, content: str, capsys: object) -> list:
    path = tmp_path / "judges.json"
    path.write_text(content)
    command = [str(path), "--audited-at", AT, "--source-system", "tau2"]
    assert audits.main(command) == 0
    landing.put("compliance_audits/a.jsonl", capsys.readouterr().out)
    landing.load()
    assert landing.reasons() == []
    return landing.rows("select * from raw.compliance_audits order by audit_id")


def test_judgements_load_without_what_the_judge_wrote(
    landing: Landing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = landed(landing, tmp_path, json.dumps({"entries": [JUDGEMENT]}), capsys)
    assert (row["audit_id"], row["session_id"]) == ("policy_v1:s1", "s1")
    assert (row["auditor_id"], row["auditor_type"]) == ("policy_v1", "llm")
    assert (row["verdict"], row["source_system"]) == ("compliant", "tau2")
    assert json.loads(row["attributes"])["stated_verdict"] == "satisfactory"
    assert "Made-Up" not in str(row)


def test_raw_replies_are_read_by_line(
    landing: Landing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "\n".join(json.dumps(one) for one in (REPLY, {**REPLY, "simulation_id": 3}))
    rows = landed(landing, tmp_path, lines, capsys)
    assert [row["verdict"] for row in rows] == ["violation", "violation"]


def test_a_person_finds_failures_of_which_some_break_a_rule(
    landing: Landing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = [
        {"trajectory_id": 1, "failures": [FAILURE]},
        {"trajectory_id": 2, "failures": [{"failure_category": "System Failure"}]},
    ]
    first, second = landed(landing, tmp_path, json.dumps(document), capsys)
    assert (first["verdict"], second["verdict"]) == ("violation", "unclear")
    assert (first["auditor_type"], first["sample_method"]) == ("human", "targeted")
    assert first["is_outcome_correct"] is False


def test_another_file_is_an_error_that_says_what_was_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    command = [str(path), "--audited-at", AT, "--source-system", "tau2"]
    assert audits.main(command) == 1
    assert "`entries`" in capsys.readouterr().err


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    command = [str(tmp_path), "--audited-at", "2026-01-31", "--source-system", "tau2"]
    with pytest.raises(SystemExit):
        audits.main(command)
