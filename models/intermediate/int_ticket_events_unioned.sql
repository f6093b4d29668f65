with

events as (

    select * from {{ ref('stg_ticket_events__events') }}
    union all
    select * from {{ ref('stg_servicenow_incidents__events') }}

),

merges as (

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

)

select
    -- keys
    keyed.event_key,
    keyed.ticket_key,
    coalesce(merges.target_ticket_key, keyed.ticket_key) as target_ticket_key,
    coalesce(merges.target_ticket_id, keyed.ticket_id) as target_ticket_id,

    -- attributes
    coalesce(aliases.intent, keyed.intent) as intent,
    -- what the event does to a ticket: `open` reopens it only if it was closed
    case
        when keyed.event_type in ('solved', 'closed') then 'close'
        when keyed.event_type = 'reopened' then 'reopen'
        when keyed.event_type != 'status_changed' or keyed.status is null then null
        when closed_statuses.status is not null then 'close'
        else 'open'
    end as act,
    keyed.* exclude (event_key, ticket_key, intent),

    -- flags
    merges.ticket_key is null
    or merges.target_ticket_key = keyed.ticket_key as is_on_target,

    -- order of events on the ticket and those merged into it
    row_number() over (
        partition by coalesce(merges.target_ticket_key, keyed.ticket_key)
        order by keyed.occurred_at, keyed.event_id, keyed.source_system
    ) as event_number
from keyed
left join merges
    on keyed.ticket_key = merges.ticket_key
left join closed_statuses
    on lower(trim(keyed.status)) = lower(closed_statuses.status)
left join aliases
    on lower(keyed.intent) = lower(aliases.alias)
