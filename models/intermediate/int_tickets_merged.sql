{#
    Where the chain of merged_tickets of each merged ticket ends. A ticket follows its last merge;
    a ring ends in its smallest name. The path holds the tickets met so far, so that the
    walk ends in rings too.
#}
with recursive

ticket_events as (

    select
        {{ ticket_key('ticket_system', 'ticket_id') }} as ticket_key,
        {{ ticket_key('ticket_system', 'merged_into_ticket_id') }} as next_ticket_key,
        ticket_id,
        merged_into_ticket_id,
        occurred_at,
        event_id,
        source_system
    from (
        select * from {{ ref('stg_ticket_events__events') }}
        union all
        select * from {{ ref('int_ticket_events_adapted') }}
    ) as events
    where
        event_type = 'merged'
        and merged_into_ticket_id is not null
        and {{ touched(ticket_key('ticket_system', 'ticket_id')) }}

),

merged_tickets as (

    select
        ticket_key,
        next_ticket_key,
        ticket_id,
        merged_into_ticket_id as next_ticket_id
    from ticket_events
    qualify
        row_number() over (
            partition by ticket_key
            order by occurred_at desc, event_id desc, source_system desc
        ) = 1

),

walks as (

    select
        ticket_key,
        ticket_key as met_ticket_key,
        ticket_id as met_ticket_id,
        0 as step,
        cast('|' || ticket_key || '|' as varchar) as path
    from merged_tickets

    union all

    select
        walks.ticket_key,
        merged_tickets.next_ticket_key as met_ticket_key,
        merged_tickets.next_ticket_id as met_ticket_id,
        walks.step + 1 as step,
        cast(walks.path || merged_tickets.next_ticket_key || '|' as varchar) as path
    from walks
    inner join merged_tickets
        on walks.met_ticket_key = merged_tickets.ticket_key
    where walks.path not like '%|' || merged_tickets.next_ticket_key || '|%'

),

last_steps as (

    select *
    from walks
    qualify row_number() over (partition by ticket_key order by step desc) = 1

),

-- a walk that could go on but did not has come to a ring
ring_entries as (

    select
        last_steps.ticket_key,
        walks.step as entry_step
    from last_steps
    inner join merged_tickets
        on last_steps.met_ticket_key = merged_tickets.ticket_key
    inner join walks
        on
            last_steps.ticket_key = walks.ticket_key
            and merged_tickets.next_ticket_key = walks.met_ticket_key

),

ends as (

    select
        walks.ticket_key,
        walks.met_ticket_key as target_ticket_key,
        walks.met_ticket_id as target_ticket_id
    from walks
    inner join ring_entries
        on
            walks.ticket_key = ring_entries.ticket_key
            and walks.step >= ring_entries.entry_step
    qualify
        row_number() over (
            partition by walks.ticket_key order by walks.met_ticket_id
        ) = 1

    union all

    select
        last_steps.ticket_key,
        last_steps.met_ticket_key as target_ticket_key,
        last_steps.met_ticket_id as target_ticket_id
    from last_steps
    left join ring_entries
        on last_steps.ticket_key = ring_entries.ticket_key
    where ring_entries.ticket_key is null

)

select
    ticket_key,
    target_ticket_key,
    target_ticket_id
from ends
