{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_ticket',
    unique_key='(ticket_system, ticket_id)'
) }}
{%- set ticket_system = "'" ~ ticket_system_of('intercom') ~ "'" %}

with

tables as (

    select
        *,
        {{ json_record('record', [
            'id', 'created_at', 'state', 'priority', 'source_type', 'source_author_id',
            'source_author_type', 'part_type', 'author_id', 'author_type',
            'assigned_to_id', 'ai_agent_resolution_state'
        ]) }} as said
    from {{ source('raw', 'intercom') }}
    where {{ changed(ticket_system, 'ticket_id', 'ticket') }}

),

-- a history table has a row for each state that a row was seen in: the last one counts
conversations as (

    select
        tables.ticket_id,
        tables.updated_at,
        tables.customer_key,
        lower({{ record_text('tables.said', 'state') }}) as status,
        {{ record_text('tables.said', 'priority') }} as priority,
        lower({{ record_text('tables.said', 'source_type') }}) as channel,
        {{ record_text('tables.said', 'source_author_id') }} as author_id,
        lower({{ record_text('tables.said', 'source_author_type') }}) as author_type,
        lower({{ record_text('tables.said', 'ai_agent_resolution_state') }})
            as ai_agent_state,
        coalesce(
            cast({{ record_text('tables.said', 'created_at') }} as timestamp),
            tables.updated_at
        ) as created_at,
        tables._file as file_path,
        tables._line as line_number,
        tables._load_id as load_id,
        tables._loaded_at as loaded_at
    from tables
    where tables.table_name = 'conversation_history'
    qualify row_number() over (
        partition by tables.ticket_id
        order by tables.updated_at desc, tables.row_key desc
    ) = 1

),

-- where an admin or a bot wrote first, the customer is whom it was written to
contacts as (

    select
        tables.ticket_id,
        tables.customer_key
    from tables
    where tables.table_name = 'conversation_contact_history'
    qualify row_number() over (
        partition by tables.ticket_id
        order by tables.updated_at desc, tables.row_key desc
    ) = 1

),

parts as (

    select
        tables.ticket_id,
        {{ record_text('tables.said', 'id') }} as part_id,
        lower({{ record_text('tables.said', 'part_type') }}) as part_type,
        {{ record_text('tables.said', 'author_id') }} as author_id,
        lower({{ record_text('tables.said', 'author_type') }}) as author_type,
        {{ record_text('tables.said', 'assigned_to_id') }} as assigned_to_id,
        coalesce(
            cast({{ record_text('tables.said', 'created_at') }} as timestamp),
            tables.updated_at
        ) as created_at,
        tables._file as file_path,
        tables._line as line_number,
        tables._load_id as load_id,
        tables._loaded_at as loaded_at
    from tables
    where tables.table_name = 'conversation_part_history'
    qualify row_number() over (
        partition by tables.ticket_id, {{ record_text('tables.said', 'id') }}
        order by tables.updated_at desc, tables.row_key desc
    ) = 1

),

happenings as (

    select
        ticket_id,
        concat(ticket_id, ':created') as event_id,
        created_at as occurred_at,
        'created' as event_type,
        author_id,
        author_type,
        cast(null as varchar) as status,
        cast(null as boolean) as is_public,
        file_path,
        line_number,
        load_id,
        loaded_at
    from conversations

    union all

    select
        ticket_id,
        concat(ticket_id, ':part:', part_id) as event_id,
        created_at as occurred_at,
        case
            when part_type = 'close' then 'closed'
            when part_type = 'open' then 'reopened'
            when part_type in ('comment', 'note') then 'replied'
            when assigned_to_id is not null then 'assigned'
            else 'status_changed'
        end as event_type,
        author_id,
        author_type,
        null as status,
        case part_type when 'comment' then true when 'note' then false end as is_public,
        file_path,
        line_number,
        load_id,
        loaded_at
    from parts

    union all

    -- the customer said that the vendor's own agent had solved it
    select
        ticket_id,
        concat(ticket_id, ':ai_agent') as event_id,
        updated_at as occurred_at,
        'solved' as event_type,
        null as author_id,
        'ai_agent' as author_type,
        null as status,
        null as is_public,
        file_path,
        line_number,
        load_id,
        loaded_at
    from conversations
    where ai_agent_state = 'confirmed_resolution'

    union all

    -- closed, and no part tells by whom
    select
        ticket_id,
        concat(ticket_id, ':closed') as event_id,
        updated_at as occurred_at,
        'closed' as event_type,
        null as author_id,
        null as author_type,
        status,
        null as is_public,
        file_path,
        line_number,
        load_id,
        loaded_at
    from conversations
    where
        status = 'closed'
        and ticket_id not in (
            select parts.ticket_id from parts
            where parts.part_type = 'close'
        )

),

events as (

    select
        happenings.*,
        coalesce(conversations.customer_key, contacts.customer_key) as customer_key,
        conversations.channel,
        conversations.priority,
        'intercom' as source_system,
        {{ ticket_system }} as ticket_system,
        case
            when {{ is_ai_user('happenings.author_id', 'intercom_ai_agent_admin_ids') }}
                then 'ai_agent'
            when happenings.author_type = 'ai_agent' then 'ai_agent'
            when happenings.author_type in ('user', 'lead', 'contact') then 'customer'
            when happenings.author_type in ('admin', 'teammate') then 'human_agent'
            else 'system'
        end as actor_type
    from happenings
    left join conversations
        on happenings.ticket_id = conversations.ticket_id
    left join contacts
        on happenings.ticket_id = contacts.ticket_id

)

{{ canonical_ticket_event(
    same=[
        'source_system', 'event_id', 'ticket_system', 'ticket_id', 'occurred_at',
        'event_type', 'actor_type', 'is_public', 'channel', 'priority', 'status',
        'file_path', 'line_number', 'load_id', 'loaded_at'
    ],
    values={
        'customer_key': customer_key('customer_key', 'source_system'),
        'actor_id': "case when actor_type in ('ai_agent', 'human_agent')"
            ~ ' then author_id end',
        'is_test': 'false',
    }
) }}
from events
