{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('stg_agent_events__events') }}
    union all
    select * from {{ ref('stg_tau2_runs__events') }}

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
