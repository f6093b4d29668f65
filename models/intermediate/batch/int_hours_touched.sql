{{ config(materialized='incremental', incremental_strategy='append') }}
{#
    The hours in which something happened in a session that changed, before it is read
    again. Kept until a build is complete.
#}
{% if is_batch() -%}
with

events as (

    {%- for adapter in ['int_agent_events_placed', 'int_agent_events_adapted'] %}
    select
        source_system,
        session_id,
        occurred_at
    from {{ as_last_built(adapter) }}
    where {{ in_changed_range('occurred_at') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select distinct date_trunc('hour', occurred_at) as hour_start
from events
where {{ changed('source_system', 'session_id', 'session') }}
{%- else -%}
select cast(null as timestamp) as hour_start
where false
{%- endif %}
