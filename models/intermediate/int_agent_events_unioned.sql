with

events as (

    select * from {{ ref('stg_agent_events__events') }}
    union all
    select * from {{ ref('stg_tau2_runs__events') }}

),

aliases as (

    select * from {{ ref('intent_aliases') }}

)

select
    -- keys
    events.event_key,
    {{ surrogate_key(['events.source_system', 'events.session_id']) }} as session_key,
    case
        when events.ticket_id is not null
            then {{ ticket_key('events.ticket_system', 'events.ticket_id') }}
    end as ticket_key,
    events.source_system,
    events.event_id,
    events.session_id,

    -- attributes
    coalesce(aliases.intent, events.intent) as intent,
    {{ is_automation('events.actor_type') }} as is_automation,
    events.* exclude (event_key, source_system, event_id, session_id, intent),

    -- order of events within the session
    row_number() over (
        partition by events.source_system, events.session_id
        order by events.occurred_at, events.sequence nulls last, events.event_id
    ) as event_number
from events
left join aliases
    on lower(events.intent) = lower(aliases.alias)
