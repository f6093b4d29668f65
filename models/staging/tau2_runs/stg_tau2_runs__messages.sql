with

simulations as (

    select
        *,
        {{ surrogate_key(['source_system', 'simulation_id']) }} as session_key
    from {{ source('raw', 'tau2_runs') }}

),

messages as (

    select
        simulations.session_key,
        simulations.source_system,
        simulations.simulation_id as session_id,
        message.index as message_index,
        message.value as payload,
        {{ json_member('message.value', 'usage') }} as token_usage,
        {{ json_member('message.value', 'markers') }} as markers,
        {{ json_member('message.value', 'tool_calls') }} as tool_calls
    from simulations
    cross join {{ json_items('simulations.messages') }} as message

),

parsed as (

    select
        *,
        {{ json_text('payload', 'role') }} as message_role,
        {{ json_text('payload', 'requestor') }} as requestor,
        {{ json_text('payload', 'id') }} as result_call_id,
        {{ json_flag('payload', 'error') }} as is_error,
        {{ json_integer('payload', 'char_count') }} as char_count,
        {{ json_integer('token_usage', 'prompt_tokens') }} as input_tokens,
        {{ json_integer('token_usage', 'completion_tokens') }} as output_tokens,
        {{ json_number('payload', 'cost') }} as cost_usd,
        {{ json_text('payload', 'timestamp') }} as sent_at
    from messages

),

handover_markers as (

    select
        messages.session_key,
        messages.message_index
    from messages
    cross join {{ json_items('messages.markers') }} as marker
    where
        {{ text_of('marker.value') }}
        in ('{{ var("tau2_escalation_markers") | join("', '") }}')
    group by all

),

last_of_customer as (

    select
        session_key,
        max(message_index) as message_index
    from parsed
    where message_role = 'user'
    group by all

)

select
    -- keys
    cast(
        {{ surrogate_key([
            'parsed.source_system', 'parsed.session_id', 'parsed.message_index'
        ]) }} as varchar
    ) as message_key,
    cast(parsed.session_key as varchar) as session_key,
    cast(parsed.source_system as varchar) as source_system,
    cast(parsed.session_id as varchar) as session_id,
    cast(parsed.message_index as bigint) as message_index,
    cast(parsed.result_call_id as varchar) as result_call_id,

    -- attributes
    cast(parsed.message_role as varchar) as message_role,
    cast(parsed.requestor as varchar) as requestor,

    -- still JSON, for stg_tau2_runs__tool_calls
    parsed.tool_calls,

    -- flags
    cast(parsed.is_error as boolean) as is_error,
    cast(last_of_customer.message_index is not null as boolean)
        as is_last_of_customer,
    cast(handover_markers.message_index is not null as boolean)
        as has_handover_marker,
    -- a greeting that nobody generated carries a cost of zero and no usage
    cast(
        coalesce(
            parsed.message_role = 'assistant'
            and (
                parsed.input_tokens is not null
                or parsed.output_tokens is not null
                or parsed.cost_usd > 0
            ), false
        ) as boolean
    ) as is_model_call,

    -- counts
    cast(parsed.char_count as bigint) as char_count,
    cast(parsed.input_tokens as bigint) as input_tokens,
    cast(parsed.output_tokens as bigint) as output_tokens,

    -- amounts
    cast(parsed.cost_usd as double) as cost_usd,

    -- times
    cast(parsed.sent_at as timestamp) as sent_at
from parsed
left join last_of_customer
    on
        parsed.session_key = last_of_customer.session_key
        and parsed.message_index = last_of_customer.message_index
left join handover_markers
    on
        parsed.session_key = handover_markers.session_key
        and parsed.message_index = handover_markers.message_index
