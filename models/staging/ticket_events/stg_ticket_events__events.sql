{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_ticket',
    unique_key='(ticket_system, ticket_id)'
) }}

with

events as (

    select * from {{ source('raw', 'ticket_events') }}
    where
        {{ changed(
            "coalesce(ticket_system, '" ~ var('default_ticket_system') ~ "')",
            'ticket_id',
            'ticket'
        ) }}

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast(
        coalesce(ticket_system, '{{ var("default_ticket_system") }}') as varchar
    ) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,

    -- place
    cast(timestamp as timestamp) as occurred_at,

    -- attributes
    cast(event_type as varchar) as event_type,
    cast(actor_type as varchar) as actor_type,
    cast(actor_id as varchar) as actor_id,
    cast(is_public as boolean) as is_public,
    cast({{ customer_key('customer_key', 'source_system') }} as varchar)
        as customer_key,
    cast(intent as varchar) as intent,
    cast(tier as varchar) as tier,
    cast(channel as varchar) as channel,
    cast(priority as varchar) as priority,
    cast(group_name as varchar) as group_name,
    cast(status as varchar) as status,
    cast(merged_into_ticket_id as varchar) as merged_into_ticket_id,
    cast(handle_seconds as double) as handle_seconds,
    cast(is_test as boolean) as is_test,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from events
