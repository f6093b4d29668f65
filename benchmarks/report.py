"""The results as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Results = dict[str, Any]
SHOWN_BATCH_NODES = 8

# Two cores, 24 GiB; ratios are of one run.
FULL_SECONDS = 120
FULL_RATIO = 2.0
PEAK_BYTES = 6e9
LOADING_RATIO = 1.5
BATCH_SECONDS = 30
BATCH_RATIO = 1.2
TREND_MILLISECONDS = 100


def render(results: Results) -> str:
    """Everything that was measured, and which goals were met."""
    lines = [*_opening(results)]
    if "full" in results:
        lines += ["", *_full(results["full"], results["load"])]
    if "loading" in results:
        lines += ["", *_loading(results["loading"])]
    if "batches" in results:
        lines += ["", *_batches(results["batches"])]
    if "trends" in results:
        lines += ["", *_trends(results["trends"])]
    lines += ["", *_goals(results)]
    return "\n".join(lines)


def _opening(results: Results) -> Iterator[str]:
    machine, load = results["machine"], results["load"]
    yield (
        f"{machine['at']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, load average "
        f"{machine['load_average']:.1f}; Python {machine['python']}, "
        f"DuckDB {machine['duckdb']}, dbt {machine['dbt-core']}, "
        f"Dagster {machine['dagster']}; {machine['git_revision']}"
    )
    counts = ", ".join(f"{name} {count:,}" for name, count in load["records"].items())
    yield (
        f"Load, made up: {counts}; {load['files']} files of each feed, "
        f"{load['bytes'] / 1e9:.2f} GB, each line written {load['copies']} times under "
        f"other ids; made in {load['seconds']:.0f} s"
    )


def _full(full: Results, load: Results) -> Iterator[str]:
    records = sum(load["records"].values())
    yield "Full run: files to figures, on an empty warehouse"
    yield from _table(
        ["", "seconds", "processor s", "records/s", "peak GB", "disk GB"],
        *(
            [
                name,
                f"{it['seconds']:.1f}",
                f"{it['cpu_seconds']:.1f}",
                f"{records / it['seconds']:,.0f}",
                f"{it['peak_bytes'] / 1e9:.2f}",
                f"{it['disk_bytes'] / 1e9:.2f}",
            ]
            for name, it in (("floor", full["floor"]), ("pipeline", full["pipeline"]))
        ),
    )
    yield f"pipeline / floor: {full['ratio']:.2f}"
    yield "same in both: " + ", ".join(
        f"{name} {count:,}" for name, count in full["counts"].items()
    )
    yield ""
    yield "Where the pipeline's time goes"
    yield from _phases(full["pipeline"])
    yield from _nodes(full["pipeline"]["nodes"])


def _loading(loading: Results) -> Iterator[str]:
    yield "Files to raw tables: the engine's typed reader, and the loader"
    yield from _table(
        ["", "seconds", "processor s", "records/s", "peak GB", "disk GB"],
        *(
            [
                name,
                f"{it['seconds']:.1f}",
                f"{it['cpu_seconds']:.1f}",
                f"{it['records'] / it['seconds']:,.0f}",
                f"{it['peak_bytes'] / 1e9:.2f}",
                f"{it['disk_bytes'] / 1e9:.2f}",
            ]
            for name, it in ((name, loading[name]) for name in ("engine", "loader"))
        ),
    )
    yield (
        f"loader / engine: {loading['ratio']:.2f} by the clock, "
        f"{loading['cpu_ratio']:.2f} of the processor"
    )


def _phases(run: Results) -> Iterator[str]:
    total = run["seconds"]
    yield from _table(
        ["phase", "seconds", "share"],
        *(
            [name, f"{seconds:.1f}", f"{seconds / total:.0%}"]
            for name, seconds in run["phases"].items()
        ),
    )
    yield "dbt: " + ", ".join(
        f"{number} {kind}s in {seconds:.1f} s of a thread"
        for kind, (seconds, number) in run["kinds"].items()
    )


def _nodes(nodes: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield "slowest nodes, seconds of a thread:"
    yield from (f"  {seconds:7.2f}  {name}" for name, seconds in nodes)


def _batches(batches: Results) -> Iterator[str]:
    yield "A quarter of an hour, start-up of dbt and Dagster included"
    yield from _table(
        ["history", "seconds", "each", "processor s", "peak GB", "records"],
        *(
            [
                name,
                f"{it['seconds']:.1f}",
                " ".join(f"{seconds:.1f}" for seconds in it["all_seconds"]),
                f"{it['cpu_seconds']:.1f}",
                f"{it['peak_bytes'] / 1e9:.2f}",
                f"{it['records']:,}",
            ]
            for name, it in batches.items()
        ),
    )
    last = list(batches)[-1]
    for name in list(batches)[:-1]:
        yield f"{last} / {name}: {_batch_ratio(batches, name):.2f}"
    yield ""
    yield f"Where the time of a batch on {last} goes"
    yield from _phases(batches[last])
    yield from _nodes(batches[last]["nodes"][:SHOWN_BATCH_NODES])


def _batch_ratio(batches: Results, name: str) -> float:
    last = list(batches)[-1]
    return batches[last]["seconds"] / batches[name]["seconds"]


def _trends(trends: Results) -> Iterator[str]:
    rows = ", ".join(f"{table} {count:,}" for table, count in trends["rows"].items())
    yield (
        f"Trend queries over three made-up years ({rows} rows), "
        f"{trends['rounds']} times each"
    )
    yield from _table(
        ["query", "p50 ms", "p95 ms", "rows"],
        *(
            [it["name"], f"{it['p50']:.1f}", f"{it['p95']:.1f}", f"{it['rows']:,}"]
            for it in trends["queries"]
        ),
    )


def _goals(results: Results) -> Iterator[str]:
    yield "Goals (for 10 M events on 2 cores and 24 GiB)"
    for text, value, limit in _measured(results):
        mark = "met   " if value <= limit else "missed"
        yield f"  {mark}  {text}: {value:,.2f}, wanted at most {limit:,g}"


def _measured(results: Results) -> Iterator[tuple[str, float, float]]:
    if "full" in results:
        pipeline = results["full"]["pipeline"]
        yield "full run, times the floor", results["full"]["ratio"], FULL_RATIO
        yield "full run, seconds", pipeline["seconds"], FULL_SECONDS
        yield "full run, peak GB", pipeline["peak_bytes"] / 1e9, PEAK_BYTES / 1e9
    if "loading" in results:
        yield (
            "loader, times the engine's typed reader",
            results["loading"]["ratio"],
            LOADING_RATIO,
        )
    if "batches" in results:
        batches = results["batches"]
        yield "batch on 1x, seconds", batches["1x"]["seconds"], BATCH_SECONDS
        yield "batch on 100x, times 1x", _batch_ratio(batches, "1x"), BATCH_RATIO
    if "trends" in results:
        yield (
            "slowest trend query, p95 ms",
            results["trends"]["p95"],
            TREND_MILLISECONDS,
        )


def _table(heading: Sequence[str], *rows: Sequence[str]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    table = [heading, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *others in table:
        cells = zip(others, widths[1:], strict=True)
        yield "  ".join(
            (first.ljust(widths[0]), *(cell.rjust(width) for cell, width in cells))
        ).rstrip()
