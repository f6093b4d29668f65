{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

attempts as (

    select * from {{ ref('int_action_attempts_bound') }}
    where binding_check_count > 0

),

events as (

    select * from {{ ref('int_case_agent_events_joined') }}
    where action_type = 'action_executed'

),

checks as (

    select * from {{ ref('int_policy_checks_chained') }}
    where is_evidence

),

policies as (

    select * from {{ ref('policies') }}

),

writes as (

    select
        attempts.event_key,
        attempts.logical_action_key,
        attempts.case_key,
        events.session_key,
        events.action_id,
        events.case_event_number,
        events.occurred_at,
        events.file_path,
        events.line_number,
        events.load_id
    from attempts
    inner join events
        on attempts.event_key = events.event_key

),

binding_chains as (

    {{ chains_that_bind('writes', 'checks') }}

),

bound_by as (

    select
        event_key,
        policy_id,
        count(*) as binding_check_count,
        {{ any_true(is_unpassed('outcome_before')) }} as is_violation
    from binding_chains
    group by all

)

select
    -- keys
    cast({{ surrogate_key(['writes.event_key', 'bound_by.policy_id']) }} as varchar)
        as action_policy_key,
    cast(writes.event_key as varchar) as action_attempt_key,
    cast(writes.logical_action_key as varchar) as logical_action_key,
    cast(writes.case_key as varchar) as case_key,
    cast(writes.session_key as varchar) as session_key,
    cast(bound_by.policy_id as varchar) as policy_id,

    -- attributes
    cast(policies.severity as varchar) as severity,

    -- flags
    cast(bound_by.is_violation as boolean) as is_violation,

    -- counts
    cast(bound_by.binding_check_count as bigint) as binding_check_count,

    -- times
    cast(writes.occurred_at as timestamp) as executed_at,

    -- lineage
    cast(writes.file_path as varchar) as file_path,
    cast(writes.line_number as bigint) as line_number,
    cast(writes.load_id as varchar) as load_id
from bound_by
inner join writes
    on bound_by.event_key = writes.event_key
left join policies
    on
        bound_by.policy_id = policies.policy_id
        and cast(writes.occurred_at as date) >= policies.valid_from
        and cast(writes.occurred_at as date)
        < coalesce(policies.valid_to, cast('9999-12-31' as date))
