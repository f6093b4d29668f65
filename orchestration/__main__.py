"""`python -m orchestration`: what the Makefile's commands do."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration import (
    audit_queue,
    cases,
    engines,
    forget,
    project,
    rejects,
    report,
    sample,
    spreadsheets,
    trace,
)
from orchestration.dbt_process import seldom_collect
from orchestration.loading import FEEDS, load_all, read_settings, summary
from orchestration.publish import PublicationError
from orchestration.snowflake.grants import GrantsError

SCRIPTS = {
    "snowflake-setup": "the script that sets a Snowflake account up",
    "snowflake-prove": "the script that shows what only a real account can",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; what the reader can mend ends in one line, not a trace."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except project.ProjectError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    except Exception as problem:
        if not (project.is_full_disk(problem) or project.has_no_room()):
            raise
        print(
            f"error: {project.FullDiskError(project.home(), problem)}", file=sys.stderr
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orchestration")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(command=command, job=name)
        return added

    making = add("sample", _sample, "write made-up traffic where nothing has landed")
    making.add_argument("--days", type=int, required=True)
    making.add_argument("--cases-per-day", type=int, required=True)
    making.add_argument("--seed", type=int, required=True)
    add("refresh", _run, "load what is new, build, test, publish")
    add("nightly", _run, "as refresh, with the slow tests and the unit tests")
    window = add("backfill", _backfill, "rebuild a window of days, test, publish")
    window.add_argument("first", metavar="FROM", help="first day, as 2026-05-01")
    window.add_argument("last", metavar="TO", help="last day")
    add("resume", _resume, "end a rollback: refresh, and publish what comes of it")
    rollback = add("rollback", _roll_back, "show readers an older publication again")
    rollback.add_argument(
        "to", nargs="?", help="its id, or how it begins; else the one before"
    )
    listing = add("cases", _cases, "what is behind an alert or a failed test")
    listing.add_argument(
        "of", nargs="?", help="an alert's key, a test's name, or raw.<feed>"
    )
    tabling = add("export", _export, "a published mart as CSV, safe for spreadsheets")
    tabling.add_argument("mart")
    tracing = add("trace", _trace, "where a record went, from its line to the KPIs")
    tracing.add_argument("of", help="the id of a record, or <file>:<line>")
    exporting = add("rejects", _rejects, "rejected records as a file to be mended")
    exporting.add_argument("feed")
    replaying = add("replay-rejects", _replay_rejects, "read rejected records again")
    replaying.add_argument("feed", nargs="?")
    forgetting = add("forget", _forget, "remove customers from all that is kept")
    forgetting.add_argument("customers", nargs="+", help="their ids, as landed")
    add("report", _report, "the published KPIs as text")
    add("audit-queue", _audit_queue, "the cases drawn for audits as CSV and JSON lines")
    add("dev", _dev, "Dagster's UI and daemon on loopback")
    add("daemon", _serve, "Dagster's daemon alone: the schedule, sensors, refreshes")
    serving = add("webserver", _serve, "Dagster's UI alone; it has no login of its own")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=3000)
    add("parse", _parse, "parse for Snowflake, where deprecations show")
    for script, text in SCRIPTS.items():
        add(script, _script, f"print {text}")
    checking = add("check-adapter", _check_adapter, "try an adapter on sample files")
    checking.add_argument("feed")
    checking.add_argument("files", nargs="+", type=Path)
    checking.add_argument(
        "--silent", type=int, default=0, help="records that give no event, on purpose"
    )
    checking.add_argument(
        "--rejected", type=int, default=0, help="records that are rejected, on purpose"
    )
    comparing = add("diff", _diff, "compare the marts of two revisions, as Markdown")
    comparing.add_argument("base", metavar="BASE", help="a branch, a tag or a commit")
    comparing.add_argument("--landing", type=Path, help="files in place of the sample")
    add("docs", _docs, "documentation of tables, columns and their lineage")
    return parser


def _sample(options: argparse.Namespace) -> int:
    if sample.has_landed():
        return 0
    print(
        f"Nothing has landed in {project.shown_landing()}: making up "
        f"{options.days} days of support traffic (no real customer is in it).",
        flush=True,
    )
    sample.make(options.days, options.cases_per_day, options.seed, project.as_of())
    return 0


def _backfill(options: argparse.Namespace) -> int:
    first, last = _day("FROM", options.first), _day("TO", options.last)
    if last < first:
        raise project.ProjectError(f"FROM={first} is after TO={last}; swap them")
    window = {"rebuild_from": first.isoformat(), "rebuild_to": last.isoformat()}
    return _run(options, {"ops": {"dbt_project": {"config": window}}})


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise project.ProjectError(
            f"{name}={text!r} is no day; write it as 2026-05-01"
        ) from problem


def _run(options: argparse.Namespace, config: Mapping[str, Any] | None = None) -> int:
    from orchestration.run import Outcome, run_job  # Dagster takes seconds to import

    outcome = run_job(options.job, config)
    if outcome is Outcome.FAILED:
        print(
            f"error: {options.job} failed; nothing was published. The whole story: "
            "`make dev`, Runs",
            file=sys.stderr,
        )
        return 1
    if outcome is Outcome.HELD:
        print(f"Built and tested; a rollback holds {engines.published_name()}")
    else:
        print(f"Published {engines.published_name()}")
    return 0


def _resume(options: argparse.Namespace) -> int:
    options.job = "refresh"
    return _run(options, {"ops": {"publication": {"config": {"after_rollback": True}}}})


def _roll_back(options: argparse.Namespace) -> int:
    try:
        done = engines.roll_back_marts(options.to)
    except (PublicationError, GrantsError) as problem:
        raise project.ProjectError(str(problem)) from problem
    print(
        f"Readers of {engines.published_name()} see publication {done.marts_of}\n"
        f"instead of {done.instead_of}.\n"
        "Refreshes go on loading, building and testing; they publish nothing until "
        "`make resume`."
    )
    return 0


def _cases(options: argparse.Namespace) -> int:
    print(cases.listed(options.of))
    return 0


def _export(options: argparse.Namespace) -> int:
    path, count = spreadsheets.export(options.mart, project.home() / "exports")
    print(f"{count:,} rows, from {engines.published_name()}: {path}")
    return 0


def _trace(options: argparse.Namespace) -> int:
    print(trace.trace(options.of))
    return 0


def _rejects(options: argparse.Namespace) -> int:
    path, count = rejects.export(options.feed, project.home() / "rejects")
    place = f"{project.shown_landing()}/{options.feed}/"
    print(
        f"{count:,} rejected records: {path}\n"
        f"Mend the lines, leave `_repairs` as it is, move the file to {place} under "
        "another name, then `make replay-rejects` or `make refresh`."
    )
    return 0


def _replay_rejects(options: argparse.Namespace) -> int:
    """Reads files again that had rejected records, and says what became of each."""
    feeds = [options.feed] if options.feed else list(FEEDS)
    if unknown := set(feeds) - set(FEEDS):
        raise project.ProjectError(
            f"no feed {', '.join(unknown)}; there are {', '.join(FEEDS)}"
        )
    load_id = f"load-{uuid.uuid4().hex[:12]}"
    with engines.loading() as warehouse:
        sample.refuse_a_mixture(warehouse)
        for feed in feeds:
            warehouse.mask(feed)
        report = load_all(
            landing=project.landing(),
            warehouse=warehouse.store,
            settings=read_settings(project.ROOT / "dbt_project.yml", project.home()),
            load_id=load_id,
            now=max(datetime.now(UTC), project.as_of()),
            feeds=feeds,
            progress=lambda text: print(text, file=sys.stderr, flush=True),
            replay=True,
        )
    print(summary(report))
    print(rejects.became(load_id))
    if report.loaded:
        print("`make refresh` builds and publishes what was loaded.")
    return 0


def _forget(options: argparse.Namespace) -> int:
    gone = forget.erase(options.customers)
    options.job = "refresh"
    if failed := _run(options):
        print(
            "error: they are out of the raw tables, but not of what readers have: mend "
            "what failed, then run the same command again",
            file=sys.stderr,
        )
        return failed
    print(forget.told(options.customers, forget.clear(options.customers, gone)))
    return 0


def _report(_: argparse.Namespace) -> int:
    print(report.render())
    return 0


def _audit_queue(_: argparse.Namespace) -> int:
    with engines.reading() as ask:
        table, lines, rows = audit_queue.export(ask, project.home() / "audit_queue")
    print(f"{rows:,} audits to do, from {engines.published_name()}:\n{table}\n{lines}")
    return 0


def _dev(_: argparse.Namespace) -> int:
    os.environ["DAGSTER_HOME"] = str(project.dagster_home())
    os.chdir(project.ROOT)
    command = [sys.executable, "-m", "dagster", "dev", "--host", "127.0.0.1"]
    os.execv(sys.executable, [*command, "--module-name", "orchestration.definitions"])


def _serve(options: argparse.Namespace) -> int:
    """Dagster's daemon or its UI, alone, as a service runs them."""
    os.environ["DAGSTER_HOME"] = str(project.dagster_home())
    os.chdir(project.ROOT)
    module = ["--module-name", "orchestration.definitions"]
    if options.job == "daemon":
        command = ["dagster._daemon", "run", *module]
    else:
        command = ["dagster_webserver", *module]
        command += ["--host", options.host, "--port", str(options.port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])


