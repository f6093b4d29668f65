"""What a validating process must survive, or be ended for: run inside of one.

The name of the file that it is given says what it does; any other file is validated.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loading.faults import UnreadableFileError
from orchestration.loading.files import LandedFile
from orchestration.loading.records import Context
from orchestration.loading.staging import Counts
from orchestration.loading.validation import validate as validate_well


def validate(
    feed: str, file: LandedFile, context: Context, clean: int, rejects: int
) -> Counts:
    """Does what the file's name says; `UnreadableFileError` tells what came of it."""
    act = ACTS.get(Path(file.name).stem)
    if act is None:
        return validate_well(feed, file, context, clean, rejects)
    try:
        said = act(file, clean)
    except (OSError, duckdb.Error) as problem:
        if isinstance(problem, OSError) and problem.errno == errno.EFBIG:
            raise  # a limit, and no wall
        said = f"refused: {type(problem).__name__}: {problem}"
    if isinstance(said, Counts):
        return said
    raise UnreadableFileError(str(said))


def _hog(*_: object) -> str:
    return f"{len(bytearray(2 << 30)):,} bytes held"


def _spin(*_: object) -> str:
    while True:
        pass


def _sleep(*_: object) -> str:
    threading.Event().wait()
    return "woke up"


def _crash(*_: object) -> str:
    ctypes.string_at(0)
    return "lives"


def _read_foreign(*_: object) -> str:
    return Path("/etc/passwd").read_text(encoding="utf-8")


def _read_neighbour(file: LandedFile, _: int) -> str:
    """Another file of the landing root, whose place the content says."""
    return Path(os.pread(file.path, 4096, 0).decode().strip()).read_text("utf-8")


def _write(*_: object) -> str:
    Path("/tmp/acsr_written_by_a_validator").write_text("x", encoding="utf-8")
    return "written"


def _write_much(_: LandedFile, clean: int) -> str:
    while True:
        os.write(clean, bytes(1 << 20))


def _connect(*_: object) -> str:
    socket.create_connection(("127.0.0.1", 9), timeout=1)
    return "connected"


def _start(*_: object) -> str:
    return subprocess.run(["/bin/true"], check=False)


def _fork(*_: object) -> str:
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def _engine_reads(*_: object) -> str:
    return duckdb.sql("from read_text('/etc/passwd')").fetchall()


def _look_around(*_: object) -> str:
    return repr(sorted(os.environ.items()))


def _unsound(_: LandedFile, clean: int) -> Counts:
    os.write(clean, b"no Arrow at all")
    return Counts(records=1)


def _foreign_columns(_: LandedFile, clean: int) -> Counts:
    with os.fdopen(os.dup(clean), "wb") as handle:
        table = pa.table({"x": [1]})
        with pa.ipc.new_stream(handle, table.schema) as stream:
            stream.write_table(table)
    return Counts(records=1)


def _miscounted(*_: object) -> Counts:
    return Counts(records=5, rejected=1, reasons={"not_json": 1})


ACTS: dict[str, Callable[[LandedFile, int], object]] = {
    "hog": _hog,
    "spin": _spin,
    "sleep": _sleep,
    "crash": _crash,
    "read_foreign": _read_foreign,
    "read_neighbour": _read_neighbour,
    "write": _write,
    "write_much": _write_much,
    "connect": _connect,
    "start": _start,
    "fork": _fork,
    "engine_reads": _engine_reads,
    "look_around": _look_around,
    "unsound": _unsound,
    "foreign_columns": _foreign_columns,
    "miscounted": _miscounted,
}
