"""A message in the form of its receiver: Slack's blocks, or the ledger's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestration import project

# Slack's limits: characters of a header and of a section; 50 blocks a message
HEADER, SECTION = 150, 3_000
SHOWN = 10

Message = Mapping[str, Any]


def rendered(message: Message, form: str) -> dict[str, Any]:
    """The body to post, in the form `slack` or `json`."""
    links = _links()
    return _slack(message, links) if form == "slack" else {**message, "links": links}


def _links() -> dict[str, str]:
    links = {"dagster": project.dagster_url(), "dashboard": project.dashboard_url()}
    return {name: url for name, url in links.items() if url}


def _slack(message: Message, links: Mapping[str, str]) -> dict[str, Any]:
    word = message["severity"].upper() if message["state"] == "open" else "OVER"
    title = message["title"].removeprefix("Over: ")
    count = f" ({message['count']})" if message["count"] > 1 else ""
    heading = f"{word}: {title}{count}"
    whose = (
        f"*Owner:* {_plain(message['owner'])}\n"
        f"*What to do:* {_plain(message['what_to_do'])}"
    )
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": heading[:HEADER]}}
    ]
    if message["state"] == "open":
        blocks.append(_section(whose))
    blocks += [_section(_finding(it)) for it in message["findings"][:SHOWN]]
    notes = list(_notes(message, links))
    blocks.append(
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": "  |  ".join(notes)[:SECTION]}],
        }
    )
    return {"text": heading, "blocks": blocks}


def _finding(finding: Mapping[str, Any]) -> str:
    lines = [f"*{_plain(finding['subject'])}*"]
    figures = [
        f"{name}{_plain(finding[key])}"
        for name, key in (("", "value"), ("limit ", "limit"))
        if finding.get(key)
    ]
    if finding.get("n") is not None:
        figures.append(f"n = {finding['n']:,.0f}")
    if figures:
        lines.append(", ".join(figures))
    if finding.get("said"):
        lines.append(_plain(finding["said"][: SECTION // 3]))
    if finding.get("cases"):
        lines.append(f"`{_plain(finding['cases'])}`")
    return "\n".join(lines)


def _notes(message: Message, links: Mapping[str, str]) -> Iterator[str]:
    hidden = message["count"] - SHOWN
    if hidden > 0:
        yield f"and {hidden:,} more: `make cases`"
    if message.get("may_be_repeated"):
        yield "may be a repeat: the sender died while it sent this"
    for name, url in links.items():
        yield f"<{url}|{name}>"
    yield f"id {message['id']}"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION]}}


def _plain(text: object) -> str:
    """Text that Slack takes as it is: words of a log are no mark-up and call nobody."""
    shown = str(text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(character, entity)
    return shown
