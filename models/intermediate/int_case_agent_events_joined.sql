with

events as (

    select * from {{ ref('int_agent_events_unioned') }}
    where {{ touched('session_key') }} and {{ in_touched_range('occurred_at') }}

),

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

)

select
    sessions.case_key,
    sessions.is_production,
    events.*,

    -- order of events within the case
    row_number() over (
        partition by sessions.case_key
        order by
            events.occurred_at,
            events.sequence nulls last,
            events.event_id,
            events.session_id,
            events.source_system
    ) as case_event_number
from events
inner join sessions
    on events.session_key = sessions.session_key
