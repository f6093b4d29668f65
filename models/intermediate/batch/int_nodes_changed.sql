{{ config(materialized='incremental', incremental_strategy='append') }}
{#
    What a batch names: sessions and tickets of records that arrived, and those that a
    record belonged to before it was corrected; surveys and audits; what a forgotten
    customer had; what was linked by any of them, should the link be gone now; cases that
    ripened since the last build. Kept until a build is complete, so that nothing is left
    undone.
    In a full build everything is rebuilt and nothing need be named.
#}
with

pending as (

    select load_id from {{ ref('int_loads_pending') }}

),

forgotten as (

    select
        kind,
        system,
        id
    from {{ source('raw', 'forgotten') }}
    where load_id in (select pending.load_id from pending)

),

agent_events as (

    select
        source_system,
        session_id,
        event_id,
        timestamp as occurred_at
    from {{ source('raw', 'agent_events') }}
    where {{ has_arrived('timestamp') }}

),

ticket_events as (

    select
        coalesce(ticket_system, '{{ var("default_ticket_system") }}') as ticket_system,
        ticket_id,
        timestamp as occurred_at,
        {{ surrogate_key(['source_system', 'event_id']) }} as event_key
    from {{ source('raw', 'ticket_events') }}
    where {{ has_arrived('timestamp') }}

),

arrived_traces as (

    select distinct
        source_system,
        trace_id
    from {{ source('raw', 'otel_spans') }}
    where {{ has_arrived('started_at') }}

    union distinct

    select
        system as source_system,
        id as trace_id
    from forgotten
    where kind = 'trace'

),

arrived_spans as (

    {{ staged_otel_spans(is_row_of(
        source('raw', 'otel_spans'),
        ['source_system', 'trace_id'],
        'select arrived_traces.source_system, arrived_traces.trace_id'
        ~ ' from arrived_traces'
    ), otel_session_columns()) }}

),

-- a late span may be the one that says which session its whole trace is of
otel_traces as (

    {{ otel_trace_sessions('arrived_spans') }}

),

{%- for feed, said in agent_feeds_of_records().items() %}
{{ feed }} as (

    select
        source_system,
        {{ said.record.session_id }} as session_id,
        {%- if said.record.event_id %}
        {{ said.record.event_id }} as event_id,
        {%- endif %}
        {{ said.record.occurred_at }} as occurred_at
    from {{ source('raw', feed) }}
    where {{ has_arrived(said.record.occurred_at) }}

),
{%- endfor %}

incidents as (

    select *
    from {{ source('raw', 'servicenow_incidents') }}
    where {{ has_arrived('sys_updated_at') }}

),

-- rows of a helpdesk speak of their ticket; a user's row of all on which that user acts
{%- for helpdesk in ['zendesk', 'intercom'] %}
{{ helpdesk }}_rows as (

    select
        table_name,
        row_key,
        ticket_id,
        updated_at,
        source_system,
        {{ json_member('record', 'merged_ticket_ids') }} as merged_ticket_ids
    from {{ source('raw', helpdesk) }}
    where {{ has_arrived('updated_at') }}

),
{%- endfor %}

helpdesk_tickets as (

    {%- for helpdesk in ['zendesk', 'intercom'] %}
    select
        '{{ ticket_system_of(helpdesk) }}' as ticket_system,
        ticket_id,
        updated_at as occurred_at
    from {{ helpdesk }}_rows
    where ticket_id is not null

    union all
    {%- endfor %}

    select
        '{{ ticket_system_of("zendesk") }}' as ticket_system,
        {{ id_of('merged.value') }} as ticket_id,
        zendesk_rows.updated_at as occurred_at
    from zendesk_rows
    cross join {{ json_items('zendesk_rows.merged_ticket_ids') }} as merged

    {% if is_batch() -%}
    {%- for member in ['user_id', 'submitter_id', 'assignee_id'] %}
    union all

    select
        '{{ ticket_system_of("zendesk") }}' as ticket_system,
        acts.ticket_id,
        acts.updated_at as occurred_at
    from {{ source('raw', 'zendesk') }} as acts
    inner join zendesk_rows as users
        on
            users.table_name = 'user'
            and users.row_key = {{ json_text('acts.record', member) }}
    where acts.ticket_id is not null

    {% endfor -%}
    union all

    -- tickets that had been merged into one that says so no more
    select
        earlier.ticket_system,
        earlier.ticket_id,
        earlier.occurred_at
    from {{ as_last_built('stg_zendesk__events') }} as earlier
    inner join (
        select ticket_id from zendesk_rows
        union all
        select id as ticket_id
        from forgotten
        where kind = 'ticket' and system = '{{ ticket_system_of("zendesk") }}'
    ) as targets
        on earlier.merged_into_ticket_id = targets.ticket_id

    {% endif -%}
),

responses as (

    select *
    from {{ source('raw', 'survey_responses') }}
    where {{ has_arrived('coalesce(responded_at, sent_at)') }}

),

audits as (

    select *
    from {{ source('raw', 'compliance_audits') }}
    where {{ has_arrived('audited_at') }}

),

sessions as (

    select
        source_system,
        session_id,
        occurred_at
    from agent_events

    union all

    select
        system as source_system,
        id as session_id,
        cast(null as timestamp) as occurred_at
    from forgotten
    where kind = 'session'

    {% if is_batch() -%}
    union all

    -- where the records of this batch belonged before they were corrected
    select
        earlier.source_system,
        earlier.session_id,
        earlier.occurred_at
    from {{ as_last_built('int_agent_events_placed') }} as earlier
    inner join agent_events
        on
            earlier.source_system = agent_events.source_system
            and earlier.event_id = agent_events.event_id

    {% endif -%}
    {%- for feed, said in agent_feeds_of_records().items() %}
    union all

    select
        source_system,
        session_id,
        occurred_at
    from {{ feed }}

    {% if is_batch() and said.record.event_id -%}
    union all

    select
        earlier.source_system,
        earlier.session_id,
        earlier.occurred_at
    from {{ as_last_built(said.model) }} as earlier
    inner join {{ feed }}
        on
            earlier.source_system = {{ feed }}.source_system
            and earlier.event_id = {{ feed }}.event_id

    {% endif -%}
    {%- endfor %}
    union all

    select
        source_system,
        session_id,
        first_at as occurred_at
    from otel_traces

    union all

    select
        source_system,
        session_id,
        last_at as occurred_at
    from otel_traces

    {% if is_batch() -%}
    union all

    -- where the traces of this batch belonged before
    select
        earlier.source_system,
        earlier.session_id,
        earlier.first_at as occurred_at
    from {{ as_last_built('stg_otel_spans__traces') }} as earlier
    inner join arrived_traces
        on
            earlier.source_system = arrived_traces.source_system
            and earlier.trace_id = arrived_traces.trace_id

    {% endif -%}
),

tickets as (

    select
        ticket_system,
        ticket_id,
        occurred_at
    from ticket_events

    union all

    select
        system as ticket_system,
        id as ticket_id,
        cast(null as timestamp) as occurred_at
    from forgotten
    where kind = 'ticket'

    {% if is_batch() -%}
    union all

    select
        earlier.ticket_system,
        earlier.ticket_id,
        earlier.occurred_at
    from {{ as_last_built('stg_ticket_events__events') }} as earlier
    inner join ticket_events
        on earlier.event_key = ticket_events.event_key

    {% endif -%}
    union all

    select
        '{{ ticket_system_of("servicenow_incidents") }}' as ticket_system,
        number as ticket_id,
        sys_updated_at as occurred_at
    from incidents

    union all

    select
        ticket_system,
        ticket_id,
        occurred_at
    from helpdesk_tickets

),

records as (

    select {{ response_key('source_system', 'response_id') }} as node_key
    from responses

    union all

    select {{ audit_key('source_system', 'audit_id') }} as node_key
    from audits

    union all

    select {{ response_key('source_system', 'row_key') }} as node_key
    from zendesk_rows
    where table_name = 'satisfaction_rating'

    union all

    select {{ response_key('source_system', 'ticket_id') }} as node_key
    from intercom_rows
    where table_name = 'conversation_history'

    union all

    select
        case
            when kind = 'response' then {{ response_key('system', 'id') }}
            else {{ audit_key('system', 'id') }}
        end as node_key
    from forgotten
    where kind in ('response', 'audit')

    {% if is_batch() -%}
    union all

    -- a rating goes with its ticket, without a record of its own in that list
    select earlier.response_key as node_key
    from {{ as_last_built('fct_survey_responses') }} as earlier
    inner join forgotten
        on earlier.ticket_id = forgotten.id
    where forgotten.kind = 'ticket'

    {% endif -%}
),

{% if is_batch() -%}
-- what time alone has changed: both ends of the time between the two builds may be later
ripened_cases as (

    select case_key
    from {{ as_last_built('fct_cases') }}
    where
        {{ is_between_builds(
            hours_after('last_activity_at', var('abandon_after_hours'))
        ) }}
        or {{ is_between_builds('matures_at') }}
        -- nothing tells of these that they are closed but the agent, and silence
        or (
            outcome = 'closed_unproven'
            and resolved_at is null
            and (
                {%- for hours in assumed_resolved_hours() %}
                {{ is_between_builds(hours_after('last_activity_at', hours)) }}
                {{ 'or' if not loop.last }}
                {%- endfor %}
            )
        )
        {%- if is_backfill() %}
        or opened_on between cast('{{ var("rebuild_from") }}' as date)
        and cast('{{ var("rebuild_to") }}' as date)
        {%- endif %}

),

{% endif -%}
named_sessions as (

    select
        {{ surrogate_key(['source_system', 'session_id']) }} as session_key,
        source_system,
        session_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from sessions
    group by source_system, session_id

),

nodes as (

    select
        session_key as node_key,
        'session' as entity_type,
        source_system,
        session_id as entity_id,
        first_at,
        last_at
    from named_sessions

    {% if is_batch() -%}
    union all

    -- all of a session is read again, from its first event to its last
    select
        named_sessions.session_key as node_key,
        'session' as entity_type,
        named_sessions.source_system,
        named_sessions.session_id as entity_id,
        earlier.started_at as first_at,
        earlier.ended_at as last_at
    from named_sessions
    inner join {{ as_last_built('fct_sessions') }} as earlier
        on named_sessions.session_key = earlier.session_key

    union all

    -- another feed may tell it from now on, with other times
    select
        named_sessions.session_key as node_key,
        'session' as entity_type,
        named_sessions.source_system,
        named_sessions.session_id as entity_id,
        earlier.first_at,
        earlier.last_at
    from named_sessions
    inner join {{ as_last_built('int_session_feeds_chosen') }} as earlier
        on named_sessions.session_key = earlier.session_key

    {% endif -%}

    union all

    select
        {{ ticket_key('ticket_system', 'ticket_id') }} as node_key,
        'ticket' as entity_type,
        ticket_system as source_system,
        ticket_id as entity_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from tickets
    group by ticket_system, ticket_id

    union all

    select
        node_key,
        'record' as entity_type,
        null as source_system,
        null as entity_id,
        null as first_at,
        null as last_at
    from records

),

{% if is_batch() -%}
earlier_neighbours as (

    select distinct links.neighbour_key as node_key
    from {{ as_last_built('int_links_kept') }} as links
    inner join nodes
        on links.owner_key = nodes.node_key

),

{% endif -%}
all_nodes as (

    select * from nodes

    {% if is_batch() -%}
    union all

    select
        node_key,
        'neighbour' as entity_type,
        null as source_system,
        null as entity_id,
        null as first_at,
        null as last_at
    from earlier_neighbours

    union all

    select
        case_key as node_key,
        'case' as entity_type,
        null as source_system,
        null as entity_id,
        null as first_at,
        null as last_at
    from ripened_cases

    {% endif -%}
)

select
    cast(node_key as varchar) as node_key,
    cast(entity_type as varchar) as entity_type,
    cast(source_system as varchar) as source_system,
    cast(entity_id as varchar) as entity_id,
    cast(first_at as timestamp) as first_at,
    cast(last_at as timestamp) as last_at
from all_nodes
{% if not is_batch() -%}
where false
{%- endif %}
