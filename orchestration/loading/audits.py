"""Audits of others as the contract's: `python -m orchestration.loading.audits FILE…`.

Two kinds are known by what is in them. Judgements by language models: one document with
`entries`, or one reply a line; each names its `simulation_id`, the judge and a verdict
in its own word. Human audits of AgentRx (github.com/microsoft/AgentRx): a list of
trajectories with the failures that people found in each.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from orchestration.loading.records import parse_json
from orchestration.loading.times import iso, latest_allowed, parse_instant

Audit = dict[str, object]

VERDICTS = {
    "compliant": """compliant pass passed ok success yes true correct satisfied
        satisfactory""".split(),  # noqa: SIM905
    "violation": """violation fail failed failure no false incorrect unsatisfied
        unsatisfactory non_compliant noncompliant""".split(),  # noqa: SIM905
}
_KNOWN = {word: verdict for verdict, words in VERDICTS.items() for word in words}
# What a person may find wrong that is a breach of the policy; the rest is a failure of
# another kind, of which the audit does not say that a rule was broken.
POLICY_FAILURES = ("instruction adherence failure",)
_FENCED = re.compile(r"```(?:json)?\s*(\{.*?\})\s*```", re.DOTALL)


class UnknownAuditFileError(Exception):
    """A file of a kind that nobody taught this converter."""


def verdict_of(word: object) -> str:
    """A verdict in the contract's words; one that is not known is `unclear`."""
    if isinstance(word, bool):
        return "compliant" if word else "violation"
    text = word.strip().lower() if isinstance(word, str) else ""
    return _KNOWN.get(re.sub(r"[\s-]+", "_", text), "unclear")


def convert(content: bytes, source_system: str, audited_at: str) -> Iterator[Audit]:
    """The audits of one file, as records of `compliance_audits`."""
    base = {"source_system": source_system, "audited_at": audited_at}
    document = parse_json(content)
    if isinstance(document, dict) and isinstance(document.get("entries"), list):
        yield from (_judgement(entry, base) for entry in document["entries"])
    elif isinstance(document, list) and all("trajectory_id" in it for it in document):
        yield from (_human_audit(trajectory, base) for trajectory in document)
    else:
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                yield _judgement(_reply(line, number), base)


def _reply(line: bytes, number: int) -> Audit:
    entry = parse_json(line)
    if not isinstance(entry, dict) or "judge_response" not in entry:
        raise UnknownAuditFileError(
            f"line {number}: wanted one document with `entries`, a list with "
            "`trajectory_id`, or lines with `judge_response`"
        )
    said = entry["judge_response"]
    fenced = _FENCED.search(said) if isinstance(said, str) else None
    verdict = parse_json((fenced.group(1) if fenced else str(said)).encode())
    word = verdict.get("verdict") if isinstance(verdict, dict) else None
    return {**entry, "judge_verdict": word}


def _judgement(entry: Audit, base: Audit) -> Audit:
    judge = str(entry.get("judge_prompt_name") or "judge")
    session = entry.get("simulation_id")
    return {
        "audit_id": f"{judge}:{session}",
        "session_id": session,
        "auditor_id": judge,
        "auditor_type": "llm",
        "sample_method": "census",
        "verdict": verdict_of(entry.get("judge_verdict")),
        "stated_verdict": entry.get("judge_verdict"),
        "judge_model": entry.get("judge_model"),
        **base,
    }


def _human_audit(trajectory: Audit, base: Audit) -> Audit:
    """Only failed trajectories were audited: a targeted sample, each one wrong."""
    failures = trajectory.get("failures")
    kinds = [
        str(failure.get("failure_category")).strip().lower()
        for failure in (failures if isinstance(failures, list) else [])
    ]
    broken = any(kind in POLICY_FAILURES for kind in kinds)
    session = trajectory["trajectory_id"]
    return {
        "audit_id": f"agentrx:{session}",
        "session_id": session,
        "auditor_id": "agentrx",
        "auditor_type": "human",
        "sample_method": "targeted",
        "verdict": "violation" if broken else "unclear",
        "is_outcome_correct": False if kinds else None,
        "failure_categories": sorted(set(kinds)),
        **base,
    }


def main(arguments: list[str] | None = None) -> int:
    """Writes the audits of the files named to standard output, one a line."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.loading.audits")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--audited-at", required=True, help="when, as 2026-05-01T00:00:00Z"
    )
    parser.add_argument(
        "--source-system", required=True, help="the system that the sessions are of"
    )
    options = parser.parse_args(arguments)
    moment = parse_instant(options.audited_at, latest_allowed(datetime.now(UTC)))
    if moment is None:
        parser.error(f"--audited-at {options.audited_at!r} is no time with a zone")
    for path in options.files:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        try:
            for audit in convert(content, options.source_system, iso(moment)):
                print(json.dumps(audit, ensure_ascii=False))
        except UnknownAuditFileError as problem:
            print(f"error: {path}, {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
