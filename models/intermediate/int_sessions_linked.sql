{# The parent of each session: an earlier one, by the first rule that gives one. #}
with

sessions as (

    select * from {{ ref('int_sessions_summarised') }}

),

ticket_events as (

    select * from {{ ref('int_ticket_events_unioned') }}

),

agent_events as (

    select
        *,
        {{ place_in_session() }} as place
    from {{ ref('int_agent_events_unioned') }}
    where action_type in ('case_closed', 'case_reopened')

),

first_of_ticket as (

    select
        ticket_key,
        is_production,
        min_by(session_key, session_number) as parent_session_key,
        min(session_number) as parent_session_number
    from sessions
    group by all

),

by_ticket as (

    select
        sessions.session_key,
        first_of_ticket.parent_session_key
    from sessions
    inner join first_of_ticket
        on
            sessions.ticket_key = first_of_ticket.ticket_key
            and sessions.is_production = first_of_ticket.is_production
            and sessions.session_number > first_of_ticket.parent_session_number

),

by_name as (

    select
        sessions.session_key,
        earlier.session_key as parent_session_key
    from sessions
    inner join sessions as earlier
        on
            sessions.source_system = earlier.source_system
            and sessions.previous_session_id = earlier.session_id
            and sessions.is_production = earlier.is_production
            and sessions.session_number > earlier.session_number

),

-- the customer's latest earlier session of the same intent, before any question
previous_of_customer as (

    select
        *,
        lag(session_key) over (
            partition by customer_key, intent, is_production
            order by session_number
        ) as previous_session_key
    from sessions
    where customer_key is not null and intent is not null

),

-- near enough, and not both with a ticket
candidates as (

    select
        later.session_key,
        later.started_at,
        earlier.session_key as parent_session_key,
        earlier.ticket_key as parent_ticket_key,
        earlier.is_ticket_known as is_parent_ticket_known
    from previous_of_customer as later
    inner join sessions as earlier
        on later.previous_session_key = earlier.session_key
    where
        (later.ticket_key is null or earlier.ticket_key is null)
        and later.started_at
        <= {{ hours_after('earlier.ended_at', var('case_link_days') * 24) }}

),

-- its ticket tells whether it was closed before, where the feed knows the ticket
last_acts as (

    select
        candidates.session_key,
        max_by(ticket_events.act, ticket_events.event_number) as act
    from candidates
    inner join ticket_events
        on
            candidates.parent_ticket_key = ticket_events.target_ticket_key
            and ticket_events.is_on_target
            and ticket_events.act is not null
            and candidates.started_at > ticket_events.occurred_at
    group by all

    union all

    select
        candidates.session_key,
        max_by({{ log_act('agent_events') }}, agent_events.place) as act
    from candidates
    inner join agent_events
        on
            candidates.parent_session_key = agent_events.session_key
            and {{ log_act('agent_events') }} is not null
            and candidates.started_at > agent_events.occurred_at
    where not candidates.is_parent_ticket_known
    group by all

),

by_customer as (

    select
        candidates.session_key,
        candidates.parent_session_key
    from candidates
    left join last_acts
        on candidates.session_key = last_acts.session_key
    where last_acts.act is distinct from 'close'

)

select
    sessions.session_key,
    coalesce(
        by_ticket.parent_session_key,
        by_name.parent_session_key,
        by_customer.parent_session_key
    ) as parent_session_key,
    case
        when by_ticket.parent_session_key is not null then 'ticket'
        when by_name.parent_session_key is not null then 'continued'
        when by_customer.parent_session_key is not null
            then 'same_customer_and_intent'
    end as link_rule
from sessions
left join by_ticket
    on sessions.session_key = by_ticket.session_key
left join by_name
    on sessions.session_key = by_name.session_key
left join by_customer
    on sessions.session_key = by_customer.session_key
