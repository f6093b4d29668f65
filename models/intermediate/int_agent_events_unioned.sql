{{ config(materialized='view') }}

{#
    The agent events of the sessions that this build rebuilds. `ordered_at`, `sequence`
    (nulls last) and `event_id` order them within their session.
#}
{%- set agent_events = ref('stg_agent_events__events') -%}
{%- if is_batch() -%}
    {%- set agent_events = ref('int_agent_events_touched') -%}
{%- endif %}

with

events as (

    select * from {{ agent_events }}
    union all
    select * from {{ ref('int_agent_events_adapted') }}
    where {{ touched('session_key') }}

),

aliases as (

    select * from {{ ref('intent_aliases') }}

),

named as (

    select
        events.*,
        coalesce(aliases.intent, events.intent) as known_intent
    from events
    left join aliases
        on lower(events.intent) = lower(aliases.alias)

)

select
    -- keys and attributes
    * exclude (intent, known_intent),
    case
        when ticket_id is not null then {{ ticket_key('ticket_system', 'ticket_id') }}
    end as ticket_key,
    known_intent as intent,

    -- flags
    {{ is_automation('actor_type') }} as is_automation
from named
