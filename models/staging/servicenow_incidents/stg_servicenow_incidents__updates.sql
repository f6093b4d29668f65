with

updates as (

    select
        *,
        row_number() over (
            partition by source_system, number
            order by sys_updated_at, sys_mod_count, incident_state, _line_sha256
        ) as update_number
    from {{ source('raw', 'servicenow_incidents') }}

)

select
    -- keys
    cast({{ surrogate_key([
        'source_system',
        'number',
        'sys_mod_count',
        moment_text('sys_updated_at'),
        'incident_state',
    ]) }} as varchar) as update_key,
    cast({{ surrogate_key(['source_system', 'number']) }} as varchar) as incident_key,
    cast(source_system as varchar) as source_system,
    cast(number as varchar) as number,
    cast(update_number as bigint) as update_number,
    cast({{ customer_key('caller_key', 'source_system') }} as varchar)
        as customer_key,

    -- attributes
    cast(replace(lower(incident_state), ' ', '_') as varchar) as state,
    cast(replace(lower(category), ' ', '_') as varchar) as intent,
    cast(lower(contact_type) as varchar) as channel,
    cast(priority as varchar) as priority,
    cast(assignment_group as varchar) as group_name,
    cast(assigned_to as varchar) as assigned_to,
    cast(sys_updated_by as varchar) as updated_by,
    cast(resolved_by as varchar) as resolved_by,

    -- counts
    cast(coalesce(reassignment_count, 0) as bigint) as reassignments,
    cast(coalesce(reopen_count, 0) as bigint) as reopenings,

    -- times
    cast(opened_at as timestamp) as opened_at,
    cast(sys_updated_at as timestamp) as updated_at,
    cast(resolved_at as timestamp) as resolved_at,
    cast(closed_at as timestamp) as closed_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from updates
