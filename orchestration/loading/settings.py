"""What a user decides about loading, read where every other setting lives."""

from __future__ import annotations

import hmac
import os
import re
import secrets as random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from orchestration import project
from orchestration.loading.containers import MAX_FILE_BYTES

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LEAST_MEMORY = 512 << 20  # Arrow and a block of lines take some 200 MB
SUPPRESSED_FILE = "suppressed"  # of the home folder, beside the key of the hashes


@dataclass(frozen=True)
class LoadSettings:
    """Settings of a load.

    `hash_key` is the key of the customer hash; `keep_message_text` keeps what people
    and agents wrote; `feed_timezones` says how feeds without zones are to be read;
    `default_ticket_system` is meant where a record names none, unless `ticket_systems`
    says otherwise of its feed; `suppressed` are hashes of people whose records are kept
    out, beside those that the warehouse knows.
    """

    hash_key: bytes
    keep_message_text: bool = False
    feed_timezones: Mapping[str, str] = field(default_factory=dict)
    default_ticket_system: str = "default"
    ticket_systems: Mapping[str, str] = field(default_factory=dict)
    suppressed: frozenset[str] = frozenset()

    def zone(self, feed: str) -> ZoneInfo:
        """The time zone of a feed whose format has none."""
        name = self.feed_timezones.get(feed, "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"feed_timezones.{feed} in dbt_project.yml is {name!r}, which is no "
                "time zone; use a name such as Europe/Madrid"
            ) from error

    def ticket_system(self, feed: str) -> str:
        """The helpdesk that records of a feed mean where they name none."""
        return str(self.ticket_systems.get(feed, self.default_ticket_system))

    def customer_key(self, customer_id: str) -> str:
        """The keyed hash by which every layer after raw knows a customer."""
        return hmac.digest(self.hash_key, customer_id.encode(), "sha256").hex()


@dataclass(frozen=True)
class Limits:
    """What the validation of one file may take.

    `memory` in bytes; `seconds` of processor time, as many again with each 16 MiB of
    the file; `output` is what its rows may take on disk, in bytes.
    """

    memory: int = 3 * 10**9
    seconds: int = 60
    output: int = 4 * MAX_FILE_BYTES

    def seconds_for(self, size: int) -> int:
        """Processor seconds for a file of `size` bytes as it landed."""
        return self.seconds * (1 + size // (16 << 20))

    def advice(self, variable: str) -> str:
        """What to do about a file that reached a limit."""
        return (
            f"split it, or raise {variable} and read it again with "
            "`python -m orchestration.loading --replay`"
        )


def read_limits(environ: Mapping[str, str] | None = None) -> Limits:
    """`ACSR_VALIDATOR_MEMORY` and `ACSR_VALIDATOR_SECONDS`, where they are stated."""
    environ = os.environ if environ is None else environ
    limits = Limits()
    if stated := environ.get("ACSR_VALIDATOR_MEMORY"):
        limits = replace(limits, memory=_bytes(stated))
    if stated := environ.get("ACSR_VALIDATOR_SECONDS"):
        if not re.fullmatch(r"[1-9][0-9]{0,5}", stated):
            raise project.ProjectError(
                f"ACSR_VALIDATOR_SECONDS is {stated!r}; write whole seconds, such as 60"
            )
        limits = replace(limits, seconds=int(stated))
    return limits


def _bytes(stated: str) -> int:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]i?B)", stated)
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < _LEAST_MEMORY:
        raise project.ProjectError(
            f"ACSR_VALIDATOR_MEMORY is {stated!r}; write a size of at least 512MiB, "
            "such as 3GB"
        )
    return size


def read_settings(
    dbt_project: Path, home: Path, environ: Mapping[str, str] | None = None
) -> LoadSettings:
    """Settings from `dbt_project.yml`, and the hash key from environment or home."""
    environ = os.environ if environ is None else environ
    variables: Mapping[str, object] = {}
    if dbt_project.exists():
        stated = yaml.safe_load(dbt_project.read_text(encoding="utf-8")) or {}
        variables = stated.get("vars") or {}
    keep = variables.get("keep_message_text", False)
    if not isinstance(keep, bool):
        raise TypeError(
            f"keep_message_text in {dbt_project} is {keep!r}; use true or false"
        )
    zones = variables.get("feed_timezones") or {}
    if not isinstance(zones, dict):
        raise TypeError(
            f"feed_timezones in {dbt_project} is {zones!r}; use a mapping such as "
            "{tau2_runs: UTC}"
        )
    systems = variables.get("ticket_systems") or {}
    if not isinstance(systems, dict):
        raise TypeError(
            f"ticket_systems in {dbt_project} is {systems!r}; use a mapping such as "
            "{zendesk: europe}"
        )
    return LoadSettings(
        hash_key=_hash_key(home, environ),
        keep_message_text=keep,
        feed_timezones=zones,
        default_ticket_system=str(variables.get("default_ticket_system", "default")),
        ticket_systems=systems,
        suppressed=suppressed_hashes(home),
    )


def suppressed_hashes(home: Path) -> frozenset[str]:
    """Hashes that a home folder keeps, should its warehouse be lost."""
    path = home / SUPPRESSED_FILE
    return frozenset(path.read_text("utf-8").split() if path.exists() else ())


def keep_suppressed(home: Path, hashes: Iterable[str]) -> None:
    """Adds hashes to those that a home folder keeps."""
    path = home / SUPPRESSED_FILE
    held = sorted(suppressed_hashes(home) | set(hashes))
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{it}\n" for it in held), "utf-8")
    draft.replace(path)


def _hash_key(home: Path, environ: Mapping[str, str]) -> bytes:
    """`ACSR_HASH_KEY`, or a random key made once and kept in the home folder."""
    if stated := environ.get("ACSR_HASH_KEY"):
        return stated.encode()
    path = home / "hash_key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".hash_key.{os.getpid()}.tmp"
        draft.touch(mode=0o600)
        draft.write_text(random.token_hex(32), encoding="ascii")
        try:
            os.link(draft, path)  # atomic, and never over another run's key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_bytes().strip()
    if not key:
        raise ValueError(f"{path} is empty; remove it or set ACSR_HASH_KEY")
    return key
