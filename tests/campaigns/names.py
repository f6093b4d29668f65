"""Names that mean something to a shell, a pattern, SQL or a file system.

Files under such names, links that lead out of the landing root, pipes, sockets and
devices, some put in a file's place after it was listed or hashed. Each file's rows must
come under its own name, and nothing from outside the root may come at all.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from orchestration.loading import FeedReport, load_feed
from orchestration.loading.files import LandedFile, shown_name
from orchestration.loading.landings import Folder, Listed
from orchestration.loading.warehouse import raw_tables
from tests.campaigns.row import Progress, Row
from tests.loading.support import EVENT, NOW, SETTINGS, Landing

FULL = 200
CANARY = "canary-from-outside"
NAME_BYTES = 255  # what file systems allow
FEED = "agent_events"
PATH = "raw.load_history"

ATOMS = [
    *("'", '"', "`", ";", "--", "\\", "/*", "$1", "?", "*", "[1]", "[!a]", "{a,b}"),
    *("..", "...", "~", "$HOME", "$(id)", "&", "|", "<", ">", "#", "!", "%s", "{0}"),
    *("\n", "\r", "\t", " ", "\x01", "\x1b[2J", "\x7f", "\x85", "\u2028", "\u202e"),
    *("%2e%2e%2f", "\\x0a", "\\xff", "\\u202e", "é", "é", "İ", "😀", "\ufeff", "."),
    *("-rf", "--home=x", "CON", "a:b", "raw.agent_events", "s3:", "file:", "=1+1"),
    *("'); drop table raw.agent_events; --", "$$", "read_text('x')", "a.jsonl"),
]
BYTES = [
    *(b"\xff", b"\xed\xa0\x80", b"\xc3", b"\\xff", b"\\\xff", b"\xc2\x85", b"\x80"),
    *(b"-", b"-rf *", b"x" * (NAME_BYTES - 6), b"\xf0\x9f\x98\x80" * 62),
]


@dataclass
class Tried:
    """What a campaign put into a landing root.

    `names` has the name under which each event must come; `after` what is done to a
    path once it was listed or, if so named, hashed.
    """

    landing: Path
    outside: Path
    names: dict[str, str] = field(default_factory=dict)
    after_listing: dict[Path, Callable[[Path], None]] = field(default_factory=dict)
    after_hashing: dict[Path, Callable[[Path], None]] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True)
class Restless(Folder):
    """A landing root in which others are at work while it is read."""

    tried: Tried = field(kw_only=True)

    def walk(self, feed: str) -> list[Listed]:
        listed = super().walk(feed)
        _do(self.tried.after_listing)
        return listed

    @contextmanager
    def fetched(self, listed: Listed) -> Iterator[LandedFile]:
        with super().fetched(listed) as file:
            if change := self.tried.after_hashing.pop(Path(listed.place), None):
                change(Path(listed.place))
            yield file


def _do(changes: dict[Path, Callable[[Path], None]]) -> None:
    while changes:
        path, change = changes.popitem()
        change(path)


def run(number: int, seed: int, progress: Progress) -> Row:
    """Lands so many names, loads twice, and looks at every table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tried = Tried(root / "landing", root / "outside")
        chance = Random(seed)
        _prepare(tried)
        while tried.count < number:
            for kind in KINDS:
                if tried.count < number:
                    kind(tried, chance)
                    tried.count += 1
        progress(f"{tried.count} names, {len(tried.names)} files to be read")
        landing = Landing(tried.landing)
        row = Row(tried=tried.count)
        try:
            first = _load(landing, tried, "load-1")
            second = _load(landing, tried, "load-2")
            _compare(landing, tried, row, [first, second])
        except Exception as problem:
            row.problems.append(f"{type(problem).__name__}: {problem}")
        else:
            row.survived = tried.count
        landing.connection.close()
    return row


def _load(landing: Landing, tried: Tried, load_id: str) -> FeedReport:
    """Loads from a root that is restless, while nothing it opens may be outside."""
    restless = Restless(tried.landing, tried=tried)
    arguments = (restless, landing.connection, SETTINGS, load_id, NOW)
    report = load_feed(FEED, *arguments)
    landing.prove_that_nothing_is_lost([FEED])
    return report


def _compare(
    landing: Landing, tried: Tried, row: Row, reports: list[FeedReport]
) -> None:
    held = landing.rows(f"select event_id, _file from raw.{FEED}")
    found = Counter((it["event_id"], it["_file"]) for it in held)
    wanted = Counter(tried.names.items())
    for event_id, name in (wanted - found).elements():
        row.lost += 1
        row.problems.append(f"lost: {event_id} of {name!r}")
    for event_id, name in (found - wanted).elements():
        row.doubled += 1
        row.problems.append(f"in another's place: {event_id} of {name!r}")
    tables = landing.rows("from (show all tables) select database, schema, name")
    texts = [repr(landing.rows(f"from {it['schema']}.{it['name']}")) for it in tables]
    for text in (*texts, *map(repr, reports)):
        row.leaked += text.count(CANARY)
    paths = [it["path"] for it in landing.rows(f"select path from {PATH}")]
    if not all(path.isprintable() for path in paths):
        row.problems.append("a name with letters that do not print")
    if {f"{it['schema']}.{it['name']}" for it in tables} != set(raw_tables()):
        row.problems.append(f"other tables than before: {tables}")


