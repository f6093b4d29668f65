with

events as (

    select * from {{ ref('stg_ticket_events__events') }}
    where {{ touched(ticket_key('ticket_system', 'ticket_id')) }}
    union all
    select * from {{ ref('int_ticket_events_adapted') }}
    where {{ touched(ticket_key('ticket_system', 'ticket_id')) }}

),

merged_tickets as (

    select * from {{ ref('int_tickets_merged') }}

),

closed_statuses as (

    select * from {{ ref('closed_statuses') }}

),

aliases as (

    select * from {{ ref('intent_aliases') }}

),

keyed as (

    select
        *,
        {{ ticket_key('ticket_system', 'ticket_id') }} as ticket_key
    from events

),

resolved as (

    select
        keyed.event_key,
        keyed.source_system,
        keyed.event_id,
        keyed.ticket_key,
        keyed.occurred_at,
        keyed.event_type,
        keyed.actor_type,
        keyed.customer_key,
        keyed.tier,
        keyed.channel,
        keyed.status,
        keyed.handle_seconds,
        keyed.is_test,
        keyed.file_path,
        keyed.line_number,
        keyed.load_id,
        coalesce(merged_tickets.target_ticket_key, keyed.ticket_key)
            as target_ticket_key,
        coalesce(merged_tickets.target_ticket_id, keyed.ticket_id) as target_ticket_id,
        coalesce(aliases.intent, keyed.intent) as intent,
        closed_statuses.status is not null as is_closed_status
    from keyed
    left join merged_tickets
        on keyed.ticket_key = merged_tickets.ticket_key
    left join closed_statuses
        on lower({{ trimmed('keyed.status') }}) = lower(closed_statuses.status)
    left join aliases
        on lower(keyed.intent) = lower(aliases.alias)

)

select
    -- keys and attributes
    * exclude (status, is_closed_status),
    -- what the event does to a ticket: `open` reopens it only if it was closed
    case
        when event_type in ('solved', 'closed') then 'close'
        when event_type = 'reopened' then 'reopen'
        when event_type != 'status_changed' or status is null then null
        when is_closed_status then 'close'
        else 'open'
    end as act,

    -- flags
    target_ticket_key = ticket_key as is_on_target,

    -- order of events on the ticket and those merged into it
    row_number() over (
        partition by target_ticket_key
        order by occurred_at, event_id, source_system
    ) as event_number
from resolved
