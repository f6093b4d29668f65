{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

checks as (

    select * from {{ ref('int_policy_checks_chained') }}

),

policies as (

    select * from {{ ref('policies') }}

)

select
    -- keys
    cast(checks.event_key as varchar) as policy_check_key,
    cast(checks.chain_key as varchar) as chain_key,
    cast(checks.case_key as varchar) as case_key,
    cast(checks.session_key as varchar) as session_key,
    cast(checks.source_system as varchar) as source_system,
    cast(checks.session_id as varchar) as session_id,
    cast(checks.event_id as varchar) as event_id,
    cast(checks.policy_id as varchar) as policy_id,
    cast(checks.check_id as varchar) as check_id,
    cast(checks.action_id as varchar) as action_id,

    -- attributes
    cast(checks.outcome as varchar) as outcome,
    cast(checks.policy_version as varchar) as stated_policy_version,
    -- the version in force when the check was made judges it, whatever the log says
    cast(policies.policy_version as varchar) as policy_version,
    cast(coalesce(checks.severity, policies.severity) as varchar) as severity,
    cast(checks.evaluator as varchar) as evaluator,
    cast(checks.actor_type as varchar) as actor_type,
    cast(checks.reason as varchar) as reason,

    -- flags
    cast(checks.is_required as boolean) as is_required,
    cast(checks.is_evaluated as boolean) as is_evaluated,
    cast(checks.is_evidence as boolean) as is_evidence,
    cast(
        checks.is_evidence
        and row_number() over (
            partition by checks.chain_key, checks.is_evidence
            order by checks.case_event_number desc
        ) = 1 as boolean
    ) as is_last_in_chain,
    cast(
        coalesce(checks.policy_version != policies.policy_version, false) as boolean
    ) as is_outdated_version,

    -- times
    cast(checks.occurred_at as timestamp) as checked_at,

    -- lineage
    cast(checks.file_path as varchar) as file_path,
    cast(checks.line_number as bigint) as line_number,
    cast(checks.load_id as varchar) as load_id
from checks
left join policies
    on
        checks.policy_id = policies.policy_id
        and cast(checks.occurred_at as date) >= policies.valid_from
        and cast(checks.occurred_at as date)
        < coalesce(policies.valid_to, cast('9999-12-31' as date))
