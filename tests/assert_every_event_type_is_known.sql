-- Types are an open list: an unknown one loads and is kept, but no rule reads it. A
-- warning, because a new word in the ticketing feed may be the evidence that a leg is
-- missing.
{{ config(severity='warn') }}

select
    events.event_type,
    count(*) as event_count
from {{ ref('stg_ticket_events__events') }} as events
left join {{ ref('event_types') }} as known_types
    on
        known_types.feed = 'ticket_events'
        and events.event_type = known_types.event_type
where known_types.event_type is null
group by all
