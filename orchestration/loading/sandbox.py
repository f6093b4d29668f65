"""What a validating process may do: read what is handed to it, and hardly more.

As a script this confines its own process, and only then imports what does the work:
whatever that may start inherits the limits. Every system has the limits of resources.
Linux adds two walls, each where the kernel has it: Landlock leaves of the file system
only code (Python's library, installed packages, the system's libraries) to be read and
nothing to be written, and shuts TCP and signals to others; a filter of system calls
refuses sockets, new processes and looks into others. Files that were opened before, by
the process that hands them over, stay open.

Sources: Linux' user-space API (landlock.h, seccomp.h, filter.h), resource(3).
"""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
import zoneinfo
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

SYSTEM_CODE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/sys/devices/system/cpu",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
    "/proc/meminfo",
    "/sys/fs/cgroup",
)

_NO_NEW_PRIVILEGES, _DEATH_SIGNAL = 38, 1  # prctl(2)

# Landlock: the calls have one number on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS = (13, 14, 15, 15, 16)  # how many there are, by version; 16 from the 5th
_NETWORK_RIGHTS = 0b11  # binding and connecting of TCP, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6

# Calls that are refused, as numbers of x86-64 and of AArch64.
_AUDIT_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "pidfd_getfd": (438, 438),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # the other set of numbers that x86-64 answers to
_SECCOMP = (317, 277)
_SET_FILTER = 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
# instructions of the filter: load a word, jump if equal, if at least, if bits, return
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16


def confine(readable: Iterable[Path], memory: int, output: int) -> list[str]:
    """Confines this process for good; gives back which walls stand.

    `memory` bounds what it may allocate, `output` any file it writes, both in bytes.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    walls = ["resources"]
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    except (OSError, ValueError):  # a system that bounds no process by it
        walls = []
    if sys.platform != "linux":
        return walls
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if _landlock(libc, readable):
        walls.append("landlock")
    if _filter_calls(libc):
        walls.append("seccomp")
    return walls


def limit_processor(seconds: int) -> None:
    """Ends this process once it has used that much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def code_folders(packages: Iterable[Path]) -> list[Path]:
    """Where code lies that may be imported, and what it is linked with."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = [*map(sysconfig.get_path, kinds), *zoneinfo.TZPATH, *SYSTEM_CODE]
    known = [*map(Path, dict.fromkeys(paths)), Path(sys.base_prefix, "lib")]
    return [*known, *packages]


def _landlock(libc: ctypes.CDLL, readable: Iterable[Path]) -> bool:
    """Takes the file system away but for some folders and files, to be read."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    rights = (1 << _FILE_RIGHTS[min(version, len(_FILE_RIGHTS)) - 1]) - 1
    network = _NETWORK_RIGHTS if version >= 4 else 0
    scopes = _SCOPES if version >= 6 else 0
    fields = 1 + (version >= 4) + (version >= 6)
    attributes = struct.pack("=QQQ", rights, network, scopes)[: 8 * fields]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        return libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there need not be allowed
        return
    try:
        rights = _EXECUTE | _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, place)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Refuses sockets, new processes and the like, in every thread to come."""
    machine = platform.machine()
    if machine not in _AUDIT_NAMES or struct.calcsize("P") != 8:
        return False
    column = list(_AUDIT_NAMES).index(machine)
    program = b"".join(_instructions(_AUDIT_NAMES[machine], column))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    return libc.syscall(_SECCOMP[column], _SET_FILTER, 0, header) == 0


def _instructions(audit_name: int, column: int) -> list[bytes]:
    """The filter: what is not named passes, what is named fails with an error."""
    refuse, absent = _REFUSE | _EPERM, _REFUSE | _ENOSYS
    program = [
        _step(_LOAD, _AT_ARCHITECTURE),
        _step(_EQUAL, audit_name, 1, 0),
        _step(_RETURN, refuse),
        _step(_LOAD, _AT_NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, refuse),
    ]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, refuse)]
    # threads are made with a call whose flags can be seen here, or not at all
    program += [_step(_EQUAL, _CLONE3[column], 0, 1), _step(_RETURN, absent)]
    program += [
        _step(_EQUAL, _CLONE[column], 0, 3),
        _step(_LOAD, _AT_FIRST_ARGUMENT),
        _step(_BITS, _CLONE_THREAD, 1, 0),
        _step(_RETURN, refuse),
        _step(_RETURN, _ALLOW),
    ]
    return program


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _offer(package: Path, *inner: str) -> None:
    """Makes a package's modules importable, and nothing else of its folder's."""
    module = ModuleType(".".join((package.name, *inner)))
    module.__path__ = [str(package.joinpath(*inner))]
    sys.modules[module.__name__] = module


def main(arguments: Sequence[str]) -> None:
    """Confines this process and serves what comes over an open socket.

    Arguments: the socket's descriptor, memory and output in bytes, the function that
    validates as `module:function`, and the folders of the packages that it needs.
    """
    descriptor, memory, output, work, *packages = arguments
    folders = [Path(package) for package in packages]
    walls = confine(code_folders(folders), int(memory), int(output))
    for folder in folders:
        _offer(folder)
    _offer(folders[0], "loading")  # without the loader, which nothing here needs
    validators = importlib.import_module("orchestration.loading.validators")
    module, _, name = work.partition(":")
    validate = getattr(importlib.import_module(module), name)
    validators.serve(int(descriptor), validate, walls)


if __name__ == "__main__":
    main(sys.argv[1:])
