"""Points at which a test has this process die as by `kill -9`; else they do nothing.

`ACSR_KILL_AT` names a point, or its nth passing, as in `rows entered:3`.
"""

from __future__ import annotations

import os
import signal

KILL_AT = "ACSR_KILL_AT"

# What is done up to there; the rest of the work is not.
POINTS = (
    "file hashed",
    "file validated",
    "rows entered",
    "rejects entered",
    "history entered",
    "batch committed",
    "verdict withdrawn",
    "publications remembered",
    "model built",
    "build done",
    "verdict recorded",
    "marts copied",
    "draft checked",
    "version placed",
    "version linked",
    "version shown",
    "versions forgotten",
)

_wanted, _, _nth = os.environ.get(KILL_AT, "").partition(":")
_left = int(_nth or 1)


def passing(point: str) -> None:
    """Dies here if the environment names this point."""
    global _left
    if point == _wanted:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at(point: str, nth: int = 1) -> None:
    """Names the point to this process, where it was forked with its environment."""
    global _wanted, _left
    if point not in POINTS:
        raise ValueError(f"no point {point!r}; there are {', '.join(POINTS)}")
    _wanted, _left = point, nth
