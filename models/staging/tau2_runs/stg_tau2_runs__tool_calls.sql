with

messages as (

    select * from {{ ref('stg_tau2_runs__messages') }}

),

calls as (

    select
        messages.session_key,
        messages.source_system,
        messages.session_id,
        messages.message_index,
        messages.message_role,
        tool_call.index as call_index,
        {{ json_text('tool_call.value', 'id') }} as call_id,
        {{ json_text('tool_call.value', 'name') }} as tool_name,
        {{ json_text('tool_call.value', 'requestor') }} as requestor
    from messages
    cross join {{ json_items('messages.tool_calls') }} as tool_call

),

-- call ids repeat within a session, so an id alone would pair a call with the results
-- of others: the first call of an id has its first result, the second its second
numbered_calls as (

    select
        *,
        row_number() over (
            partition by session_key, call_id
            order by message_index, call_index
        ) as occurrence
    from calls

),

results as (

    select
        session_key,
        result_call_id,
        is_error,
        row_number() over (
            partition by session_key, result_call_id
            order by message_index
        ) as occurrence
    from messages
    where message_role = 'tool'

),

paired as (

    select
        numbered_calls.*,
        results.result_call_id is not null as has_result,
        results.is_error
    from numbered_calls
    left join results
        on
            numbered_calls.session_key = results.session_key
            and numbered_calls.call_id = results.result_call_id
            and numbered_calls.occurrence = results.occurrence

)

select
    -- keys
    cast(
        {{ surrogate_key([
            'source_system', 'session_id', 'message_index', 'call_index'
        ]) }} as varchar
    ) as tool_call_key,
    cast(session_key as varchar) as session_key,
    cast(source_system as varchar) as source_system,
    cast(session_id as varchar) as session_id,
    cast(message_index as bigint) as message_index,
    cast(call_index as bigint) as call_index,
    cast(call_id as varchar) as call_id,

    -- attributes
    cast(tool_name as varchar) as tool_name,
    cast(
        case
            when message_role = 'user' or requestor = 'user' then 'customer'
            else 'ai_agent'
        end as varchar
    ) as actor_type,
    cast(
        case
            when not has_result then 'unknown'
            when is_error then 'failure'
            else 'success'
        end as varchar
    ) as outcome,

    -- counts
    cast(occurrence as bigint) as occurrence
from paired
