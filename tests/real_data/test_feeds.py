"""Of each real file: records in, events out, rejected, and what a plain count gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pytest

from orchestration import project
from tests.real_data.plain_counts import COMPLIANT, NOTHING, Counts, plain_counts

# what no feed reads, beside descriptions of the data
TRAJECTORIES = {
    f"human_audits/agentrx_tau_dataset_{kind}.json.gz" for kind in ("full", "failed")
}

PAGE = (project.ROOT / "docs" / "feeds.md").read_text("utf-8")
# converted, it is the file of that judge's summary, and a file is known by its content
REPLIES = {"airline-multi-judge-full_policy_conversation_v1.json.gz"}

FILES = """
    select split_part(path, '/', -1), records, duplicates, rejected
    from raw.load_history
"""
OF_RUNS = """
    select split_part(file_path, '/', -1) as file, action_type as name, count(*)
    from staging.stg_tau2_runs__events
    group by all
"""
OF_INCIDENTS = """
    select split_part(file_path, '/', -1) as file, event_type as name, count(*)
    from staging.stg_servicenow_incidents__events
    group by all
"""
OF_FEEDS = """
    select split_part(file_path, '/', -1) as file, name, count(*)
    from (
        select file_path, action_type as name from intermediate.int_agent_events_adapted
        union all
        select file_path, event_type from intermediate.int_ticket_events_adapted
        union all
        select file_path, verdict from marts.fct_audits
    )
    group by all
"""
MORE = """
    select split_part(file_path, '/', -1) as file, name, sum(number)
    from (
        unpivot (
            select
                file_path,
                coalesce(input_tokens, 0) as input_tokens,
                coalesce(output_tokens, 0) as output_tokens
            from staging.stg_otel_spans__events
        ) on input_tokens, output_tokens into name name value number
        union all
        select file_path, 'is_public', 1
        from intermediate.int_ticket_events_adapted where is_public
        union all
        select file_path, 'rated', 1 from staging.stg_intercom__responses
        union all
        select _file, 'said ' || (attributes ->> 'stated_verdict'), 1
        from raw.compliance_audits where auditor_type = 'llm'
    )
    group by all
