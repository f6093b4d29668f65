"""The benchmark's figures, recomputed from what staging made of its files.

The arr_* rates are the benchmark's idea of a resolution, not the product's: they live
here, in a test, and in no model.
"""

from __future__ import annotations

import duckdb

# what these ask for is in the task texts and arguments, which no warehouse holds
NOT_IN_THE_WAREHOUSE = frozenset(
    {
        "expected_vs_actual_transfer",
        "intent_prefix",
        "said_transferring_without_call",
        "top_level",
        "transfer_like_other",
    }
)

_SESSIONS = """
create or replace temporary view figure_sessions as

with

closing_messages as (
    select
        messages.session_key,
        cast(
            json_extract(
                runs.messages, concat('$[', messages.message_index, '].markers')
            ) as varchar []
        ) as markers
    from staging.stg_tau2_runs__messages as messages
    inner join raw.tau2_runs as runs
        on messages.session_id = runs.simulation_id
    where messages.is_last_of_customer
),

messages as (
    select
        session_key,
        count(*) as messages,
        count_if(sent_at is null) as untimed_messages,
        coalesce(count_if(sent_at < previous_sent_at), 0) as messages_out_of_order
    from (
        select
            *,
            lag(sent_at) over (
                partition by session_key order by message_index
            ) as previous_sent_at
        from staging.stg_tau2_runs__messages
    )
    group by all
),

calls as (
    select
        session_key,
        count_if(actor_type = 'ai_agent') as agent_calls,
        count_if(actor_type = 'customer') as user_calls,
        count_if(actor_type = 'ai_agent' and outcome = 'success') as agent_successes,
        count_if(actor_type = 'ai_agent' and outcome = 'failure') as agent_errors,
        count_if(actor_type = 'customer' and outcome = 'failure') as user_errors,
        count(*) - count(distinct call_id) as repeated_call_ids
    from staging.stg_tau2_runs__tool_calls
    group by all
),

orphaned_results as (
    select
        results.session_key,
        count(*) as orphaned_results
    from staging.stg_tau2_runs__messages as results
    anti join staging.stg_tau2_runs__tool_calls as calls
        on
            results.session_key = calls.session_key
            and results.result_call_id = calls.call_id
    where results.message_role = 'tool'
    group by all
),

escalations as (
    select
        session_id,
        bool_or(reason_detail = 'agent_transfer_tool') as is_transferred,
        bool_or(reason_detail = 'customer_closing_marker') as is_marked
    from staging.stg_tau2_runs__events
    where action_type = 'escalated'
    group by all
),

times as (
    select
        session_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from staging.stg_tau2_runs__events
    where is_time_known
    group by all
),

joined as (
    select
        sessions.*,
        coalesce(calls.agent_calls, 0) as agent_calls,
        coalesce(calls.user_calls, 0) as user_calls,
        coalesce(calls.agent_successes, 0) as agent_successes,
        coalesce(calls.agent_errors, 0) as agent_errors,
        coalesce(calls.user_errors, 0) as user_errors,
        coalesce(calls.repeated_call_ids, 0) as repeated_call_ids,
        coalesce(messages.messages, 0) as messages,
        coalesce(messages.untimed_messages, 0) as untimed_messages,
        coalesce(messages.messages_out_of_order, 0) as messages_out_of_order,
        coalesce(orphaned_results.orphaned_results, 0) as orphaned_results,
        times.first_at,
        times.last_at,
        coalesce(closing_messages.markers, []) as closing_markers,
        coalesce(escalations.is_transferred, false) as is_transferred,
        coalesce(escalations.is_marked, false) as is_marked,
        coalesce(sessions.reward, 0) >= 1 as is_rewarded
    from staging.stg_tau2_runs__sessions as sessions
    left join calls on sessions.session_key = calls.session_key
    left join times on sessions.session_id = times.session_id
    left join messages on sessions.session_key = messages.session_key
    left join orphaned_results on sessions.session_key = orphaned_results.session_key
    left join escalations on sessions.session_id = escalations.session_id
    left join closing_messages on sessions.session_key = closing_messages.session_key
)

select
    *,
    case when is_time_known then duration_seconds end as duration,
    is_rewarded and not is_transferred as is_arr_a,
    is_rewarded and not is_transferred and agent_successes > 0 as is_arr_b
from joined
"""

