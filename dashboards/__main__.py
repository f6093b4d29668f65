"""`python -m dashboards`: the boards in a browser, or as one HTML file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl

from dashboards import filters, pages, server
from orchestration import project

PORT = 8600


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; what the reader can mend ends in one line, not a trace."""
    parser = argparse.ArgumentParser(prog="python -m dashboards")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="the boards on this machine")
    serving.set_defaults(command=_serve)
    writing = commands.add_parser("report", help="every board in one HTML file")
    writing.add_argument("--out", type=Path, help="default: $ACSR_HOME/report.html")
    writing.add_argument(
        "--filters", default="", help="as in a board's address: period=4w&intent=refund"
    )
    writing.set_defaults(command=_report)
    options = parser.parse_args(arguments)
    try:
        if project.engine() != "duckdb":
            raise project.ProjectError(
                "the boards read the published DuckDB file, and DBT_TARGET is "
                f"{project.engine()}: point a BI tool at the published schema instead"
            )
        return options.command(options)
    except (project.ProjectError, filters.FilterError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1


def _serve(_: argparse.Namespace) -> int:
    server.serve(project.current(), port())
    return 0


def port() -> int:
    """Where the boards are served: ACSR_DASHBOARD_PORT, else 8600."""
    stated = os.environ.get("ACSR_DASHBOARD_PORT") or str(PORT)
    if not stated.isdecimal() or not 0 < int(stated) < 65536:
        raise project.ProjectError(
            f"ACSR_DASHBOARD_PORT is {stated!r}, which is no port; write 1 to 65535"
        )
    return int(stated)


def _report(options: argparse.Namespace) -> int:
    chosen = filters.read(dict(parse_qsl(options.filters)))
    path = options.out or project.home() / "report.html"
    text = pages.report(project.current(), chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"Open {path} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
