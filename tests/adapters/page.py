"""docs/adapters.md, applied to a copy of the project as a reader would."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from orchestration import project

PAGE = project.ROOT / "docs" / "adapters.md"
COPIED = ("models", "macros", "seeds", "snapshots", "orchestration", "tests/generic")
FILES = ("dbt_project.yml", "profiles.example.yml")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"`([\w/]+\.(?:py|sql|yml|jsonl))`")


def blocks() -> Iterator[tuple[str, str, str]]:
    """The blocks of the page: language, text, and the file that is named before."""
    page, last = PAGE.read_text(encoding="utf-8"), 0
    name = ""
    for block in BLOCK.finditer(page):
        named = NAME.findall(page[last : block.start()])
        name, last = named[-1] if named else "", block.end()
        yield block[1], block[2], name


def apply(root: Path) -> Path:
    """Copies the project to a folder and does what the page says; gives the sample."""
    for name in COPIED:
        # what is neither built nor tested there need not be parsed
        ignored = shutil.ignore_patterns("__pycache__", "*__unit_tests*.yml")
        shutil.copytree(project.ROOT / name, root / name, ignore=ignored)
    for name in FILES:
        shutil.copyfile(project.ROOT / name, root / name)
    for language, text, name in blocks():
        path = root / name
        if language in ("json", "sql", "yaml"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif language == "diff":
            path.write_text(patched(path.read_text("utf-8"), text), encoding="utf-8")
    return root / "acme.jsonl"


def patched(content: str, diff: str) -> str:
    """A file after a diff without line numbers, whose old lines stand in it once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert content.count(old) == 1, f"no longer there, or more than once:\n{old}"
    return content.replace(old, new)


def said(language: str) -> str:
    """The one block of a language."""
    (text,) = (text for lang, text, _ in blocks() if lang == language)
    return text