def _prepare(tried: Tried) -> None:
    (tried.landing / FEED).mkdir(parents=True)
    tried.outside.mkdir()
    _write(tried.outside / "secret.jsonl", CANARY)
    _write(tried.outside / "deep" / "secret.jsonl", CANARY)


def _write(path: Path, *ids: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({**EVENT, "event_id": it}) for it in ids)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _new_path(tried: Tried, chance: Random, suffix: bytes = b".jsonl") -> Path:
    """A place for a file or folder that is not taken, and that the loader reads."""
    folder = os.fsencode(tried.landing / FEED)
    while True:
        some = chance.choices([it.encode() for it in ATOMS] + BYTES, k=3)
        name = b"".join(some[: chance.randint(1, 3)])
        name = name.lstrip(b"._").replace(b"/", b"")[: NAME_BYTES - len(suffix)]
        path = Path(os.fsdecode(folder + b"/" + (name or b"x") + suffix))
        if not os.path.lexists(path):
            return path


def _expect(tried: Tried, path: Path, event_id: str) -> None:
    name = os.fsencode(path.relative_to(tried.landing))
    tried.names[event_id] = shown_name(name)


def _file(tried: Tried, chance: Random) -> Path:
    path = _new_path(tried, chance)
    return _landed(tried, path)


def _landed(tried: Tried, path: Path) -> Path:
    event_id = f"e{tried.count}"
    _write(path, event_id)
    _expect(tried, path, event_id)
    return path


def _long_name(tried: Tried, chance: Random) -> None:
    path = _new_path(tried, chance, b"y" * chance.randint(200, NAME_BYTES - 1))
    _landed(tried, path)


def _in_folders(tried: Tried, chance: Random) -> None:
    folder = _new_path(tried, chance, chance.choice([b"", b".jsonl", b".gz"]))
    for _ in range(chance.randint(0, 3)):
        folder = folder / chance.choice(["--", "a.jsonl", "[1]", "x.."])
    _landed(tried, folder / chance.choice(["1.jsonl", "'.jsonl", "-"]))


def _twin(tried: Tried, chance: Random) -> None:
    """A name that is another one's once it is escaped, or to a pattern."""
    path = os.fsencode(_file(tried, chance).with_suffix(""))
    for twin in (path + b"\\x0a", path + b"\n", path + b"\\\\x0a", path + b"[1]"):
        other = Path(os.fsdecode(twin[: twin.rindex(b"/") + 200]))
        with suppress(OSError):
            if not os.path.lexists(other):
                event_id = f"e{tried.count}-{len(tried.names)}"
                _write(other, event_id)
                _expect(tried, other, event_id)


def _link_out(tried: Tried, chance: Random) -> None:
    path = _new_path(tried, chance)
    inner = path.with_name(f"link{tried.count}")
    secret = tried.outside / "secret.jsonl"
    target = chance.choice(
        [
            secret,
            tried.outside,
            tried.outside / "deep",
            os.path.relpath(secret, path.parent),
            Path("../../outside/secret.jsonl"),
            Path("/proc/self/environ"),
            Path("/dev/zero"),
            Path("/"),
            inner,
        ]
    )
    if target == inner:  # by way of a link within the root
        inner.symlink_to(secret)
    path.symlink_to(target)


def _special(tried: Tried, chance: Random) -> None:
    _put_special(_new_path(tried, chance), chance.random())


def _put_special(path: Path, draw: float) -> None:
    """A pipe, a socket or, where this process may make one, a device."""
    if draw < 0.4:
        os.mkfifo(path)
    elif draw < 0.8 or os.geteuid() != 0:
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


def _left_alone(tried: Tried, chance: Random) -> None:
    path = _new_path(tried, chance, chance.choice([b".tmp", b".part", b".PART"]))
    if chance.random() < 0.5:
        path = path.with_name(f"{chance.choice('._')}{tried.count}")
    _write(path, "left-alone")


def _swapped(tried: Tried, chance: Random) -> None:
    """A file in whose place something else is, once it was listed or hashed."""
    path = _new_path(tried, chance)
    event_id = f"e{tried.count}"
    _write(path, event_id)
    draw, outside = chance.random(), tried.outside
    put = chance.choice(["link", "special", "folder", "file", "gone", "grown", "above"])
    if put == "file":  # by its next reading, at the latest, it is the new one
        _expect(tried, path, f"{event_id}-new")
    if put == "grown":
        _expect(tried, path, event_id)
        _expect(tried, path, f"{event_id}-more")
    if put == "above":  # the folder over it becomes a link
        path.unlink()
        path = path.with_suffix(f".{tried.count}") / "secret.jsonl"
        _write(path, event_id)

    def swap(place: Path) -> None:
        if put == "grown":
            _write(place, event_id, f"{event_id}-more")
            return
        place.unlink()
        if put == "link":
            place.symlink_to(outside / "secret.jsonl")
        elif put == "special":
            _put_special(place, draw)
        elif put == "folder":
            place.mkdir()
        elif put == "file":
            _write(place, f"{event_id}-new")
        elif put == "above":
            place.parent.rmdir()
            place.parent.symlink_to(outside)

    when = chance.choice([tried.after_listing, tried.after_hashing])
    when[path] = swap


KINDS = (_file, _long_name, _in_folders, _twin, _link_out, _special, _left_alone)
KINDS += (_swapped, _swapped)
