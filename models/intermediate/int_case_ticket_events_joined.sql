with

events as (

    select * from {{ ref('int_ticket_events_unioned') }}

),

tickets as (

    select * from {{ ref('int_case_tickets_joined') }}

)

select
    tickets.case_key,
    events.*,

    -- order of events over all tickets of the case
    row_number() over (
        partition by tickets.case_key
        order by events.occurred_at, events.event_id, events.source_system
    ) as case_event_number
from events
inner join tickets
    on events.target_ticket_key = tickets.ticket_key