"""


def found(warehouse: duckdb.DuckDBPyConnection, *queries: str) -> dict[str, Counts]:
    """What came of each file of a warehouse; the first of the queries counts events."""
    told = [Counter[str](), Counter[str]()]
    said: dict[str, dict[str, int]] = {}
    for place, query in enumerate(queries):
        for file, name, number in warehouse.execute(query).fetchall():
            if number:
                said.setdefault(file, {})[name] = int(number)
                told[place][file] += int(number)
    return {
        name.removesuffix(".jsonl"): Counts(
            records, told[0][name], duplicates, rejected, said.get(name, {})
        )
        for name, records, duplicates, rejected in warehouse.execute(FILES).fetchall()
    }


@pytest.fixture(scope="module")
def plain(shared_data: Path) -> dict[str, Counts]:
    """The table: what each real file holds, by a plain count of it."""
    return plain_counts(shared_data)


@pytest.fixture(scope="module")
def table(
    warehouse: duckdb.DuckDBPyConnection,
    feeds: duckdb.DuckDBPyConnection,
    event_log_runs: duckdb.DuckDBPyConnection,
    event_logs: duckdb.DuckDBPyConnection,
) -> dict[str, Counts]:
    """The same table by the warehouses; file names are unique in the real data."""
    runs = found(warehouse, OF_RUNS)
    incidents = found(warehouse, OF_INCIDENTS)
    return {
        **dict.fromkeys(REPLIES, NOTHING),
        **{name: counts for name, counts in runs.items() if counts.events},
        **{name: counts for name, counts in incidents.items() if counts.events},
        **found(feeds, OF_FEEDS, MORE),
        **found(event_log_runs, OF_RUNS),
        **found(event_logs, OF_RUNS),
    }


def test_each_file_gives_what_a_plain_count_of_it_gives(
    plain: dict[str, Counts], table: dict[str, Counts]
) -> None:
    assert table == {Path(path).name: counts for path, counts in plain.items()}


def test_the_page_tells_what_real_files_gave(
    plain: dict[str, Counts], table: dict[str, Counts]
) -> None:
    folders: dict[str, list[Counts]] = {}
    for path in plain:
        folders.setdefault(path.rpartition("/")[0], []).append(table[Path(path).name])
    for folder, files in folders.items():
        sums = [sum(counts[place] for counts in files) for place in range(4)]
        row = " | ".join(f"{number:,}" for number in (len(files), *sums))
        assert f"| `{folder}` | {row} |\n" in PAGE


def test_no_file_of_the_real_data_is_left_out(
    plain: dict[str, Counts], shared_data: Path
) -> None:
    there = {
        str(path.relative_to(shared_data))
        for path in shared_data.glob("*/**/*")
        if path.is_file() and path.parent.name != "expected"
    }

    assert there - plain.keys() == TRAJECTORIES


def test_a_stream_holds_its_run_but_for_what_came_before_it(
    plain: dict[str, Counts],
) -> None:
    lacking = [
        Counter(counts.figures) - Counter(plain[stream].figures)
        for path, counts in plain.items()
        if path.startswith("agent_events/") and "results.json" in path
        for stream in [path.replace("results.json", "runtime_events.jsonl")]
    ]

    assert lacking == [{"message_received": 2, "action_executed": 2}, {}, {}]


def test_audits_of_others_join_the_runs_that_they_judge(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    rows = feeds.execute("""
        select auditor_id, count(*), count(case_key), count(distinct case_key)
        from marts.fct_audits group by all order by all
    """).fetchall()

    judge = (50, 50, 50)
    assert rows == [
        ("agentrx", 29, 0, 0),
        ("customer_outcome_v1", *judge),
        ("policy_chain_of_thought_v1", *judge),
        ("policy_conversation_v1", *judge),
        ("quick_triage_v1", *judge),
    ]


def test_a_word_that_no_one_taught_is_unclear(feeds: duckdb.DuckDBPyConnection) -> None:
    """None of the real judges says one; of the words they say each has one verdict."""
    rows = feeds.execute("""
        select distinct attributes ->> 'stated_verdict', verdict
        from raw.compliance_audits where auditor_type = 'llm'
    """).fetchall()

    assert sorted(rows) == sorted(
        [("fail", "violation"), *((word, "compliant") for word in COMPLIANT)]
    )


def test_a_trace_of_an_agent_is_a_session_that_it_handled(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    counted = feeds.execute("""
        select count(*), count_if(is_involved and is_handled), count(agent_name)
        from marts.fct_cases where source_system = 'otel'
    """).fetchone()

    assert counted == (7, 7, 6)


def test_usage_of_spans_reaches_the_health_board(
    feeds: duckdb.DuckDBPyConnection, plain: dict[str, Counts]
) -> None:
    figures = [
        counts.figures for path, counts in plain.items() if path.startswith("otel/")
    ]
    stated = [
        sum(each.get(name, 0) for each in figures)
        for name in ("input_tokens", "llm_called")
    ]

    shown = feeds.execute("""
        select sum(input_tokens), sum(model_calls) from marts.agent_health_hourly
        where coalesce(agent_name, '') not in (
            select coalesce(agent_name, '?') from marts.fct_cases
            where source_system = 'tau2'
        )
    """).fetchone()
    assert list(shown) == stated


def test_nothing_that_people_said_reaches_a_table(
    feeds: duckdb.DuckDBPyConnection,
) -> None:
    words = ("New_York", "Tokyo, Japan", "Ms.", "year it is")
    for word in words:
        held = feeds.execute(
            "select span_name, attributes from raw.otel_spans "
            "where contains(events, $1) or (contains(attributes, $1) "
            "and not contains(attributes, 'description'))",
            [word],
        ).fetchall()
        assert held == [], word
