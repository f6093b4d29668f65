"""The comparison of two builds as Markdown, fit for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from orchestration import engines, project, report
from orchestration.diff.builds import LOCK, Build
from orchestration.diff.tables import Difference, Example

KPIS = report.QUERIES / "months.sql"
SLOWER_BY_SECONDS = 1.0
SLOWEST_SHOWN = 5
MOVED_COLUMNS_SHOWN = 8

Row = Mapping[str, Any]
Months = dict[tuple[str, date], Row]


def render(base: Build, head: Build, found: Sequence[Difference], sample: str) -> str:
    """The page; `sample` says in words what both builds were built from."""
    kpis = _kpi_rows(base, head)
    moved = [one for one in found if one.is_any]
    changed = changed_nodes(base.manifest, head.manifest)
    is_still = not (moved or (kpis and kpis != UNREADABLE))
    lines = [
        f"## Marts: {base.name} → {head.name}",
        "",
        f"Both built from {sample}. Marts of the night are not compared.",
        "",
        "**Nothing moved**: every mart has the same columns and rows."
        if is_still
        else f"**{_plural(len(moved), 'mart')} of {len(found)} moved.**",
        *_lock(base, head),
        *_section("KPIs of all cases, by month", kpis or ["No KPI moved."]),
        *_section("Columns", list(_columns(moved))),
        *_section("Rows", _rows(moved)),
        *_section("Examples", list(_examples(moved))),
        *_section("Run time", list(_run_time(base, head))),
        *_section("Downstream", list(_downstream(head.manifest, changed, moved))),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"### {title}", "", *lines] if lines else []


def _lock(base: Build, head: Build) -> list[str]:
    if base.lock == head.lock:
        return []
    pins = set(base.lock.splitlines()) ^ set(head.lock.splitlines())
    return [
        "",
        f"> `{LOCK}` differs in {_plural(len(pins), 'line')}. Both were built with "
        "the packages installed now: what other packages move is not seen here.",
    ]


UNREADABLE = ["The KPIs of one side cannot be read: their columns are others."]


def _kpi_rows(base: Build, head: Build) -> list[str]:
    """A table of what moved; nothing where none did."""
    months: list[Months] = []
    for build in (base, head):
        try:
            with engines.reading_file(build.warehouse) as ask:
                rows = ask(KPIS.read_text(encoding="utf-8"))
        except project.ProjectError:
            return UNREADABLE
        months.append({(row["kpi"], row["period_start"]): row for row in rows})
    before, after = months
    lines = [
        _kpi_line(before.get(key), after.get(key))
        for key in {**after, **before}
        if _figures(before.get(key)) != _figures(after.get(key))
    ]
    heading = ("KPI", "month", "before", "after", "change", "n before", "n after")
    return _table(heading, lines, right=4) if lines else []


def _figures(row: Row | None) -> tuple[Any, ...] | None:
    """What is compared, to the last bit."""
    names = ("value", "numerator", "denominator", "unit")
    return tuple(row[name] for name in names) if row else None


def _kpi_line(before: Row | None, after: Row | None) -> list[str]:
    either = after or before or {}
    unit = either["unit"]
    values = [row["value"] if row else None for row in (before, after)]
    change = (
        report.change(values[1] - values[0], unit)
        if None not in values
        else report.NONE
    )
    counts = [
        f"{row['denominator'] or 0:,.0f}" if row else report.NONE
        for row in (before, after)
    ]
    amounts = [report.amount(value, unit) for value in values]
    return [
        f"{either['label']} (`{either['kpi']}`, {unit})",
        f"{either['period_start']:%Y-%m}",
        *amounts,
        change,
        *counts,
    ]


def _columns(moved: Iterable[Difference]) -> Iterator[str]:
    for one in moved:
        if one.status != "kept":
            rows = _plural(max(one.rows), "row")
            yield f"- `{one.table}` {one.status} ({rows})"
        for text in one.columns:
            yield f"- `{one.table}`: {text}"


def _rows(moved: Iterable[Difference]) -> list[str]:
    lines = []
    for one in moved:
        if one.came or one.gone or one.changed:
            columns = sorted(one.moved.items(), key=lambda item: (-item[1], item[0]))
            told = [f"`{name}` {count:,}" for name, count in columns]
            more = len(told) - MOVED_COLUMNS_SHOWN
            told[MOVED_COLUMNS_SHOWN:] = [f"{more} more"] if more > 0 else []
            lines.append(
                [
                    f"`{one.table}`",
                    ", ".join(one.grain) or "whole row",
                    *(f"{count:,}" for count in one.rows),
                    *(f"{count:,}" for count in (one.came, one.gone, one.changed)),
                    ", ".join(told) or report.NONE,
                ]
            )
    heading = ("mart", "rows told apart by", "before", "after", "came", "gone")
    heading = (*heading, "changed", "columns that moved, in so many rows")
    return _table(heading, lines, right=5, left=2) if lines else []


def _examples(moved: Iterable[Difference]) -> Iterator[str]:
    for one in moved:
        for example in one.examples:
            yield f"- `{one.table}` {_example(example)}"


def _example(example: Example) -> str:
    key = ", ".join(f"{name} {_value(it)}" for name, it in example.key.items())
    pairs = list(example.moved.items())
    told = [
        f"`{name}` {_value(was)} → {_value(now)}"
        for name, (was, now) in pairs[:MOVED_COLUMNS_SHOWN]
    ]
    return f"{example.what}: {key}" + (f": {', '.join(told)}" if told else "")


def _value(item: object) -> str:
    text = "null" if item is None else str(item)
    return text if len(text) <= 60 else text[:57] + "…"


def _run_time(base: Build, head: Build) -> Iterator[str]:
    totals = [sum(build.node_seconds.values()) for build in (base, head)]
    yield (
        f"Loading and building took {head.cpu_seconds:.0f} s of processor time, "
        f"{base.cpu_seconds:.0f} s before; {_plural(len(head.node_seconds), 'node')} "
        f"of dbt ran, {len(base.node_seconds)} before. By the clock, which other work "
        "on the machine moves too:"
    )
    yield f"- all nodes: {totals[1] - totals[0]:+.1f} s, now {totals[1]:.1f} s"
    gaps = {
        node: seconds - base.node_seconds.get(node, 0.0)
        for node, seconds in head.node_seconds.items()
    }
    slower = [it for it in gaps.items() if abs(it[1]) >= SLOWER_BY_SECONDS]
    for node, gap in sorted(slower, key=lambda it: -abs(it[1]))[:SLOWEST_SHOWN]:
        name = node.rpartition(".")[2]
        yield f"- `{name}`: {gap:+.1f} s, now {head.node_seconds[node]:.1f} s"


def changed_nodes(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    """Ids of the models and seeds that are another now, or new.

    A model is what its SQL is compiled to, so that macros and settings count, and how
    it is built; a seed is its content.
    """
    before, after = _nodes(base), _nodes(head)
    return [node for node, said in after.items() if before.get(node) != said]


def _nodes(manifest: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {
        name: (
            node.get("compiled_code") or node["checksum"]["checksum"],
            node["config"].get("materialized"),
        )
        for name, node in manifest.get("nodes", {}).items()
        if node["resource_type"] in ("model", "seed")
    }


def _downstream(
    manifest: Mapping[str, Any], changed: Sequence[str], moved: Iterable[Difference]
) -> Iterator[str]:
    names = {node: node.rpartition(".")[2] for node in manifest.get("nodes", {})}
    if changed:
        told = ", ".join(f"`{names[node]}`" for node in sorted(changed))
        yield f"Changed models and seeds: {told}."
    else:
        yield "No model and no seed is compiled to anything else."
    tables = {one.table for one in moved}
    moved_nodes = [
        node
        for node, name in names.items()
        if name in tables and node.startswith("model.")
    ]
    for exposure, through in sorted(_exposures(manifest, [*changed, *moved_nodes])):
        about = manifest["exposures"][exposure]
        owner = about["owner"].get("name") or about["owner"].get("email") or "nobody"
        yield (
            f"- {about['type']} **{about.get('label') or about['name']}** "
            f"(owner {owner}) reads "
            + ", ".join(f"`{names.get(node, node)}`" for node in through)
        )


def _exposures(
    manifest: Mapping[str, Any], nodes: Iterable[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Exposures below nodes, each with what it reads of them and their children."""
    reached, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += manifest.get("child_map", {}).get(node, [])
    for name, about in manifest.get("exposures", {}).items():
        through = [it for it in about["depends_on"]["nodes"] if it in reached]
        if through:
            yield name, tuple(sorted(through))


def _table(
    heading: Sequence[str], rows: Iterable[Sequence[str]], right: int, left: int = 2
) -> list[str]:
    """A Markdown table: `left` columns of text, then `right` of numbers, then text."""
    marks = [
        "--:" if left <= place < left + right else "---"
        for place in range(len(heading))
    ]
    cells = [heading, marks, *([it.replace("|", "\\|") for it in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
