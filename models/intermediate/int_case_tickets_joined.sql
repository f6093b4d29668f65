{# The tickets of each case; a ticket without a session is a case of its own. #}
with

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

tickets as (

    select * from {{ ref('int_tickets_summarised') }}

),

tickets_of_sessions as (

    select
        case_key,
        ticket_key,
        min(ticket_id) as ticket_id,
        min(started_at) as first_session_at
    from sessions
    where ticket_key is not null
    group by all

),

tickets_alone as (

    select
        tickets.target_ticket_key as case_key,
        tickets.target_ticket_key as ticket_key,
        tickets.ticket_id
    from tickets
    left join tickets_of_sessions
        on tickets.target_ticket_key = tickets_of_sessions.ticket_key
    where tickets_of_sessions.ticket_key is null

),

memberships as (

    select
        case_key,
        ticket_key,
        ticket_id,
        first_session_at,
        false as is_alone
    from tickets_of_sessions

    union all

    select
        case_key,
        ticket_key,
        ticket_id,
        null as first_session_at,
        true as is_alone
    from tickets_alone

)

select
    memberships.case_key,
    memberships.ticket_key,
    memberships.ticket_id,
    memberships.is_alone,
    coalesce(tickets.is_known, false) as is_known,
    coalesce(tickets.is_test, false) as is_test,
    tickets.source_system,
    tickets.opened_at,
    tickets.last_event_at,
    least(
        coalesce(memberships.first_session_at, tickets.first_event_at),
        coalesce(tickets.first_event_at, memberships.first_session_at)
    ) as began_at
from memberships
left join tickets
    on memberships.ticket_key = tickets.target_ticket_key
