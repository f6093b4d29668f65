with

audits as (

    select * from {{ source('raw', 'compliance_audits') }}

)

select
    -- keys
    cast({{ audit_key('source_system', 'audit_id') }} as varchar)
        as audit_key,
    cast(source_system as varchar) as source_system,
    cast(audit_id as varchar) as audit_id,
    cast(
        case
            when ticket_id is not null
                then coalesce(ticket_system, '{{ var("default_ticket_system") }}')
        end as varchar
    ) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(session_id as varchar) as session_id,

    -- attributes
    cast(auditor_id as varchar) as auditor_id,
    cast(auditor_type as varchar) as auditor_type,
    cast(sample_method as varchar) as sample_method,
    cast(stratum as varchar) as stratum,
    cast(inclusion_probability as double) as inclusion_probability,
    cast(policy_id as varchar) as policy_id,
    cast(verdict as varchar) as verdict,
    cast(severity as varchar) as severity,

    -- flags
    cast(is_outcome_correct as boolean) as is_outcome_correct,
    cast(should_have_escalated as boolean) as should_have_escalated,

    -- times
    cast(audited_at as timestamp) as audited_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from audits
