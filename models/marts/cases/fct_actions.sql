{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

attempts as (

    select * from {{ ref('int_action_attempts_bound') }}

)

select
    -- keys
    cast(event_key as varchar) as action_attempt_key,
    cast(logical_action_key as varchar) as logical_action_key,
    cast(case_key as varchar) as case_key,
    cast(session_key as varchar) as session_key,
    cast(source_system as varchar) as source_system,
    cast(session_id as varchar) as session_id,
    cast(event_id as varchar) as event_id,
    cast(action_id as varchar) as action_id,

    -- attributes
    cast(action_name as varchar) as action_name,
    cast(actor_type as varchar) as actor_type,
    cast(outcome as varchar) as outcome,
    cast(error_type as varchar) as error_type,
    cast(currency as varchar) as currency,

    -- flags
    cast(is_write as boolean) as is_write,
    cast(is_required as boolean) as is_required,
    cast(is_automation as boolean) as is_automation,
    cast(is_last_attempt as boolean) as is_last_attempt,
    cast(is_kind_unknown as boolean) as is_kind_unknown,
    cast(is_violation as boolean) as is_violation,
    cast(is_time_known as boolean) as is_time_known,

    -- counts
    cast(attempt as bigint) as attempt,
    cast(http_status as bigint) as http_status,
    cast(binding_check_count as bigint) as binding_check_count,

    -- amounts
    cast(latency_ms as double) as latency_ms,
    cast(amount as double) as amount,

    -- times
    cast(occurred_at as timestamp) as executed_at,

    -- lineage
    cast(file_path as varchar) as file_path,
    cast(line_number as bigint) as line_number,
    cast(load_id as varchar) as load_id
from attempts
