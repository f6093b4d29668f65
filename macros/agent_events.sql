{#
    The canonical columns of agent events, of rows `events` of the raw table: the one place
    that says what staging makes of them, for those who read all rows and for those who
    read some.
#}
{% macro staged_agent_events(condition='true') -%}
{%- set keys = [
    'entry_point', 'is_substantive', 'char_count', 'intent', 'confidence_score',
    'tier', 'check_id', 'policy_id', 'policy_version', 'action_id', 'severity',
    'is_required', 'evaluator', 'reason', 'action_name', 'attempt', 'is_write',
    'http_status', 'error_type', 'latency_ms', 'amount', 'currency',
    'escalation_reason', 'escalation_id', 'reason_code', 'reason_detail',
    'initiated_by', 'target_queue', 'human_id', 'ticket_status', 'model',
    'provider', 'input_tokens', 'output_tokens', 'cached_tokens', 'cost_usd',
] -%}

with

events as (

    select
        *,
        timestamp as occurred_at,
        {{ json_record('attributes', keys) }} as record
    from {{ source('raw', 'agent_events') }}
    where {{ condition }}

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast(session_id as varchar) as session_id,
    cast({{ surrogate_key(['source_system', 'session_id']) }} as varchar)
        as session_key,

    -- place
    cast(occurred_at as timestamp) as occurred_at,
    cast(true as boolean) as is_time_known,
    cast(occurred_at as timestamp) as ordered_at,
    cast(sequence as bigint) as sequence,

    -- attributes of every event
    cast(action_type as varchar) as action_type,
    cast(outcome as varchar) as outcome,
    cast(actor_type as varchar) as actor_type,
    cast(
        case
            when ticket_id is not null
                then coalesce(ticket_system, '{{ var("default_ticket_system") }}')
        end as varchar
    ) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(previous_session_id as varchar) as previous_session_id,
    cast({{ customer_key('customer_key', 'source_system') }} as varchar)
        as customer_key,
    cast(channel as varchar) as channel,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,
    cast(environment as varchar) as environment,
    cast(is_test as boolean) as is_test,

    -- attributes by action type
    cast({{ record_text('record', 'entry_point') }} as varchar) as entry_point,
    cast({{ record_flag('record', 'is_substantive') }} as boolean) as is_substantive,
    cast({{ record_integer('record', 'char_count') }} as bigint) as char_count,
    cast({{ record_text('record', 'intent') }} as varchar) as intent,
    cast({{ record_number('record', 'confidence_score') }} as double)
        as confidence_score,
    cast({{ record_text('record', 'tier') }} as varchar) as tier,
    cast({{ record_id('record', 'check_id') }} as varchar) as check_id,
    cast({{ record_id('record', 'policy_id') }} as varchar) as policy_id,
    cast({{ record_text('record', 'policy_version') }} as varchar) as policy_version,
    cast({{ record_id('record', 'action_id') }} as varchar) as action_id,
    cast({{ record_text('record', 'severity') }} as varchar) as severity,
    cast({{ record_flag('record', 'is_required') }} as boolean) as is_required,
    cast({{ record_text('record', 'evaluator') }} as varchar) as evaluator,
    cast({{ record_text('record', 'reason') }} as varchar) as reason,
    cast({{ record_text('record', 'action_name') }} as varchar) as action_name,
    cast({{ record_integer('record', 'attempt') }} as bigint) as attempt,
    cast({{ record_flag('record', 'is_write') }} as boolean) as is_write,
    cast({{ record_integer('record', 'http_status') }} as bigint) as http_status,
    cast({{ record_text('record', 'error_type') }} as varchar) as error_type,
    cast({{ record_number('record', 'latency_ms') }} as double) as latency_ms,
    cast({{ record_number('record', 'amount') }} as double) as amount,
    cast({{ record_text('record', 'currency') }} as varchar) as currency,
    cast({{ record_text('record', 'escalation_reason') }} as varchar)
        as escalation_reason,
    cast({{ record_id('record', 'escalation_id') }} as varchar) as escalation_id,
    cast({{ record_text('record', 'reason_code') }} as varchar) as reason_code,
    cast({{ record_text('record', 'reason_detail') }} as varchar) as reason_detail,
    cast({{ record_text('record', 'initiated_by') }} as varchar) as initiated_by,
    cast({{ record_text('record', 'target_queue') }} as varchar) as target_queue,
    cast({{ record_id('record', 'human_id') }} as varchar) as human_id,
    cast({{ record_text('record', 'ticket_status') }} as varchar) as ticket_status,
    cast({{ record_text('record', 'model') }} as varchar) as model,
    cast({{ record_text('record', 'provider') }} as varchar) as provider,
    cast({{ record_integer('record', 'input_tokens') }} as bigint) as input_tokens,
    cast({{ record_integer('record', 'output_tokens') }} as bigint) as output_tokens,
    cast({{ record_integer('record', 'cached_tokens') }} as bigint) as cached_tokens,
    cast({{ record_number('record', 'cost_usd') }} as double) as cost_usd,

    -- lineage
    cast(events._file as varchar) as file_path,
    cast(events._line as bigint) as line_number,
    cast(events._load_id as varchar) as load_id,
    cast(events._loaded_at as timestamp) as loaded_at
from events
{%- endmacro %}
