{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_hour',
    unique_key='hour_start'
) }}

with

events as (

    {%- for adapter in ['stg_agent_events__measures', 'int_agent_events_adapted'] %}
    select
        source_system,
        session_id,
        occurred_at,
        action_type,
        outcome,
        input_tokens,
        output_tokens,
        cost_usd,
        latency_ms,
        {{ is_automation('actor_type') }} as is_automation
    from {{ ref(adapter) }}
    where is_time_known and {{ in_touched_hours('occurred_at') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

hourly as (

    select
        date_trunc('hour', events.occurred_at) as hour_start,
        coalesce(sessions.agent_name, 'unknown') as agent_name,
        coalesce(sessions.agent_version, 'unknown') as agent_version,
        count(distinct sessions.session_key) as active_sessions,
        count(*) as events,
        count_if(events.action_type = 'action_executed' and events.is_automation)
            as attempts,
        count_if(
            events.action_type = 'action_executed'
            and events.is_automation
            and events.outcome is distinct from 'success'
        ) as failed_attempts,
        count_if(
            events.action_type = 'action_executed'
            and events.is_automation
            and events.outcome = 'timeout'
        ) as timed_out_attempts,
        count_if(events.action_type = 'llm_called') as model_calls,
        count_if(
            events.action_type = 'llm_called'
            and events.outcome = 'failure'
        ) as failed_model_calls,
        count_if(events.action_type = 'escalated') as escalations,
        sum(case when events.action_type = 'llm_called' then events.input_tokens end)
            as input_tokens,
        sum(case when events.action_type = 'llm_called' then events.output_tokens end)
            as output_tokens,
        {{ exact_sum(
            "case when events.action_type = 'llm_called' then events.cost_usd end"
        ) }}
            as model_cost_usd,
        {{ quantile(
            "case when events.action_type = 'action_executed'"
            ~ ' then events.latency_ms end', 0.5
        ) }} as action_latency_p50_ms,
        {{ quantile(
            "case when events.action_type = 'action_executed'"
            ~ ' then events.latency_ms end', 0.95
        ) }} as action_latency_p95_ms,
        {{ quantile(
            "case when events.action_type = 'llm_called'"
            ~ ' then events.latency_ms end', 0.95
        ) }} as model_latency_p95_ms
    from events
    inner join {{ ref('fct_sessions') }} as sessions
        on
            events.source_system = sessions.source_system
            and events.session_id = sessions.session_id
    where sessions.is_production
    group by all

)

select
    -- keys
    cast(hour_start as timestamp) as hour_start,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,

    -- counts
    cast(active_sessions as bigint) as active_sessions,
    cast(events as bigint) as events,
    cast(attempts as bigint) as attempts,
    cast(failed_attempts as bigint) as failed_attempts,
    cast(timed_out_attempts as bigint) as timed_out_attempts,
    cast(model_calls as bigint) as model_calls,
    cast(failed_model_calls as bigint) as failed_model_calls,
    cast(escalations as bigint) as escalations,
    cast(coalesce(input_tokens, 0) as bigint) as input_tokens,
    cast(coalesce(output_tokens, 0) as bigint) as output_tokens,

    -- amounts
    cast(coalesce(model_cost_usd, 0) as double) as model_cost_usd,
    cast(action_latency_p50_ms as double) as action_latency_p50_ms,
    cast(action_latency_p95_ms as double) as action_latency_p95_ms,
    cast(model_latency_p95_ms as double) as model_latency_p95_ms
from hourly
