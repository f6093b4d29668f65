{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_session',
    unique_key='(source_system, session_id)'
) }}
{#
    Of a session that several feeds have, the one that tells it: the first in the order of
    `agent_feeds`. Sessions of one feed, nearly all there are, are not here.
#}
{{ comes_after('int_hours_touched') }}
with

adapted as (

    {%- for feed, said in adapted_agent_feeds().items() %}
    select
        source_system,
        session_id,
        '{{ feed }}' as feed,
        {{ loop.index }} as place,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from {{ ref(said.model) }}
    where {{ changed('source_system', 'session_id', 'session') }}
    group by source_system, session_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

logged as (

    select
        source_system,
        session_id,
        'agent_events' as feed,
        0 as place,
        min(timestamp) as first_at,
        max(timestamp) as last_at
    from {{ source('raw', 'agent_events') }}
    where
        (source_system, session_id) in (
            select
                adapted.source_system,
                adapted.session_id
            from adapted
        )
        and {{ in_changed_range('timestamp') }}
    group by source_system, session_id

),

told as (

    select * from adapted
    union all
    select * from logged

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'session_id']) }} as varchar)
        as session_key,
    cast(source_system as varchar) as source_system,
    cast(session_id as varchar) as session_id,

    -- attributes
    cast(min_by(feed, place) as varchar) as feed,

    -- times
    cast(min(first_at) as timestamp) as first_at,
    cast(max(last_at) as timestamp) as last_at
from told
group by source_system, session_id
having count(*) > 1
