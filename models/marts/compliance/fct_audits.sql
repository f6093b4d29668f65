{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='audit_key'
) }}

with

audits as (

    select * from {{ ref('stg_compliance_audits__audits') }}
    where {{ touched('audit_key') }}

),

attachments as (

    select * from {{ ref('int_records_attached') }}

),

policies as (

    select * from {{ ref('policies') }}

)

select
    -- keys
    cast(audits.audit_key as varchar) as audit_key,
    cast(attachments.case_key as varchar) as case_key,
    cast(audits.source_system as varchar) as source_system,
    cast(audits.audit_id as varchar) as audit_id,
    cast(audits.ticket_id as varchar) as ticket_id,
    cast(audits.session_id as varchar) as session_id,
    cast(audits.policy_id as varchar) as policy_id,
    cast(audits.auditor_id as varchar) as auditor_id,

    -- attributes
    cast(audits.auditor_type as varchar) as auditor_type,
    cast(audits.sample_method as varchar) as sample_method,
    cast(audits.stratum as varchar) as stratum,
    cast(audits.verdict as varchar) as verdict,
    cast(coalesce(audits.severity, policies.severity) as varchar) as severity,

    -- flags
    cast(audits.is_outcome_correct as boolean) as is_outcome_correct,
    cast(audits.should_have_escalated as boolean) as should_have_escalated,
    -- the claim rests on samples drawn by chance, or of all, and judged by people
    cast(
        audits.auditor_type = 'human'
        and (
            audits.sample_method = 'census'
            or (
                audits.sample_method = 'random'
                and audits.inclusion_probability is not null
            )
        ) as boolean
    ) as is_in_claim,

    -- amounts
    cast(audits.inclusion_probability as double) as inclusion_probability,
    cast(
        {{ rate('1', 'coalesce(audits.inclusion_probability, 1)') }} as double
    ) as audit_weight,

    -- times
    cast(audits.audited_at as timestamp) as audited_at,

    -- lineage
    cast(audits.file_path as varchar) as file_path,
    cast(audits.line_number as bigint) as line_number,
    cast(audits.load_id as varchar) as load_id
from audits
left join attachments
    on audits.audit_key = attachments.record_key
left join policies
    on
        audits.policy_id = policies.policy_id
        and cast(audits.audited_at as date) >= policies.valid_from
        and cast(audits.audited_at as date)
        < coalesce(policies.valid_to, cast('9999-12-31' as date))
