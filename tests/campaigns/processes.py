"""Processes that a campaign forks, and the line at which one of them dies."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path


def in_child(work: Callable[..., None], *arguments: object) -> bool:
    """Does something in a process of its own; true if that was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*arguments)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    code = os.waitstatus_to_exitcode(status)
    assert code == 0, f"a process ended with {code}: what it said is above"
    return False


def die_at_line(line: int, code: Path) -> None:
    """Has this process killed at the nth line that it runs of a file or folder."""
    left = line

    def count(frame: object, event: str, _: object) -> object:
        nonlocal left
        if not frame.f_code.co_filename.startswith(str(code)):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    threading.settrace(count)
    sys.settrace(count)