_FIGURES = """
select
    count(*) as simulations,
    count(distinct session_id) as distinct_simulation_ids,
    count(distinct coalesce(task_id, 'unsaid')) as distinct_task_ids,
    any_value(domain_name) as domain,
    any_value(agent_version) as agent_llm,

    count_if(is_transferred) as transferred,
    count_if(is_transferred or is_marked) as escalated_wide,
    count_if(is_transferred) / count(*) as escalation_rate,
    count_if(is_transferred and is_rewarded) as transferred_and_reward_1,
    count_if(is_marked) as "closing_TRANSFER_without_transfer_call",
    count_if(is_marked and is_rewarded) as "closing_TRANSFER_without_call_reward_1",

    sum(agent_calls) as agent_tool_calls,
    sum(agent_errors) as agent_tool_errors,
    1 - sum(agent_errors) / nullif(sum(agent_calls), 0) as agent_tool_success_rate,
    sum(user_calls) as user_tool_calls,
    sum(user_errors) as user_tool_errors,
    sum(repeated_call_ids) as duplicate_call_ids,
    sum(orphaned_results) as tool_results_without_call,
    count_if(agent_errors > 0) as sims_with_agent_tool_error,
    count_if(agent_calls = 0) as sims_without_agent_tool_call,

    count_if(is_arr_a) as "arr_A",
    count_if(is_arr_b) as "arr_B",
    count_if(is_arr_b and agent_errors = 0) as "arr_C",
    count_if(
        is_arr_b
        and not list_has_any(
            closing_markers, ['###TRANSFER###', '###OUT-OF-SCOPE###']
        )
    ) as "arr_D",
    "arr_A" / count(*) as "arr_A_rate",
    "arr_B" / count(*) as "arr_B_rate",
    "arr_C" / count(*) as "arr_C_rate",
    "arr_D" / count(*) as "arr_D_rate",

    count(duration) as duration_n,
    coalesce(sum(duration), 0) as duration_sum,
    avg(duration) as duration_mean,
    median(duration) as duration_median,
    quantile_cont(duration, 0.95) as duration_p95,
    avg(case when is_arr_b then duration end) as "duration_mean_arr_B",
    count_if(started_at is null) as sims_without_start_time,
    count_if(started_at is not null and not is_time_known)
        as sims_with_placeholder_time,

    coalesce(sum(agent_cost_usd), 0) as agent_cost_sum,
    coalesce(sum(user_cost_usd), 0) as user_cost_sum,

    sum(messages) as messages,
    sum(untimed_messages) as messages_without_timestamp,
    sum(messages_out_of_order) as timestamps_out_of_order,
    strftime(min(first_at), '%Y-%m-%dT%H:%M:%S.%f') as min_timestamp,
    strftime(max(last_at), '%Y-%m-%dT%H:%M:%S.%f') as max_timestamp
from figure_sessions
where ends_with(file_path, $file)
"""

_COUNTS = {
    "reward": "cast(reward as varchar)",
    "termination": "termination_reason",
    "closing_token": "trim(closing_markers[-1], '#')",
}

_CHECKS = """
select
    checks.check_kind,
    count_if(checks.is_met) as met,
    count(*) as made
from staging.stg_tau2_runs__checks as checks
inner join figure_sessions as sessions
    on checks.session_key = sessions.session_key
where ends_with(sessions.file_path, $file)
group by all
"""

_CHECK_FIGURES = {
    "action": "action_checks",
    "nl": "nl_assertions",
    "communicate": "communicate_checks",
    "env": "env_assertions",
}


def figures(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, object]:
    """The figures of the file whose path ends in `file`; of all for an empty one."""
    connection.execute(_SESSIONS)
    found = _rows(connection, _FIGURES, file)[0]
    for figure, value in _COUNTS.items():
        found[figure] = _counts(connection, value, file)
    checks = {row.pop("check_kind"): row for row in _rows(connection, _CHECKS, file)}
    for kind, figure in _CHECK_FIGURES.items():
        found[figure] = list(checks.get(kind, {"met": 0, "made": 0}).values())
    found["db_match"] = _database_matches(connection, file)
    return found


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, file: str
) -> list[dict[str, object]]:
    cursor = connection.execute(query, {"file": file})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _counts(
    connection: duckdb.DuckDBPyConnection, value: str, file: str
) -> dict[str, int]:
    query = f"""
        select coalesce({value}, 'None'), count(*) from figure_sessions
        where ends_with(file_path, $file) group by all
    """
    return dict(connection.execute(query, {"file": file}).fetchall())


def _database_matches(
    connection: duckdb.DuckDBPyConnection, file: str
) -> dict[str, int]:
    query = """
        select
            case checks.is_met when true then 'True' when false then 'False'
            else 'None' end,
            count(*)
        from figure_sessions as sessions
        left join staging.stg_tau2_runs__checks as checks
            on
                sessions.session_key = checks.session_key
                and checks.check_kind = 'db'
        where ends_with(sessions.file_path, $file)
        group by all
    """
    return dict(connection.execute(query, {"file": file}).fetchall())
