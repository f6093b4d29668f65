{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

attempts as (

    select * from {{ ref('int_action_attempts_bound') }}

),

events as (

    select * from {{ ref('int_case_agent_events_joined') }}
    where action_type = 'action_executed'

)

select
    -- keys
    cast(attempts.event_key as varchar) as action_attempt_key,
    cast(attempts.logical_action_key as varchar) as logical_action_key,
    cast(attempts.case_key as varchar) as case_key,
    cast(events.session_key as varchar) as session_key,
    cast(events.source_system as varchar) as source_system,
    cast(events.session_id as varchar) as session_id,
    cast(events.event_id as varchar) as event_id,
    cast(events.action_id as varchar) as action_id,

    -- attributes
    cast(events.action_name as varchar) as action_name,
    cast(events.actor_type as varchar) as actor_type,
    cast(events.outcome as varchar) as outcome,
    cast(events.error_type as varchar) as error_type,
    cast(events.currency as varchar) as currency,

    -- flags
    cast(attempts.is_write as boolean) as is_write,
    cast(attempts.is_required as boolean) as is_required,
    cast(attempts.is_automation as boolean) as is_automation,
    cast(attempts.is_last_attempt as boolean) as is_last_attempt,
    cast(attempts.is_kind_unknown as boolean) as is_kind_unknown,
    cast(attempts.is_violation as boolean) as is_violation,
    cast(events.is_time_known as boolean) as is_time_known,

    -- counts
    cast(events.attempt as bigint) as attempt,
    cast(events.http_status as bigint) as http_status,
    cast(attempts.binding_check_count as bigint) as binding_check_count,

    -- amounts
    cast(events.latency_ms as double) as latency_ms,
    cast(events.amount as double) as amount,

    -- times
    cast(events.occurred_at as timestamp) as executed_at,

    -- lineage
    cast(events.file_path as varchar) as file_path,
    cast(events.line_number as bigint) as line_number,
    cast(events.load_id as varchar) as load_id
from attempts
inner join events
    on attempts.event_key = events.event_key
