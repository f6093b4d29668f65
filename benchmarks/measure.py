"""Runs a command and measures it: wall time, and peak memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from resource import struct_rusage

PAGE = os.sysconf("SC_PAGE_SIZE")
LOOK_EVERY = 0.05  # seconds between two looks at the memory
TELL_EVERY = 15.0  # seconds between two lines of progress
SHOWN_LINES = 30

Progress = Callable[[str], None]


class CommandError(Exception):
    """A measured command failed; the message ends in what it said."""


@dataclass(frozen=True)
class Run:
    """What a command took.

    Attributes:
        seconds: wall time from start to end.
        cpu_seconds: of the command and all processes it waited for.
        peak_bytes: most resident memory of the whole process tree at one time.
        began_at: UTC.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    began_at: datetime
    ended_at: datetime
    output: str


def run(
    name: str,
    command: Sequence[str],
    log: Path,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Run:
    """Runs a command to its end, its output in a log; raises if it fails."""
    progress(f"{name} ...")
    log.parent.mkdir(parents=True, exist_ok=True)
    began_at, began = datetime.now(UTC), time.monotonic()
    with log.open("w", encoding="utf-8") as lines:
        process = subprocess.Popen(
            list(command),
            stdout=lines,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
        peak, usage, code = _watch(process, name, began, progress)
    seconds, ended_at = time.monotonic() - began, datetime.now(UTC)
    output = log.read_text(encoding="utf-8", errors="replace")
    if code:
        last = "\n".join(output.splitlines()[-SHOWN_LINES:])
        raise CommandError(f"{name} ended with {code} (log: {log}):\n{last}")
    cpu = usage.ru_utime + usage.ru_stime
    progress(
        f"{name}: {seconds:.1f} s, {cpu:.1f} s of processor, "
        f"at most {peak / 1e9:.2f} GB"
    )
    return Run(seconds, cpu, peak, began_at, ended_at, output)


def _watch(
    process: subprocess.Popen, name: str, began: float, progress: Progress
) -> tuple[int, struct_rusage, int]:
    """Waits for the end: peak memory, resources used, exit code."""
    peak, told = 0, time.monotonic()
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return peak, usage, process.returncode
        now = resident_bytes(process.pid)
        peak = max(peak, now)
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            progress(f"{name}: {told - began:.0f} s so far, {now / 1e9:.2f} GB now")
        time.sleep(LOOK_EVERY)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all below it; what has ended counts nothing."""
    return sum(_resident(member) for member in _tree(pid))


def _tree(pid: int) -> list[int]:
    found, rest = [], [pid]
    while rest:
        member = rest.pop()
        found.append(member)
        rest += _children(member)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            text = (task / "children").read_text(encoding="ascii")
            children += map(int, text.split())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass  # ended since it was listed
    return children


def _resident(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text.split()[1]) * PAGE


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, names of one file counted once."""
    files = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            found = path.stat()
            files[found.st_dev, found.st_ino] = found.st_size
    return sum(files.values())
