"""Where everything lives, and what "now" is: the one file that knows."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
DBT = Path(sys.executable).parent / "dbt"
ENGINES = ("duckdb", "snowflake")
DAGSTER_POSTGRES = "ACSR_DAGSTER_POSTGRES"
ALERT_FORMATS = ("slack", "json")
DBT_FOLDERS = ("models", "macros", "seeds", "tests", "snapshots", "analyses")
FULL_DISK = ("No space left on device", "Disk quota exceeded", "disk is full")
LEAST_ROOM = 1 << 20  # bytes, without which nothing works
DBT_FILES = (".sql", ".yml", ".yaml", ".md", ".csv")


class ProjectError(Exception):
    """Something the reader can mend: the message says what, where and how."""

    exit_code = 1


class BusyError(ProjectError):
    """Another process is at work here; the same command works once it has ended."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h


class FullDiskError(ProjectError):
    """Something could not be written because a disk, or a quota on it, is full."""

    def __init__(self, place: Path | str, problem: BaseException) -> None:
        super().__init__(
            f"the disk of {place} is full ({problem}): free some space and run again; "
            "what was committed stays, and all else is read again"
        )


def is_full_disk(problem: BaseException) -> bool:
    """Whether that is why something failed; engines say so in words alone."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(problem) for words in FULL_DISK)


def has_no_room() -> bool:
    """Whether the disk of the home folder is full; SQLite calls that an I/O error."""
    return home().exists() and shutil.disk_usage(home()).free < LEAST_ROOM


def landing() -> Path | str:
    """The landing root: `ACSR_LANDING`, else `landing/` in the project.

    A folder, or the address of a bucket as it is stated.
    """
    stated = os.environ.get("ACSR_LANDING") or ""
    return stated if "://" in stated else _folder("ACSR_LANDING", "landing")


def shown_landing() -> str:
    """The landing root for people: an address without its options and credentials."""
    root = landing()
    if isinstance(root, Path):
        return str(root)
    parts = urlsplit(root)
    host = parts.netloc
    if parts.password is not None:
        host = host.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def home() -> Path:
    """Everything computed: `ACSR_HOME`, else `.acsr/` in the project."""
    return _folder("ACSR_HOME", ".acsr")


def _folder(variable: str, default: str) -> Path:
    stated = os.environ.get(variable)
    if not stated:
        return ROOT / default
    if "://" in stated:
        raise ProjectError(
            f"{variable}={stated} is an address, but it must be a folder of this "
            "machine"
        )
    return Path(stated).expanduser().absolute()


def warehouse() -> Path:
    """The DuckDB file that holds every layer; one process writes it at a time."""
    return home() / "warehouse.duckdb"


def memory_limit() -> str:
    """What DuckDB may hold in memory: `ACSR_MEMORY_LIMIT`, else 3.5 GB.

    The profile says the same to dbt.
    """
    stated = os.environ.get("ACSR_MEMORY_LIMIT") or "3.5GB"
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B", stated):
        raise ProjectError(
            f"ACSR_MEMORY_LIMIT is {stated!r}, which is no size; write it as 4GB"
        )
    return stated


def published() -> Path:
    """The folder of the published files."""
    return home() / "published"


def current() -> Path:
    """The file that readers open: marts only, replaced as a whole."""
    return published() / "current.duckdb"


def sample_truth() -> Path:
    """Where the made-up sample keeps the truth it started from."""
    return home() / "sample_truth"


def as_of() -> datetime:
    """The "now" of every rule: the dbt var, else `ACSR_AS_OF`, else the clock."""
    variable = dbt_variables().get("as_of")
    name = "as_of in dbt_project.yml is" if variable else "ACSR_AS_OF is"
    stated = str(variable or os.environ.get("ACSR_AS_OF") or "")
    if not stated:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ProjectError(
            f"{name} {stated!r}, which is no moment in time; write it as ISO 8601 "
            "with a zone, such as 2026-01-31T12:00:00Z"
        )
    return moment.astimezone(UTC)


def alert_webhook() -> str | None:
    """Where messages go: `ACSR_ALERT_WEBHOOK`; a secret, so it is never shown."""
    return os.environ.get("ACSR_ALERT_WEBHOOK") or None


def alert_format() -> str:
    """What messages look like: `ACSR_ALERT_FORMAT`, else Slack's format."""
    stated = os.environ.get("ACSR_ALERT_FORMAT") or ALERT_FORMATS[0]
    if stated not in ALERT_FORMATS:
        raise ProjectError(
            f"ACSR_ALERT_FORMAT is {stated!r}; write {' or '.join(ALERT_FORMATS)}"
        )
    return stated


def heartbeat_url() -> str | None:
    """What is asked for after each good refresh: `ACSR_HEARTBEAT_URL`; a secret too."""
    return os.environ.get("ACSR_HEARTBEAT_URL") or None


def dagster_url() -> str | None:
    """Where people reach Dagster's UI: `ACSR_DAGSTER_URL`; for links in messages."""
    return os.environ.get("ACSR_DAGSTER_URL") or None


def dashboard_url() -> str | None:
    """Where people reach the dashboards: `ACSR_DASHBOARD_URL`; likewise."""
    return os.environ.get("ACSR_DASHBOARD_URL") or None


