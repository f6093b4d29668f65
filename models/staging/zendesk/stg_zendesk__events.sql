{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_ticket',
    unique_key='(ticket_system, ticket_id)'
) }}
{%- set ticket_system = "'" ~ ticket_system_of('zendesk') ~ "'" %}

with

tables as (

    select
        *,
        {{ json_record('record', [
            'created_at', 'status', 'priority', 'via_channel', 'group_id',
            'submitter_id', 'requester_id', 'assignee_id', 'role', 'user_id', 'public',
            'field_name', 'value'
        ]) }} as said
    from {{ source('raw', 'zendesk') }}
    where
        table_name = 'user'
        or {{ changed(ticket_system, 'ticket_id', 'ticket') }}

),

users as (

    select
        tables.row_key as user_id,
        {{ record_text('tables.said', 'role') }} as role
    from tables
    where tables.table_name = 'user'

),

tickets as (

    select
        tables.ticket_id,
        tables.updated_at,
        tables.customer_key,
        lower({{ record_text('tables.said', 'status') }}) as status,
        {{ record_text('tables.said', 'priority') }} as priority,
        lower({{ record_text('tables.said', 'via_channel') }}) as channel,
        {{ record_text('tables.said', 'group_id') }} as group_name,
        {{ record_text('tables.said', 'submitter_id') }} as submitter_id,
        {{ record_text('tables.said', 'requester_id') }} as requester_id,
        {{ record_text('tables.said', 'assignee_id') }} as assignee_id,
        coalesce(
            cast({{ record_text('tables.said', 'created_at') }} as timestamp),
            tables.updated_at
        ) as created_at,
        tables._file as file_path,
        tables._line as line_number,
        tables._load_id as load_id,
        tables._loaded_at as loaded_at
    from tables
    where tables.table_name = 'ticket'

),

history as (

    select
        tables.ticket_id,
        tables.row_key,
        tables.updated_at,
        {{ record_text('tables.said', 'field_name') }} as field_name,
        lower({{ record_text('tables.said', 'value') }}) as stated,
        {{ record_text('tables.said', 'user_id') }} as user_id,
        tables._file as file_path,
        tables._line as line_number,
        tables._load_id as load_id,
        tables._loaded_at as loaded_at
    from tables
    where tables.table_name = 'ticket_field_history'

),

statuses as (

    select
        *,
        lag(stated) over (
            partition by ticket_id order by updated_at, row_key
        ) as previous
    from history
    where field_name = 'status'

),

assignments as (

    select
        *,
        row_number() over (
            partition by ticket_id order by updated_at, row_key
        ) as assignment_number
    from history
    where field_name = 'assignee_id' and stated is not null

),

-- a merged ticket is told of by the one it went into
merged_tickets as (

    select
        {{ id_of('merged.value') }} as ticket_id,
        targets.ticket_id as merged_into_ticket_id,
        targets.updated_at,
        targets._file as file_path,
        targets._line as line_number,
        targets._load_id as load_id,
        targets._loaded_at as loaded_at
    from (
        select
            *,
            {{ json_member('record', 'merged_ticket_ids') }} as merged_ticket_ids
        from {{ source('raw', 'zendesk') }}
        where table_name = 'ticket'
    ) as targets
    cross join {{ json_items('targets.merged_ticket_ids') }} as merged

),

