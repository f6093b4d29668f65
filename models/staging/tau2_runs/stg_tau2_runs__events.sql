{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_session',
    unique_key='(source_system, session_id)'
) }}
{{ comes_after('int_hours_touched') }}
with

sessions as (

    select * from {{ ref('stg_tau2_runs__sessions') }}
    where {{ changed('source_system', 'session_id', 'session') }}

),

-- a message without a time happened no earlier than the one before it
messages as (

    select
        *,
        coalesce(
            sent_at,
            max(sent_at) over (
                partition by session_key
                order by message_index
                rows between unbounded preceding and current row
            )
        ) as happened_at
    from {{ ref('stg_tau2_runs__messages') }}

),

tool_calls as (

    select * from {{ ref('stg_tau2_runs__tool_calls') }}

),

checks as (

    select * from {{ ref('stg_tau2_runs__checks') }}

),

handover_calls as (

    select *
    from tool_calls
    where
        actor_type = 'ai_agent'
        and tool_name in ('{{ var("tau2_escalation_tools") | join("', '") }}')

),

handovers as (

    select session_key
    from handover_calls
    group by all

),

-- the customer was told of a handover that no tool call made
closing_markers as (

    select messages.*
    from messages
    left join handovers
        on messages.session_key = handovers.session_key
    where
        messages.is_last_of_customer
        and messages.has_handover_marker
        and handovers.session_key is null

),

escalated_sessions as (

    select session_key from handovers
    union all
    select session_key from closing_markers

),

-- what happened, in which order; the rest of each event is joined below
happenings as (

    select
        session_key,
        'session_started' as action_type,
        'session_started' as event_name,
        0 as phase,
        cast(null as bigint) as message_index,
        0 as step,
        cast(null as bigint) as call_index,
        cast(null as varchar) as check_id,
        cast(null as varchar) as reason_detail
    from sessions

    union all

    select
        session_key,
        'llm_called' as action_type,
        concat('llm_called:', message_index) as event_name,
        1 as phase,
        message_index,
        0 as step,
        null as call_index,
        null as check_id,
        null as reason_detail
    from messages
    where is_model_call

    union all

    select
        session_key,
        case message_role when 'user' then 'message_received' else 'message_sent' end
            as action_type,
        concat('message:', message_index) as event_name,
        1 as phase,
        message_index,
        1 as step,
        null as call_index,
        null as check_id,
        null as reason_detail
    from messages
    where message_role in ('user', 'assistant') and char_count > 0

    union all

    select
        session_key,
        'action_executed' as action_type,
        concat('action_executed:', message_index, ':', call_index) as event_name,
        1 as phase,
        message_index,
        2 as step,
        call_index,
        null as check_id,
        null as reason_detail
    from tool_calls

    union all

    select
        session_key,
        'escalated' as action_type,
        concat('escalated:', message_index, ':', call_index) as event_name,
        1 as phase,
        message_index,
        3 as step,
        call_index,
        null as check_id,
        'agent_transfer_tool' as reason_detail
    from handover_calls

    union all

    select
        session_key,
        'escalated' as action_type,
        concat('escalated:', message_index) as event_name,
        1 as phase,
        message_index,
        3 as step,
        null as call_index,
        null as check_id,
        'customer_closing_marker' as reason_detail
    from closing_markers

    union all

    select
        session_key,
        'policy_checked' as action_type,
        concat('policy_checked:', check_id) as event_name,
        2 as phase,
        null as message_index,
        0 as step,
        null as call_index,
        check_id,
        null as reason_detail
    from checks

    union all

    select
        session_key,
        'session_ended' as action_type,
        'session_ended' as event_name,
        3 as phase,
        null as message_index,
        0 as step,
        null as call_index,
        null as check_id,
        null as reason_detail
    from sessions
    where ended_at is not null or termination_reason is not null

    union all

    select
        sessions.session_key,
        'case_closed' as action_type,
        'case_closed' as event_name,
        4 as phase,
        null as message_index,
        0 as step,
        null as call_index,
        null as check_id,
        null as reason_detail
    from sessions
    where
        sessions.termination_reason in ('user_stop', 'agent_stop')
        and sessions.session_key not in (
            select escalated_sessions.session_key from escalated_sessions
        )

),

session_ends as (

    select
        sessions.session_key,
        greatest(
            coalesce(sessions.ended_at, max(messages.sent_at)),
            coalesce(max(messages.sent_at), sessions.ended_at)
        ) as happened_at
    from sessions
    left join messages
        on sessions.session_key = messages.session_key
    group by sessions.session_key, sessions.ended_at

),

