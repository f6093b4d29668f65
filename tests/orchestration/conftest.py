"""Fixtures of the orchestration tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.orchestration.tiny import Tiny, make_tiny


@pytest.fixture(scope="session")
def parsed_tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A tiny project that dbt has parsed once, to be copied."""
    tiny = make_tiny(tmp_path_factory.mktemp("template") / "it's a template")
    done = tiny.run("-c", "from orchestration import project; project.manifest()")
    assert done.returncode == 0, done.stderr
    return tiny


@pytest.fixture
def tiny(parsed_tiny: Tiny, tmp_path: Path) -> Tiny:
    """A tiny project of a test's own."""
    return _copy(parsed_tiny, tmp_path / "it's a place")


@pytest.fixture
def another_tiny(parsed_tiny: Tiny, tmp_path: Path) -> Tiny:
    """A second one beside it."""
    return _copy(parsed_tiny, tmp_path / "another place")


def _copy(parsed: Tiny, root: Path) -> Tiny:
    shutil.copytree(parsed.root, root)
    return Tiny(root)
