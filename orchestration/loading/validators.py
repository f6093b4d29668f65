"""The validating processes: files go in as open descriptors, staged rows come out.

A few processes of this machine's own, each in a sandbox, serve every load of the
process that started them, one file at a time, and end when nothing has come for a
while. What they say is not believed: their rows are proven sound before they are used,
and nothing of theirs is unpickled.

A process that fails at a file is replaced. What a limit ended is unreadable at once; a
death that no limit explains may have other causes, so the file gets a second process.
"""

from __future__ import annotations

import atexit
import errno
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, NamedTuple

import orjson
import pyarrow as pa

from orchestration import project
from orchestration.loading.contracts import FEEDS
from orchestration.loading.faults import UnreadableFileError, sayable
from orchestration.loading.files import ChangedFileError, LandedFile, open_landed
from orchestration.loading.records import Context
from orchestration.loading.sandbox import limit_processor
from orchestration.loading.settings import Limits
from orchestration.loading.staging import Counts, Spool, StagedFile, unreadable

PROCESSES = max(1, min(4, os.cpu_count() or 1))
BYTES_PER_PROCESS = 2 << 20  # that wait: for less, no further one is started
IDLE_SECONDS = 60
START_SECONDS = 120
ATTEMPTS = 2
WALL_FACTOR = 5  # seconds by the clock for each second of processor time
WORK = "orchestration.loading.validation:validate"
PACKAGES = (project.ROOT / "orchestration",)
SANDBOX = Path(__file__).with_name("sandbox.py")

# What a process needs of its environment; secrets are not among it.
_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ")
_LENGTH = 8
_MAX_ANSWER = 1 << 20

Validate = Callable[[str, LandedFile, Context, int, int], Counts]


class ValidatorError(project.ProjectError):
    """No validating process can be had on this machine."""


class ValidationError(Exception):
    """A fault of the code that validates, and where it showed."""

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self.where = where


class _DeathError(Exception):
    """A process ended before it answered; the text says how."""


class _Job(NamedTuple):
    feed: str
    file: LandedFile
    context: Context
    handle: BinaryIO
    future: Future[StagedFile]


