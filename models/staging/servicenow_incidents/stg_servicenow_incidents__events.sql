{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_ticket',
    unique_key='(ticket_system, ticket_id)'
) }}

with

updates as (

    select * from {{ ref('stg_servicenow_incidents__updates') }}
    where
        {{ changed(
            "'" ~ ticket_system_of('servicenow_incidents') ~ "'", 'number', 'ticket'
        ) }}

),

-- the counts of the system itself, never falling, whatever order its rows came in
counted as (

    select
        *,
        max(reopenings) over (
            partition by incident_key
            order by update_number
            rows between unbounded preceding and current row
        ) as spell,
        max(reassignments) over (
            partition by incident_key
            order by update_number
            rows between unbounded preceding and current row
        ) as reassignments_so_far
    from updates

),

compared as (

    select
        *,
        spell > coalesce(
            lag(spell) over (partition by incident_key order by update_number), 0
        ) as is_reopened,
        reassignments_so_far > coalesce(
            lag(reassignments_so_far) over (
                partition by incident_key order by update_number
            ), 0
        ) as is_reassigned
    from counted

),

first_assignments as (

    select
        incident_key,
        min(update_number) as update_number
    from updates
    where group_name is not null or assigned_to is not null
    group by all

),

last_updates as (

    select *
    from counted
    qualify row_number() over (
        partition by incident_key order by update_number desc
    ) = 1

),

-- an incident is one spell of work, and one more for each reopening the system counted
spells as (

    select
        incident_key,
        spell,
        min(case when state = 'resolved' then update_number end)
            as resolved_update_number,
        min(case when state = 'closed' then update_number end) as closed_update_number,
        max(update_number) as last_update_number,
        min(updated_at) as started_at
    from counted
    group by all

),

-- every row of an export states when the incident was last resolved and closed, so
-- these are times of its last spell; one from before that spell says nothing about it
dated_spells as (

    select
        spells.*,
        case
            when spells.spell = 0 or last_updates.resolved_at >= spells.started_at
                then last_updates.resolved_at
        end as stated_resolved_at,
        case
            when spells.spell = 0 or last_updates.closed_at >= spells.started_at
                then last_updates.closed_at
        end as stated_closed_at
    from spells
    left join last_updates
        on
            spells.incident_key = last_updates.incident_key
            and spells.spell = last_updates.spell

),

resolutions as (

    select
        incident_key,
        spell,
        stated_resolved_at,
        coalesce(
            resolved_update_number,
            case when stated_resolved_at is not null then last_update_number end
        ) as update_number
    from dated_spells

),

closures as (

    select
        incident_key,
        spell,
        stated_closed_at,
        coalesce(
            closed_update_number,
            case when stated_closed_at is not null then last_update_number end
        ) as update_number
    from dated_spells

),

happenings as (

    select
        incident_key,
        update_number,
        0 as spell,
        'created' as event_type,
        0 as step,
        opened_at as occurred_at
    from updates
    where update_number = 1

    union all

    select
        incident_key,
        update_number,
        spell,
        'reopened' as event_type,
        0 as step,
        updated_at as occurred_at
    from compared
    where is_reopened

    union all

    select
        counted.incident_key,
        counted.update_number,
        counted.spell,
        'assigned' as event_type,
        1 as step,
        counted.updated_at as occurred_at
    from counted
    inner join first_assignments
        on
            counted.incident_key = first_assignments.incident_key
            and counted.update_number = first_assignments.update_number

    union all

    select
        incident_key,
        update_number,
        spell,
        'reassigned' as event_type,
        2 as step,
        updated_at as occurred_at
    from compared
    where is_reassigned

    union all

    select
        resolutions.incident_key,
        resolutions.update_number,
        resolutions.spell,
        'solved' as event_type,
        3 as step,
        coalesce(resolutions.stated_resolved_at, updates.updated_at) as occurred_at
    from resolutions
    inner join updates
        on
            resolutions.incident_key = updates.incident_key
            and resolutions.update_number = updates.update_number

    union all

    select
        closures.incident_key,
        closures.update_number,
        closures.spell,
        'closed' as event_type,
        4 as step,
        coalesce(closures.stated_closed_at, updates.updated_at) as occurred_at
    from closures
    inner join updates
        on
            closures.incident_key = updates.incident_key
            and closures.update_number = updates.update_number

),

-- ids sort in the order of work within a spell: times of an export are whole minutes
events as (

    select
        happenings.event_type,
        happenings.occurred_at,
        counted.*,
        concat(
            counted.number,
            ':',
            lpad(cast(happenings.spell as varchar), 3, '0'),
            ':',
            happenings.step,
            ':',
            happenings.event_type,
            case
                when happenings.event_type = 'reassigned'
                    then concat(
                        ':',
                        lpad(cast(counted.reassignments_so_far as varchar), 3, '0')
                    )
                else ''
            end
        ) as event_id
    from happenings
    inner join counted
        on
            happenings.incident_key = counted.incident_key
            and happenings.update_number = counted.update_number

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast('{{ ticket_system_of("servicenow_incidents") }}' as varchar) as ticket_system,
    cast(number as varchar) as ticket_id,

    -- place
    cast(occurred_at as timestamp) as occurred_at,

    -- attributes
    cast(event_type as varchar) as event_type,
    cast(
        case when event_type = 'created' then 'customer' else 'human_agent' end
        as varchar
    ) as actor_type,
    cast(
        case
            when event_type = 'solved' then coalesce(resolved_by, updated_by)
            when event_type != 'created' then updated_by
        end as varchar
    ) as actor_id,
    cast(null as boolean) as is_public,
    cast(customer_key as varchar) as customer_key,
    cast(intent as varchar) as intent,
    cast(null as varchar) as tier,
    cast(channel as varchar) as channel,
    cast(priority as varchar) as priority,
    cast(group_name as varchar) as group_name,
    cast(state as varchar) as status,
    cast(null as varchar) as merged_into_ticket_id,
    cast(null as double) as handle_seconds,
    cast(false as boolean) as is_test,

    -- lineage
    cast(file_path as varchar) as file_path,
    cast(line_number as bigint) as line_number,
    cast(load_id as varchar) as load_id,
    cast(loaded_at as timestamp) as loaded_at
from events
