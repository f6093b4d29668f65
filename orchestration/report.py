"""Stub."""

from pathlib import Path


def render(current: Path) -> str:
    """Stub."""
    return f"report of {current}"
