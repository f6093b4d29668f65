{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_session',
    unique_key='(source_system, session_id)'
) }}
{#
    Which traces a session has: spans arrive late and in any order, and one that states a
    conversation moves its whole trace there. What this table says is how the session that
    a trace has left is known.
#}
{{ comes_after('int_hours_touched') }}
{%- set condition = 'true' -%}
{%- if is_batch() -%}
    {%- set keys -%}
        select arrived.source_system, arrived.trace_id
        from {{ source('raw', 'otel_spans') }} as arrived
        where arrived._load_id in (select load_id from {{ ref('int_loads_pending') }})
        union all
        select known.source_system, known.trace_id
        from {{ this }} as known
        where {{ changed('known.source_system', 'known.session_id', 'session') }}
    {%- endset -%}
    {%- set condition = is_row_of(
        source('raw', 'otel_spans'), ['source_system', 'trace_id'], keys
    ) -%}
{%- endif %}

with

spans as (

    {{ staged_otel_spans(condition, otel_session_columns()) }}

),

sessions as (

    {{ otel_trace_sessions('spans') }}

)

select
    cast(source_system as varchar) as source_system,
    cast(trace_id as varchar) as trace_id,
    cast(session_id as varchar) as session_id,
    cast(first_at as timestamp) as first_at,
    cast(last_at as timestamp) as last_at
from sessions
