{# The few violations, all of them each time: `overdue` comes with the clock alone. #}
with

cases as (

    select case_key
    from {{ ref('fct_cases') }}
    where is_eligible

),

checks as (

    select * from {{ ref('fct_policy_checks') }}
    where is_last_in_chain and outcome in ('fail', 'error')

),

bound_actions as (

    select * from {{ ref('fct_action_policies') }}
    where is_violation

),

audits as (

    select * from {{ ref('fct_audits') }}
    where verdict in ('violation', 'compliant')

),

deadlines as (

    select * from {{ ref('review_deadlines') }}

),

-- a logical action is one violation of a policy, however often it was tried again
broken_actions as (

    select *
    from bound_actions
    qualify
        row_number() over (
            partition by logical_action_key, policy_id
            order by executed_at, action_policy_key
        ) = 1

),

violations as (

    select
        'check' as source,
        chain_key as violation_key,
        case_key,
        policy_id,
        severity,
        checked_at as opened_at
    from checks

    union all

    select
        'action' as source,
        action_policy_key as violation_key,
        case_key,
        policy_id,
        severity,
        executed_at as opened_at
    from broken_actions

    union all

    select
        case auditor_type when 'human' then 'audit' else 'model_audit' end as source,
        audit_key as violation_key,
        case_key,
        policy_id,
        severity,
        audited_at as opened_at
    from audits
    where verdict = 'violation'

),

opened as (

    select
        {{ surrogate_key(['violations.source', 'violations.violation_key']) }}
            as review_key,
        violations.source,
        violations.violation_key,
        violations.case_key,
        violations.policy_id,
        violations.opened_at,
        coalesce(known_deadlines.severity, 'unstated') as severity
    from violations
    inner join cases
        on violations.case_key = cases.case_key
    left join deadlines as known_deadlines
        on violations.severity = known_deadlines.severity

),

-- whoever names no policy closes nothing that does; what names none, anybody closes
closings as (

    select
        opened.review_key,
        audits.audit_key,
        audits.verdict,
        audits.audited_at
    from opened
    inner join audits
        on
            opened.case_key = audits.case_key
            and opened.opened_at < audits.audited_at
            and coalesce(opened.policy_id = audits.policy_id, opened.policy_id is null)
    where audits.auditor_type = 'human'
    qualify
        row_number() over (
            partition by opened.review_key
            order by audits.audited_at, audits.audit_key
        ) = 1

),

timed as (

    select
        opened.*,
        deadlines.owner,
        {{ hours_after('opened.opened_at', 'deadlines.hours') }} as due_at,
        closings.audited_at as closed_at,
        closings.audit_key as closing_audit_key,
        closings.verdict as closing_verdict
    from opened
    left join deadlines
        on opened.severity = deadlines.severity
    left join closings
        on opened.review_key = closings.review_key

)

select
    -- keys
    cast(review_key as varchar) as review_key,
    cast(violation_key as varchar) as violation_key,
    cast(case_key as varchar) as case_key,
    cast(policy_id as varchar) as policy_id,
    cast(closing_audit_key as varchar) as closing_audit_key,

    -- attributes
    cast(source as varchar) as source,
    cast(severity as varchar) as severity,
    cast(owner as varchar) as owner,
    cast(
        case
            when closed_at is not null then 'closed'
            when due_at < {{ as_of() }} then 'overdue'
            else 'open'
        end as varchar
    ) as status,
    cast(closing_verdict as varchar) as closing_verdict,

    -- flags
    cast(coalesce(closed_at, {{ as_of() }}) > due_at as boolean) as is_late,

    -- times
    cast(opened_at as timestamp) as opened_at,
    cast(due_at as timestamp) as due_at,
    cast(closed_at as timestamp) as closed_at
from timed
