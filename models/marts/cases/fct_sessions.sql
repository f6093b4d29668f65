{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='session_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

parents as (

    select
        session_key,
        session_id
    from sessions

)

select
    -- keys
    cast(sessions.session_key as varchar) as session_key,
    cast(sessions.source_system as varchar) as source_system,
    cast(sessions.session_id as varchar) as session_id,
    cast(sessions.case_key as varchar) as case_key,
    cast(sessions.parent_session_key as varchar) as parent_session_key,
    cast(parents.session_id as varchar) as parent_session_id,
    cast(sessions.ticket_system as varchar) as ticket_system,
    cast(sessions.ticket_id as varchar) as ticket_id,

    -- attributes
    cast(sessions.link_rule as varchar) as link_rule,
    cast(sessions.customer_key as varchar) as customer_key,
    cast(sessions.channel as varchar) as channel,
    cast(sessions.intent as varchar) as intent,
    cast(sessions.agent_name as varchar) as agent_name,
    cast(sessions.agent_version as varchar) as agent_version,
    cast(sessions.environment as varchar) as environment,

    -- flags
    cast(sessions.is_production as boolean) as is_production,
    cast(sessions.is_test as boolean) as is_test,
    cast(sessions.is_involved as boolean) as is_involved,
    cast(sessions.is_time_known as boolean) as is_time_known,

    -- counts
    cast(sessions.event_count as bigint) as event_count,
    cast(sessions.named_ticket_count as bigint) as named_ticket_count,

    -- times
    cast(sessions.started_at as timestamp) as started_at,
    cast(sessions.ended_at as timestamp) as ended_at,

    -- lineage, of the first event
    cast(sessions.file_path as varchar) as file_path,
    cast(sessions.line_number as bigint) as line_number,
    cast(sessions.load_id as varchar) as load_id
from sessions
left join parents
    on sessions.parent_session_key = parents.session_key