class Validators:
    """Processes that validate files, one at a time each; threads wait for them."""

    def __init__(
        self,
        limits: Limits,
        *,
        processes: int = PROCESSES,
        work: str = WORK,
        packages: Sequence[Path] = PACKAGES,
    ) -> None:
        self.processes = processes
        self._limits = limits
        self._command = [work, *map(str, packages)]
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: list[_Job] = []
        self._threads: list[threading.Thread] = []
        self._workers: list[_Worker] = []

    def submit(
        self, feed: str, file: LandedFile, context: Context
    ) -> Future[StagedFile]:
        """Hands a file over; it is open from now on, whatever becomes of its name."""
        handle = open_landed(file.path, file.root)
        job = _Job(feed, file, context, handle, Future())
        self._waiting = [it for it in self._waiting if not it.future.done()] + [job]
        size = sum(it.file.bytes for it in self._waiting)
        wanted = min(self.processes, 1 + size // BYTES_PER_PROCESS)
        if len(self._threads) < wanted:
            self._start_one()
        self._jobs.put(job)
        return job.future

    @property
    def walls(self) -> list[str]:
        """What keeps the processes in, as the first of them said when it started."""
        return self._workers[0].walls if self._workers else []

    def _start_one(self) -> None:
        worker = _Worker(self._limits, self._command)
        thread = threading.Thread(
            target=_work, args=(self._jobs, worker), name="validator", daemon=True
        )
        self._workers.append(worker)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Ends the processes, also those that are at work; later work starts others."""
        for _ in self._threads:
            self._jobs.put(None)
        for worker in self._workers:
            worker.close()
        self._jobs, self._threads, self._workers = SimpleQueue(), [], []


def _work(jobs: SimpleQueue[_Job | None], worker: _Worker) -> None:
    """What a thread does: it hands one file after the other to its process."""
    while (job := jobs.get()) is not None:
        try:
            job.future.set_result(_staged(worker, job))
        except BaseException as problem:
            job.future.set_exception(problem)
        finally:
            job.handle.close()


def _staged(worker: _Worker, job: _Job) -> StagedFile:
    feed = FEEDS[job.feed]
    for _ in range(ATTEMPTS):
        try:
            return worker.validate(job)
        except UnreadableFileError as problem:
            return unreadable(feed, job.file, str(problem))
        except _DeathError as problem:
            death = problem
    text = f"its validation {death}, {ATTEMPTS} times; take out what is unusual in it"
    return unreadable(feed, job.file, f"{text}, and land it again")


class _Worker:
    """One validating process, started when it is first needed and after each end."""

    def __init__(self, limits: Limits, command: Sequence[str]) -> None:
        self._limits = limits
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self.walls: list[str] = []

    def validate(self, job: _Job) -> StagedFile:
        """The file as it was staged; raises what is wrong with it."""
        seconds = self._limits.seconds_for(job.file.bytes)
        clean, rejects = Spool(), Spool()
        try:
            said = self._ask(job, seconds, (clean.fileno(), rejects.fileno()))
            return self._proven(job, said, clean, rejects)
        except BaseException:
            clean.close()
            rejects.close()
            raise

    def _proven(
        self, job: _Job, said: dict, clean: Spool, rejects: Spool
    ) -> StagedFile:
        feed = FEEDS[job.feed]
        try:
            return StagedFile.of(feed, job.file, _counts(said), clean, rejects)
        except (pa.ArrowException, KeyError, TypeError) as problem:
            self.close()
            raise _DeathError("gave rows that are unsound") from problem

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._socket.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, job: _Job, seconds: int, spools: tuple[int, int]) -> dict:
        if self._process is None or self._process.poll() is not None:
            self._start()
        file = job.file
        order = pickle.dumps(
            (job.feed, file.name, file.sha256, file.bytes, job.context, seconds)
        )
        self._socket.settimeout(seconds * WALL_FACTOR)
        try:
            _send(self._socket, order, (job.handle.fileno(), *spools))
            said = orjson.loads(_receive(self._socket)[0])
        except TimeoutError:
            self.close()
            raise UnreadableFileError(
                f"its validation had no end after {seconds * WALL_FACTOR} seconds; "
                + self._limits.advice("ACSR_VALIDATOR_SECONDS")
            ) from None
        except (EOFError, OSError, orjson.JSONDecodeError):
            raise self._death(seconds) from None
        self._raise_what(said)
        return said

    def _raise_what(self, said: dict) -> None:
        """What the process found wrong; it ends by itself after a limit."""
        kind, text = said.get("kind"), str(said.get("text"))
        if kind == "staged":
            return
        if kind == "changed":
            raise ChangedFileError(text)
        if kind == "unreadable":
            raise UnreadableFileError(text)
        if kind == "memory":
            self.close()
            raise UnreadableFileError(
                f"its validation needs more than {self._limits.memory:,} bytes of "
                "memory; " + self._limits.advice("ACSR_VALIDATOR_MEMORY")
            )
        if kind == "unavailable":
            raise OSError(text)
        raise ValidationError(text, str(said.get("where")))

    def _death(self, seconds: int) -> Exception:
        """Why the process is no more."""
        self._socket.close()
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it lives, and answers what is no answer
            self._process.kill()
            code = self._process.wait()
        self._process = None
        if code == -signal.SIGXCPU:
            return UnreadableFileError(
                f"its validation took more than {seconds} seconds of processor time; "
                + self._limits.advice("ACSR_VALIDATOR_SECONDS")
            )
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return _DeathError(f"was ended {how}")

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair()
        limits = self._limits
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", str(SANDBOX), str(theirs.fileno())),
                    *(str(limits.memory), str(limits.output), *self._command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env=_environment(),
            )
        self._socket = ours
        ours.settimeout(START_SECONDS)
        try:
            self.walls = orjson.loads(_receive(ours)[0])["walls"]
        except (EOFError, OSError) as problem:
            self.close()
            raise ValidatorError(
                "no validating process starts here: what it said is above; "
                f"ACSR_VALIDATOR_MEMORY gives it {limits.memory:,} bytes"
            ) from problem


def _environment() -> dict[str, str]:
    """What a process may know: nothing of the keys that the loader's own holds."""
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # one allocator, whose size the limit of memory sees as it is
    return {**known, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}


def _counts(said: dict) -> Counts:
    return Counts(
        records=int(said["records"]),
        rejected=int(said["rejected"]),
        reasons=Counter({str(key): int(n) for key, n in said["reasons"].items()}),
        first_timestamp=said["first_timestamp"],
        last_timestamp=said["last_timestamp"],
    )


@cache
def shared(limits: Limits) -> Validators:
    """The processes that all loads of this process share."""
    validators = Validators(limits)
    atexit.register(validators.close)
    return validators


if hasattr(os, "register_at_fork"):  # a child has neither the threads nor their ends
    os.register_at_fork(after_in_child=shared.cache_clear)


def serve(descriptor: int, validate: Validate, walls: list[str]) -> None:
    """What a validating process does: it takes files until none comes any more."""
    with socket.socket(fileno=descriptor) as asked:
        _send(asked, orjson.dumps({"walls": walls}))
        while True:
            asked.settimeout(IDLE_SECONDS)
            try:
                order, files = _receive(asked)
            except (EOFError, TimeoutError):
                return
            asked.settimeout(None)
            answer = _answer(validate, order, files)
            for file in files:
                os.close(file)
            _send(asked, orjson.dumps(answer))
            if answer["kind"] == "memory":
                return


def _answer(validate: Validate, order: bytes, files: list[int]) -> dict[str, object]:
    feed, name, sha256, size, context, seconds = pickle.loads(order)
    landed, clean, rejects = files
    limit_processor(seconds)
    file = LandedFile(landed, name, sha256, size, Path())
    try:
        counts = validate(feed, file, context, clean, rejects)
    except UnreadableFileError as problem:
        return {"kind": "unreadable", "text": str(problem)}
    except ChangedFileError as problem:
        return {"kind": "changed", "text": str(problem)}
    except MemoryError:
        return {"kind": "memory"}
    except OSError as problem:
        if problem.errno == errno.ENOMEM:
            return {"kind": "memory"}
        if problem.errno == errno.EFBIG:
            text = "its rows take more than a file may hold; split it"
            return {"kind": "unreadable", "text": text}
        return {"kind": "unavailable", "text": str(problem)}
    except Exception as problem:
        text = sayable(f"{type(problem).__name__}: {problem}")
        where = "".join(traceback.format_tb(problem.__traceback__))
        return {"kind": "fault", "text": text, "where": where}
    return {"kind": "staged", **counts._asdict()}


def _send(to: socket.socket, content: bytes, files: Sequence[int] = ()) -> None:
    """Sends bytes behind their length, and open files along with it."""
    length = len(content).to_bytes(_LENGTH, "big")
    if files:
        socket.send_fds(to, [length], files)
    else:
        to.sendall(length)
    to.sendall(content)


def _receive(source: socket.socket) -> tuple[bytes, list[int]]:
    """What was sent, and the open files that came along; EOFError at the end."""
    head, files, _, _ = socket.recv_fds(source, _LENGTH, 3)
    while len(head) < _LENGTH:
        head += _more(source, _LENGTH - len(head))
    length = int.from_bytes(head, "big")
    if length > _MAX_ANSWER:
        raise EOFError("too long to be an answer")
    content = b""
    while len(content) < length:
        content += _more(source, length - len(content))
    return content, list(files)


def _more(source: socket.socket, size: int) -> bytes:
    piece = source.recv(size)
    if not piece:
        raise EOFError("the other side is no more")
    return piece