def _parse(_: argparse.Namespace) -> int:
    done = project.run_dbt(
        *("--warn-error-options", '{"error": ["Deprecations"]}'),
        *("parse", "--no-partial-parse", "--target", "snowflake"),
        *("--show-all-deprecations",),
        environment={"DBT_TARGET_PATH": str(project.dbt_target_path() / "snowflake")},
    )
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return done.returncode


def _script(options: argparse.Namespace) -> int:
    """Prints an analysis; nothing is asked of any account, and no account is needed."""
    done = project.run_dbt(
        *("compile", "--quiet", "--target", "lint"),
        *("--select", options.job.replace("-", "_")),
        environment={"DBT_TARGET_PATH": str(project.dbt_target_path() / "scripts")},
    )
    print(done.stdout, end="")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode


def _diff(options: argparse.Namespace) -> int:
    from orchestration import diff  # it makes the sample, which no other command needs

    page = project.home() / "diff" / "diff.md"
    print(diff.run(options.base, options.landing, page), end="")
    print(f"Written to {page}", file=sys.stderr)
    return 0


def _check_adapter(options: argparse.Namespace) -> int:
    from orchestration import adapter_check

    stated = adapter_check.Stated(options.silent, options.rejected)
    told, faults = adapter_check.run(options.feed, options.files, stated)
    print(told)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print(f"Checked: {', '.join(adapter_check.CHECKS)}. No fault.")
    return 1 if faults else 0


def _docs(_: argparse.Namespace) -> int:
    from orchestration import lineage  # it parses SQL, which no other command does

    done = project.run_dbt("docs", "generate", "--static")
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        return done.returncode
    target = project.dbt_target_path()
    pages = {
        "tables and columns": target / "static_index.html",
        "column lineage": lineage.write_page(target),
    }
    for what, page in pages.items():
        print(f"{what}: {page}")
    return 0


if __name__ == "__main__":
    seldom_collect()
    sys.exit(main())
