{#
    Everything that hangs together with what changed, by any number of links: what a batch
    rebuilds. Keys of sessions, tickets, customers, surveys and audits, and so of cases,
    which are known by their first session or by their ticket. Sessions come with their
    times, as far as they were built before. Empty in a full build, which rebuilds all.
#}
{% if is_batch() -%}
with recursive

seeds as (

    select distinct node_key
    from {{ ref('int_nodes_changed') }}

),

links as (

    select * from {{ ref('int_links_kept') }}

),

{{ closure('seeds', 'links') }},

-- a run says when it began; how far it goes is known once its messages are read
changed_times as (

    select
        node_key,
        source_system,
        entity_id as session_id,
        first_at,
        last_at
    from {{ ref('int_nodes_changed') }}
    where entity_type = 'session'

    union all

    select
        session_key as node_key,
        source_system,
        session_id,
        occurred_at as first_at,
        occurred_at as last_at
    from {{ ref('int_agent_events_adapted') }}
    where {{ changed('source_system', 'session_id', 'session') }}

),

changed as (

    select
        node_key,
        min(source_system) as source_system,
        min(session_id) as session_id,
        min(first_at) as first_at,
        max(last_at) as last_at
    from changed_times
    group by node_key

)

select
    reached.node_key,
    coalesce(changed.source_system, sessions.source_system) as source_system,
    coalesce(changed.session_id, sessions.session_id) as session_id,
    least(
        coalesce(changed.first_at, sessions.started_at),
        coalesce(sessions.started_at, changed.first_at)
    ) as first_at,
    greatest(
        coalesce(changed.last_at, sessions.ended_at),
        coalesce(sessions.ended_at, changed.last_at)
    ) as last_at
from reached
left join changed
    on reached.node_key = changed.node_key
left join {{ as_last_built('fct_sessions') }} as sessions
    on reached.node_key = sessions.session_key
{%- else -%}
with

changed as (

    select * from {{ ref('int_nodes_changed') }}

)

select
    node_key,
    source_system,
    entity_id as session_id,
    first_at,
    last_at
from changed
where false
{%- endif %}
