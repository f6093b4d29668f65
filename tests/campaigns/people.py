"""People who are forgotten, out of a warehouse that was built, published and used.

Simulated traffic is refreshed twice, so that there is an older publication and a build
of a batch; some customers are forgotten; all files land again, packed otherwise; and
the warehouse is built anew in an empty home. After each, no id and no key of theirs may
be found in any byte or value, no record of anybody else may be missing or twice, and
all ways must lead to the same marts.

Few people are forgotten by the loader alone, without a build.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import duckdb

from orchestration import project
from orchestration.fingerprint import fingerprint
from orchestration.forget import write_anew
from orchestration.loading import LoadSettings, load_all, read_settings
from orchestration.loading.duckdb_store import DuckDbStore
from orchestration.loading.erasure import Erasure
from orchestration.loading.settings import keep_suppressed
from orchestration.loading.suppression import CUSTOMER, Node
from simulator.generate import Settings, simulate
from tests.campaigns.leaks import leaks
from tests.campaigns.row import Progress, Row

FULL = 50
UNTIL = date(2026, 6, 1)
DAYS = 4
WHOLE_FROM = 10  # people from which on warehouses are built and published
NIGHT_FROM = 20  # people from which on what was said in a night is looked through too
AS_OF = datetime(2026, 6, 2, tzinfo=UTC).isoformat()
RECORDS = """
select 'agent_events', event_id, source_system, customer_id, session_id,
    coalesce(ticket_system, 'default'), ticket_id, previous_session_id, _line_sha256
from raw.agent_events
union all
select 'ticket_events', event_id, source_system, customer_id, null,
    coalesce(ticket_system, 'default'), ticket_id, null, _line_sha256
from raw.ticket_events
union all
select 'survey_responses', response_id, source_system, null, session_id,
    coalesce(ticket_system, 'default'), ticket_id, null, _line_sha256
from raw.survey_responses
union all
select 'compliance_audits', audit_id, source_system, null, session_id,
    coalesce(ticket_system, 'default'), ticket_id, null, _line_sha256
from raw.compliance_audits
union all
select 'zendesk', table_name || ':' || row_key, source_system, customer_id, null,
    'default', ticket_id, null, _line_sha256
from raw.zendesk
"""
CUSTOMER_ID = re.compile(r'"customer_id": ?"([^"]+)"')
THEIRS = """
select distinct customer_id from raw.agent_events where customer_id is not null
union
select distinct customer_id from raw.ticket_events where customer_id is not null
order by 1
"""


@dataclass
class Place:
    """A landing root and a home folder, in which everything of a refresh is."""

    root: Path
    home: Path
    is_whole: bool

    @property
    def warehouse(self) -> Path:
        """The file of the raw tables."""
        return self.home / "warehouse.duckdb"

    @property
    def settings(self) -> LoadSettings:
        """What the home folder says."""
        return read_settings(project.ROOT / "dbt_project.yml", self.home, {})

    def run(self, *arguments: str) -> None:
        """Runs a command, or as much of it as the loader does."""
        if self.is_whole:
            self._run(*arguments)
        elif arguments[0] == "forget":
            self._erase(arguments[1:])
        else:
            self.home.mkdir(exist_ok=True)
            load_id = f"load-{uuid.uuid4().hex}"
            now = datetime.fromisoformat(AS_OF)
            landing = self.root / "landing"
            load_all(landing, self.warehouse, self.settings, load_id, now)

    def _erase(self, people: Sequence[str]) -> None:
        nodes = frozenset(Node(CUSTOMER, "", it) for it in people)
        with duckdb.connect(str(self.warehouse)) as connection:
            store = DuckDbStore(connection)
            store.erase(Erasure(self.settings, nodes, f"erasure-{uuid.uuid4().hex}"))
            keep_suppressed(self.home, store.suppressed())
            connection.execute("delete from raw.forgotten")
        write_anew(self.warehouse)

    def _run(self, *arguments: str) -> None:
        """Runs a command; raises AssertionError with what it said if it fails."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ACSR_")},
            "ACSR_HOME": str(self.home),
            "ACSR_LANDING": str(self.root / "landing"),
            "ACSR_AS_OF": AS_OF,
            "ACSR_HASH_KEY": "",
            "DBT_TARGET_PATH": str(self.home / "target"),
            "DBT_LOG_PATH": str(self.home / "logs"),
            "DBT_LOG_LEVEL_FILE": "debug",
        }
        done = subprocess.run(
            [sys.executable, "-m", "orchestration", *arguments],
            cwd=project.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}{done.stderr}"

    def ask(self, query: str) -> list[tuple]:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()


def run(number: int, seed: int, progress: Progress) -> Row:
    """Forgets so many people, in a few goes, and looks for them everywhere."""
    row = Row(tried=number)
    with tempfile.TemporaryDirectory() as folder:
        is_whole = number >= WHOLE_FROM
        place = Place(Path(folder), Path(folder) / "home", is_whole)
        try:
            _run(place, number, seed, progress, row)
        except AssertionError as problem:
            row.problems.append(str(problem)[-4000:])
    return row


