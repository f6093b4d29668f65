with

events as (

    select * from {{ ref('int_ticket_events_unioned') }}

),

tickets as (

    select * from {{ ref('int_case_tickets_joined') }}

)

select
    -- keys
    events.event_key,
    tickets.case_key,
    events.target_ticket_key,
    events.source_system,
    events.event_id,

    -- attributes
    events.event_type,
    events.act,
    events.actor_type,
    events.customer_key,
    events.intent,
    events.tier,
    events.channel,
    events.is_on_target,
    events.handle_seconds,
    events.occurred_at,

    -- lineage
    events.file_path,
    events.line_number,
    events.load_id,

    -- place, among the events of its ticket and of all tickets of the case
    events.event_number,
    row_number() over (
        partition by tickets.case_key
        order by events.occurred_at, events.event_id, events.source_system
    ) as case_event_number
from events
inner join tickets
    on events.target_ticket_key = tickets.ticket_key
