"""A published file to look at, a server on it, and plain SQL to hold it against."""

from __future__ import annotations

import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import uvicorn

from dashboards import server
from orchestration.publish import publish
from tests.dashboards.browser import Browser

HERE = Path(__file__).parent
LAYOUT = (HERE / "layout.js").read_text(encoding="utf-8")
TABLES = (HERE / "tables.js").read_text(encoding="utf-8")


def publish_month(warehouse: Path, folder: Path, as_of: str) -> Path:
    """Publishes a warehouse; the path of the file that readers open."""
    publish(
        warehouse,
        folder,
        as_of=datetime.fromisoformat(as_of),
        git_revision="0123456789abcdef0123456789abcdef01234567",
        is_sample=True,
    )
    return folder / "current.duckdb"


def changed(path: Path, folder: Path, *statements: str) -> Path:
    """A copy of a published file on which some statements have been run."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "current.duckdb"
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy)) as connection:
        for statement in statements:
            connection.execute(statement)
    return copy


def emptied(path: Path, folder: Path) -> Path:
    """A copy in which every mart is there and has no row, as before anything lands."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'marts' and table_name not in "
            "('publications', 'dim_kpis', 'dim_policies', 'dim_escalation_reasons')"
        ).fetchall()
    return changed(path, folder, *(f"delete from marts.{name}" for (name,) in names))


def rows(path: Path, query: str, *values: object) -> list[dict[str, Any]]:
    """What plain SQL says of a published file."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as published (read_only)")
        connection.execute("use published")
        found = connection.execute(query, values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """The boards of a file on loopback; gives their address."""
    listener = socket.create_server((server.HOST, 0))
    config = uvicorn.Config(server.application(path), log_level="error")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://{server.HOST}:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(timeout=30)
        listener.close()


def get(address: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """A page without a browser: status, text and headers."""
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode(), dict(problem.headers)


def wait_for(address: str) -> None:
    """Returns as soon as a server answers; fails if it never does."""
    end = time.monotonic() + 60
    while True:
        try:
            get(address)
            return
        except urllib.error.URLError:
            assert time.monotonic() < end, f"{address} does not answer"
            threading.Event().wait(0.05)


def tables(browser: Browser) -> dict[str, Any]:
    """The panels of the page that the browser shows."""
    return browser.evaluate(TABLES)


def layout(browser: Browser) -> list[str]:
    """What is wrong with the layout of the page that the browser shows."""
    return browser.evaluate(LAYOUT)


def column(panel: dict[str, Any], heading: str) -> list[list[Any]]:
    """The cells below the first heading of that name."""
    place = panel["headings"].index(heading)
    return [row[place] for row in panel["rows"]]
