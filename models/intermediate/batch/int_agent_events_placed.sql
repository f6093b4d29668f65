{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_session',
    unique_key='(source_system, session_id)'
) }}
{#
    Where each agent event was when it was last read: once it is corrected, only this still
    knows the session that it is gone from, and the hour.
#}
{{ comes_after('int_hours_touched') }}
select
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast(session_id as varchar) as session_id,
    cast(timestamp as timestamp) as occurred_at
from {{ source('raw', 'agent_events') }}
where
    {{ changed('source_system', 'session_id', 'session') }}
    and {{ in_changed_range('timestamp') }}
