{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_owner',
    unique_key='owner_key'
) }}
{#
    What hangs together: each session with its ticket, its customer and the session that
    it says it continues; each ticket with its customer and the ticket that it was merged
    into; each survey and audit with what it speaks of. In both directions, and replaced
    with the session, ticket or record that says so.
#}
with

-- keys are made of what is left of a session, not of each of its events
sessions as (

    {%- for adapter in ['stg_agent_events__events', 'int_agent_events_adapted'] %}
    select distinct
        source_system,
        session_id,
        ticket_system,
        ticket_id,
        customer_key,
        previous_session_id
    from {{ ref(adapter) }}
    where
        {{ changed('source_system', 'session_id', 'session') }}
        and {{ in_changed_range('occurred_at') }}
        and coalesce(ticket_id, customer_key, previous_session_id) is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

agent_events as (

    select
        {{ surrogate_key(['source_system', 'session_id']) }} as session_key,
        source_system,
        case
            when ticket_id is not null
                then {{ ticket_key('ticket_system', 'ticket_id') }}
        end as ticket_key,
        customer_key,
        previous_session_id
    from sessions

),

ticket_events as (

    {%- for adapter in ['stg_ticket_events__events', 'int_ticket_events_adapted'] %}
    select distinct
        {{ ticket_key('ticket_system', 'ticket_id') }} as ticket_key,
        customer_key,
        case
            when merged_into_ticket_id is not null
                then {{ ticket_key('ticket_system', 'merged_into_ticket_id') }}
        end as next_ticket_key
    from {{ ref(adapter) }}
    where
        {{ changed('ticket_system', 'ticket_id', 'ticket') }}
        and coalesce(customer_key, merged_into_ticket_id) is not null
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}

),

records as (

    {%- for model, key in [
        ('int_survey_responses_unioned', 'response_key'),
        ('stg_compliance_audits__audits', 'audit_key'),
    ] %}
    select
        {{ key }} as record_key,
        case
            when ticket_id is not null
                then {{ ticket_key('ticket_system', 'ticket_id') }}
        end as ticket_key,
        case
            when session_id is not null
                then {{ surrogate_key(['source_system', 'session_id']) }}
        end as session_key
    from {{ ref(model) }}
    {%- if is_batch() %}
    where {{ key }} in (select node_key from {{ ref('int_nodes_changed') }})
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

pairs as (

    select
        session_key as owner_key,
        session_key as node_key,
        ticket_key as neighbour_key
    from agent_events

    union all

    select
        session_key as owner_key,
        session_key as node_key,
        customer_key as neighbour_key
    from agent_events

    union all

    select
        session_key as owner_key,
        session_key as node_key,
        case
            when previous_session_id is not null
                then {{ surrogate_key(['source_system', 'previous_session_id']) }}
        end as neighbour_key
    from agent_events

    union all

    select
        session_key as owner_key,
        ticket_key as node_key,
        customer_key as neighbour_key
    from agent_events

    union all

    select
        ticket_key as owner_key,
        ticket_key as node_key,
        customer_key as neighbour_key
    from ticket_events

    union all

    select
        ticket_key as owner_key,
        ticket_key as node_key,
        next_ticket_key as neighbour_key
    from ticket_events

    union all

    select
        record_key as owner_key,
        record_key as node_key,
        ticket_key as neighbour_key
    from records

    union all

    select
        record_key as owner_key,
        record_key as node_key,
        session_key as neighbour_key
    from records

),

links as (

    select
        owner_key,
        node_key,
        neighbour_key
    from pairs
    where node_key is not null and neighbour_key is not null

    union distinct

    select
        owner_key,
        neighbour_key as node_key,
        node_key as neighbour_key
    from pairs
    where node_key is not null and neighbour_key is not null

)

select
    cast(owner_key as varchar) as owner_key,
    cast(node_key as varchar) as node_key,
    cast(neighbour_key as varchar) as neighbour_key
from links