happenings as (

    select
        ticket_id,
        concat(ticket_id, ':created') as event_id,
        created_at as occurred_at,
        'created' as event_type,
        coalesce(submitter_id, requester_id) as user_id,
        cast(null as varchar) as status,
        cast(null as boolean) as is_public,
        cast(null as varchar) as merged_into_ticket_id,
        file_path,
        line_number,
        load_id,
        loaded_at
    from tickets

    union all

    select
        tables.ticket_id,
        concat('comment:', tables.row_key) as event_id,
        tables.updated_at as occurred_at,
        'replied' as event_type,
        {{ record_text('tables.said', 'user_id') }} as user_id,
        null as status,
        {{ record_text('tables.said', 'public') }} = 'true' as is_public,
        null as merged_into_ticket_id,
        tables._file as file_path,
        tables._line as line_number,
        tables._load_id as load_id,
        tables._loaded_at as loaded_at
    from tables
    where tables.table_name = 'ticket_comment'

    union all

    select
        ticket_id,
        concat('history:', row_key) as event_id,
        updated_at as occurred_at,
        case
            when stated in ('solved', 'closed') then stated
            when previous in ('solved', 'closed') then 'reopened'
            else 'status_changed'
        end as event_type,
        user_id,
        stated as status,
        null as is_public,
        null as merged_into_ticket_id,
        file_path,
        line_number,
        load_id,
        loaded_at
    from statuses

    union all

    select
        ticket_id,
        concat('history:', row_key) as event_id,
        updated_at as occurred_at,
        case assignment_number when 1 then 'assigned' else 'reassigned' end
            as event_type,
        user_id,
        null as status,
        null as is_public,
        null as merged_into_ticket_id,
        file_path,
        line_number,
        load_id,
        loaded_at
    from assignments

    union all

    -- without a history the ticket's own row says how it stands, by whoever has it
    select
        tickets.ticket_id,
        concat(tickets.ticket_id, ':', tickets.status) as event_id,
        tickets.updated_at as occurred_at,
        tickets.status as event_type,
        tickets.assignee_id as user_id,
        tickets.status,
        null as is_public,
        null as merged_into_ticket_id,
        tickets.file_path,
        tickets.line_number,
        tickets.load_id,
        tickets.loaded_at
    from tickets
    where
        tickets.status in ('solved', 'closed')
        and tickets.ticket_id not in (select statuses.ticket_id from statuses)

    union all

    -- both have changed since, and the one that was merged away changes no more
    select
        merged_tickets.ticket_id,
        concat(
            merged_tickets.ticket_id,
            ':merged:',
            merged_tickets.merged_into_ticket_id
        ) as event_id,
        case
            when tickets.updated_at < merged_tickets.updated_at then tickets.updated_at
            else merged_tickets.updated_at
        end as occurred_at,
        'merged' as event_type,
        null as user_id,
        null as status,
        null as is_public,
        merged_tickets.merged_into_ticket_id,
        merged_tickets.file_path,
        merged_tickets.line_number,
        merged_tickets.load_id,
        merged_tickets.loaded_at
    from merged_tickets
    left join tickets
        on merged_tickets.ticket_id = tickets.ticket_id
    where {{ changed(ticket_system, 'merged_tickets.ticket_id', 'ticket') }}

),

judged as (

    select
        happenings.*,
        tickets.customer_key,
        tickets.channel,
        tickets.priority,
        tickets.group_name,
        case
            when {{ is_ai_user('happenings.user_id', 'zendesk_ai_agent_user_ids') }}
                then 'ai_agent'
            when coalesce(happenings.user_id, '-1') = '-1' then 'system'
            when happenings.user_id = tickets.requester_id then 'customer'
            -- nobody but customers asks to be forgotten
            when users.role = 'end-user' or happenings.user_id = '***' then 'customer'
            else 'human_agent'
        end as actor_type
    from happenings
    left join tickets
        on happenings.ticket_id = tickets.ticket_id
    left join users
        on happenings.user_id = users.user_id

),

events as (

    select
        *,
        'zendesk' as source_system,
        {{ ticket_system }} as ticket_system,
        case when actor_type in ('ai_agent', 'human_agent') then user_id end as actor_id
    from judged

)

{{ canonical_ticket_event(
    same=[
        'source_system', 'event_id', 'ticket_system', 'ticket_id', 'occurred_at',
        'event_type', 'actor_type', 'actor_id', 'is_public', 'channel', 'priority',
        'group_name', 'status', 'merged_into_ticket_id', 'file_path', 'line_number',
        'load_id', 'loaded_at'
    ],
    values={
        'customer_key': customer_key('customer_key', 'source_system'),
        'is_test': 'false',
    }
) }}
from events