events as (

    select
        happenings.*,
        sessions.source_system,
        sessions.session_id,
        sessions.is_time_known,
        sessions.agent_name,
        sessions.agent_version,
        sessions.termination_reason,
        sessions.file_path,
        sessions.line_number,
        sessions.load_id,
        sessions.loaded_at,
        messages.char_count,
        messages.input_tokens,
        messages.output_tokens,
        messages.cost_usd,
        tool_calls.actor_type as caller,
        tool_calls.outcome as call_outcome,
        tool_calls.tool_name,
        checks.check_kind,
        checks.evaluator,
        checks.is_met,
        checks.is_required,
        concat(sessions.session_id, ':', happenings.event_name) as event_id,
        case happenings.reason_detail
            when 'agent_transfer_tool' then 'ai_agent'
            when 'customer_closing_marker' then 'customer'
        end as initiated_by,
        case
            when not sessions.is_time_known then sessions.placed_at
            when happenings.phase = 0 then sessions.started_at
            when happenings.phase = 1
                then coalesce(messages.happened_at, sessions.started_at)
            else session_ends.happened_at
        end as occurred_at,
        row_number() over (
            partition by happenings.session_key
            order by
                happenings.phase,
                happenings.message_index,
                happenings.step,
                happenings.call_index,
                checks.check_kind,
                checks.check_index,
                happenings.event_name
        ) as event_number
    from happenings
    inner join sessions
        on happenings.session_key = sessions.session_key
    inner join session_ends
        on happenings.session_key = session_ends.session_key
    left join messages
        on
            happenings.session_key = messages.session_key
            and happenings.message_index = messages.message_index
    left join tool_calls
        on
            happenings.session_key = tool_calls.session_key
            and happenings.message_index = tool_calls.message_index
            and happenings.call_index = tool_calls.call_index
    left join checks
        on
            happenings.session_key = checks.session_key
            and happenings.check_id = checks.check_id

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast(session_id as varchar) as session_id,
    cast(session_key as varchar) as session_key,

    -- place
    cast(occurred_at as timestamp) as occurred_at,
    cast(is_time_known as boolean) as is_time_known,
    cast(null as timestamp) as ordered_at,
    cast(event_number as bigint) as sequence,

    -- attributes of every event
    cast(action_type as varchar) as action_type,
    cast(
        case action_type
            when 'action_executed' then call_outcome
            when 'policy_checked' then case when is_met then 'pass' else 'fail' end
            when 'llm_called' then 'success'
            when 'session_ended'
                then
                    case termination_reason
                        when 'max_steps' then 'timeout'
                        when 'too_many_errors' then 'error'
                        when 'infrastructure_error' then 'error'
                    end
        end as varchar
    ) as outcome,
    cast(
        case action_type
            when 'message_received' then 'customer'
            when 'action_executed' then caller
            when 'message_sent' then 'ai_agent'
            when 'llm_called' then 'ai_agent'
            when 'escalated' then initiated_by
            else 'system'
        end as varchar
    ) as actor_type,
    cast(null as varchar) as ticket_system,
    cast(null as varchar) as ticket_id,
    cast(null as varchar) as previous_session_id,
    cast(null as varchar) as customer_key,
    cast('chat' as varchar) as channel,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,
    cast(null as varchar) as environment,
    cast(false as boolean) as is_test,

    -- attributes by type
    cast(null as varchar) as entry_point,
    cast(null as boolean) as is_substantive,
    cast(
        case
            when action_type in ('message_received', 'message_sent') then char_count
        end as bigint
    ) as char_count,
    cast(null as varchar) as intent,
    cast(null as double) as confidence_score,
    cast(null as varchar) as tier,
    cast(check_id as varchar) as check_id,
    cast(null as varchar) as policy_id,
    cast(null as varchar) as policy_version,
    cast(null as varchar) as action_id,
    cast(null as varchar) as severity,
    cast(is_required as boolean) as is_required,
    cast(evaluator as varchar) as evaluator,
    cast(check_kind as varchar) as reason,
    cast(
        case when action_type = 'action_executed' then tool_name end as varchar
    ) as action_name,
    cast(null as bigint) as attempt,
    cast(null as boolean) as is_write,
    cast(null as bigint) as http_status,
    cast(null as varchar) as error_type,
    cast(null as double) as latency_ms,
    cast(null as double) as amount,
    cast(null as varchar) as currency,
    cast(null as varchar) as escalation_reason,
    cast(
        case when action_type = 'escalated' then concat(session_id, ':transfer') end
        as varchar
    ) as escalation_id,
    cast(null as varchar) as reason_code,
    cast(reason_detail as varchar) as reason_detail,
    cast(initiated_by as varchar) as initiated_by,
    cast(null as varchar) as target_queue,
    cast(null as varchar) as human_id,
    cast(
        case when action_type = 'case_closed' then 'benchmark_stop' end as varchar
    ) as ticket_status,
    cast(
        case when action_type = 'llm_called' then agent_version end as varchar
    ) as model,
    cast(null as varchar) as provider,
    cast(
        case when action_type = 'llm_called' then input_tokens end as bigint
    ) as input_tokens,
    cast(
        case when action_type = 'llm_called' then output_tokens end as bigint
    ) as output_tokens,
    cast(null as bigint) as cached_tokens,
    cast(
        case when action_type = 'llm_called' then cost_usd end as double
    ) as cost_usd,

    -- lineage
    cast(file_path as varchar) as file_path,
    cast(line_number as bigint) as line_number,
    cast(load_id as varchar) as load_id,
    cast(loaded_at as timestamp) as loaded_at
from events
