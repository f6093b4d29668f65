with

events as (

    select * from {{ ref('int_ticket_events_unioned') }}

),

-- of each ticket that was merged away too
members as (

    select
        target_ticket_key,
        ticket_key,
        coalesce(
            min(case when event_type = 'created' then occurred_at end),
            min(occurred_at)
        ) as opened_at
    from events
    group by all

),

openings as (

    select
        target_ticket_key,
        min(opened_at) as opened_at
    from members
    group by all

),

summaries as (

    select
        target_ticket_key,
        min(target_ticket_id) as ticket_id,
        min_by(source_system, event_number) as source_system,
        {{ first_stated('customer_key', 'event_number') }} as customer_key,
        {{ first_stated('channel', 'event_number') }} as channel,
        {{ any_true('is_test') }} as is_test,
        {{ any_true('is_on_target') }} as is_known,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from events
    group by all

)

select
    summaries.*,
    openings.opened_at
from summaries
inner join openings
    on summaries.target_ticket_key = openings.target_ticket_key