def _run(place: Place, number: int, seed: int, progress: Progress, row: Row) -> None:
    chance = Random(seed)
    _land(place.root, number, seed)
    progress("two refreshes")
    held_back = _hold_back(place.root)
    place.run("refresh")
    _land_the_rest(place.root, held_back)
    place.run("nightly" if number >= NIGHT_FROM else "refresh")
    known = [name for (name,) in place.ask(THEIRS)]
    # an id that is a part of another customer's would be found there
    alone = [it for it in known if sum(it in other for other in known) == 1]
    people = chance.sample(alone, number)
    words = [*people, *(place.settings.customer_key(it) for it in people)]
    before = place.ask(RECORDS)
    expected = _theirs(before, set(people))
    for start in range(0, number, max(1, number // 3)):
        some = people[start : start + max(1, number // 3)]
        progress(f"forgetting {len(some)}")
        place.run("forget", *some)
    after = place.ask(RECORDS)
    gone = set(before) - set(after)
    row.lost = len(gone - expected)
    row.leaked = len(expected - gone)
    row.doubled = len(after) - len(set(after))
    _look(place.home, words, row, "after they were forgotten")
    progress("landing everything again")
    _land_again(place.root)
    place.run("refresh")
    again = place.ask(RECORDS)
    if set(again) != set(after) or len(again) != len(after):
        row.problems.append("files that landed again changed the raw tables")
    _look(place.home, words, row, "after everything landed again")
    progress("building anew")
    anew = Place(place.root, place.root / "anew", place.is_whole)
    anew.home.mkdir()
    for name in ("hash_key", "suppressed"):
        shutil.copyfile(place.home / name, anew.home / name)
    anew.run("refresh")
    _look(anew.home, words, row, "in a warehouse that was built anew")
    if set(anew.ask(RECORDS)) != set(again):
        row.problems.append("raw tables differ from those loaded anew")
    if place.is_whole:
        kept, built = (fingerprint(it.warehouse) for it in (place, anew))
        differing = [
            name
            for name in built.tables
            if kept.tables.get(name) != built.tables[name] and "restate" not in name
        ]
        if differing:
            row.problems.append(f"marts differ from those built anew: {differing}")
    if not row.leaked and not row.problems:
        row.survived = number


def _theirs(records: list[tuple], people: set[str]) -> set[tuple]:
    """Records that must go, by the rules as they are written and not as they are coded.

    What names one of them; of the sessions and tickets that such a record names, what
    names nobody; and what names nobody and hangs on these.
    """
    said: dict[tuple, set[str]] = defaultdict(set)
    for record in records:
        said[record[2], record[4]].add(record[3])
    nodes: set[tuple] = set()
    gone: set[tuple] = set()
    size = -1
    while size != (size := len(gone) + len(nodes)):
        for record in records:
            feed, _, system, customer, session, helpdesk, ticket, before, _ = record
            ends = {("s", system, session), ("t", helpdesk, ticket)}
            ends = {end for end in ends if end[2] is not None}
            is_anonymous = session and not said[system, session] - {None}
            hangs_on = ends & nodes
            if is_anonymous and before is not None and feed == "agent_events":
                hangs_on |= {("s", system, before)} & nodes
            goes = customer in people or (customer is None and hangs_on)
            if goes:
                gone.add(record)
            if feed == "agent_events" and goes and customer is None:
                # another's ticket may be named by an event of theirs
                goes = {("s", system, session)} & nodes or is_anonymous
            if goes and feed in ("agent_events", "ticket_events", "zendesk"):
                nodes |= ends
    return gone


def _look(home: Path, words: list[str], row: Row, when: str) -> None:
    found = leaks(home, words)
    row.leaked += len({line.rpartition(": ")[2] for line in found})
    row.problems += [f"{when}: {line}" for line in found[:10]]


def _land(root: Path, number: int, seed: int) -> None:
    cases, days = (number, DAYS) if number >= WHOLE_FROM else (2, 2)
    settings = Settings(days, cases, seed, UNTIL, root / "landing", root / "truth")
    simulate(settings)
    _land_helpdesk(root / "landing")


def _land_helpdesk(landing: Path) -> None:
    """A ticket of each customer, on which another one comments too."""
    said = b"".join(
        gzip.decompress(path.read_bytes())
        for path in sorted((landing / "agent_events").rglob("*.gz"))
    ).decode()
    people = sorted(set(CUSTOMER_ID.findall(said)))
    tables: dict[str, list[str]] = {
        "user": ["id,role,updated_at"],
        "ticket": ["id,requester_id,status,updated_at"],
        "ticket_comment": ["id,ticket_id,user_id,public,created"],
        "satisfaction_rating": ["id,ticket_id,score,updated_at"],
    }
    for number, customer in enumerate(people):
        other, at = people[number - 1], f"{UNTIL} 09:00:00"
        tables["user"].append(f"{customer},end-user,{at}")
        tables["ticket"].append(f"Z-{number},{customer},solved,{at}")
        for who in (customer, other):
            row = f"{who == other},Z-{number},{who},true,{at}"
            tables["ticket_comment"].append(row)
        tables["satisfaction_rating"].append(f"1,Z-{number},good,{at}")
    for table, rows in tables.items():
        path = landing / "zendesk" / table / "rows.csv.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress("\n".join(rows).encode()))


def _hold_back(root: Path) -> list[Path]:
    """Takes the files of the last day out of the landing root."""
    days = sorted((root / "landing" / "agent_events").iterdir())
    last = days[-1].name
    taken = [it for it in (root / "landing").glob(f"*/{last}") if it.is_dir()]
    for path in taken:
        shutil.move(path, root / f"{path.parent.name}@{path.name}")
    return taken


def _land_the_rest(root: Path, taken: list[Path]) -> None:
    for path in taken:
        shutil.move(root / f"{path.parent.name}@{path.name}", path)


def _land_again(root: Path) -> None:
    """Every file once more, packed otherwise and elsewhere."""
    for path in sorted((root / "landing").rglob("*.gz")):
        content = gzip.decompress(path.read_bytes())
        name = "-".join(path.relative_to(root / "landing").parts[1:])
        copy = path.parent / "again" / name.removesuffix(".gz")
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(content + b"\n")