def alert_ledger() -> Path:
    """The file that says which messages were sent."""
    return home() / "alerts.sqlite"


def file_hashes() -> Path:
    """The file that says what landed files hashed to; it may be removed."""
    return home() / "file_hashes.sqlite"


def dbt_variables() -> dict[str, Any]:
    """The variables of `dbt_project.yml`."""
    text = (ROOT / "dbt_project.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text).get("vars") or {}


def engine() -> str:
    """Where records are loaded, marts built and published: `duckdb` or `snowflake`."""
    target = os.environ.get("DBT_TARGET") or ENGINES[0]
    if target not in ENGINES:
        raise ProjectError(
            f"DBT_TARGET is {target}, but records are loaded into and published from "
            f"{' or '.join(ENGINES)} only: unset it, or run dbt by itself on tables "
            "that are there already"
        )
    return target


def dbt_target_path() -> Path:
    """Where dbt writes; `DBT_TARGET_PATH`, else `target/` in the project."""
    return ROOT / (os.environ.get("DBT_TARGET_PATH") or "target")


def dbt_environment(moment: datetime | None = None) -> dict[str, str]:
    """What a dbt process must find in its environment."""
    return {
        "ACSR_HOME": str(home()),
        "ACSR_AS_OF": (moment or as_of()).isoformat(),
        "ACSR_MACROS": macros_fingerprint(),
        "DBT_PROJECT_DIR": str(ROOT),
        "DBT_PROFILES_DIR": str(ROOT),
        "DBT_TARGET_PATH": str(dbt_target_path()),
        "DBT_LOG_PATH": os.environ.get("DBT_LOG_PATH") or str(ROOT / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }


def macros_fingerprint() -> str:
    """A hash of all macros and seeds: with another one, dbt builds everything anew.

    dbt hashes models itself; SQL has no way to read the files of macros. Seeds are here
    so that a refresh can tell whether the last build already had them.
    """
    digest = hashlib.sha256()
    for path in sorted(
        file
        for folder in ("macros", "seeds")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in DBT_FILES
    ):
        content = path.read_bytes()
        digest.update(b"%b\0%d\0" % (os.fsencode(path.relative_to(ROOT)), len(content)))
        digest.update(content)
    return digest.hexdigest()


def run_dbt(
    *arguments: str,
    moment: datetime | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs dbt on this project and returns what it said; the caller judges."""
    prepare()
    return subprocess.run(
        [str(DBT), *arguments],
        cwd=ROOT,
        env={**os.environ, **dbt_environment(moment), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def prepare() -> None:
    """Makes what a fresh checkout lacks: the profile and the home folder."""
    home().mkdir(parents=True, exist_ok=True)
    profiles = ROOT / "profiles.yml"
    if not profiles.exists():
        draft = profiles.with_name(f".profiles.{os.getpid()}.tmp")
        shutil.copyfile(ROOT / "profiles.example.yml", draft)
        draft.replace(profiles)


def manifest() -> Path:
    """The dbt manifest, parsed anew where it is missing or older than the project.

    A file beside it tells that it was written to its end: dbt that is killed leaves
    half of one.
    """
    path = dbt_target_path() / "manifest.json"
    mark = path.with_name("manifest_is_whole")
    written = _written(path)
    is_whole = 0.0 < written <= _written(mark)
    if not is_whole or any(file.stat().st_mtime > written for file in _dbt_files()):
        parsed = run_dbt("parse")
        if parsed.returncode or not path.exists():
            raise ProjectError(f"dbt parse failed:\n{parsed.stdout}{parsed.stderr}")
        mark.touch()
    return path


def _written(path: Path) -> float:
    """When a file was last written, in seconds since 1970; 0 where there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def descriptions(schema: str) -> dict[str, dict[str, str]]:
    """What the manifest says of each table of a schema, and of its columns.

    The table's own description is under the empty name.
    """
    nodes = json.loads(manifest().read_bytes())["nodes"].values()
    return {
        node.get("alias") or node["name"]: {
            "": node["description"].strip(),
            **{
                name: column["description"].strip()
                for name, column in node["columns"].items()
            },
        }
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] == schema
    }


def _dbt_files() -> Iterator[Path]:
    yield ROOT / "dbt_project.yml"
    for folder in DBT_FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in DBT_FILES:
                yield path


def dagster_home() -> Path:
    """Dagster's own state, with this project's instance settings in place.

    Runs and events are in SQLite files there; in PostgreSQL, if `ACSR_DAGSTER_POSTGRES`
    is the address of a database.
    """
    folder = home() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = (ROOT / "orchestration" / "dagster.yaml").read_bytes()
    postgres = os.environ.get(DAGSTER_POSTGRES)
    if postgres:
        # SQLAlchemy's own choice of a driver is another than that of dagster-postgres
        stated = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", postgres)
        os.environ[DAGSTER_POSTGRES] = stated
    storage = f"storage.{'postgres' if postgres else 'sqlite'}.yaml"
    settings += (ROOT / "orchestration" / storage).read_bytes()
    path = folder / "dagster.yaml"
    if not path.exists() or path.read_bytes() != settings:
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_bytes(settings)
        draft.replace(path)
    return folder


def git_revision() -> str | None:
    """The commit that computes, with `+` where the checkout differs from it."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
