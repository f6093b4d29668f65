{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{#
    What each eligible case adds to the numerator (`…__n`) and denominator (`…__d`) of each
    KPI. This is the one place where KPIs are defined; all that follows adds up and divides.
#}
with

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible and {{ touched('case_key') }}

),

checks as (

    select
        case_key,
        count(*) as evaluated_checks,
        count_if(outcome = 'pass') as passed_checks
    from {{ ref('fct_policy_checks') }}
    where is_required and is_evaluated and {{ touched('case_key') }}
    group by all

),

attempts as (

    select
        case_key,
        count(*) as attempts,
        count_if(outcome is distinct from 'success') as failed_attempts
    from {{ ref('fct_actions') }}
    where is_automation and {{ touched('case_key') }}
    group by all

),

bound_actions as (

    select
        case_key,
        logical_action_key,
        count_if(is_violation) as violations
    from {{ ref('fct_actions') }}
    where is_automation and is_write and {{ touched('case_key') }}
    group by all
    having sum(binding_check_count) > 0

),

compliance as (

    select
        case_key,
        count(*) as bound_actions,
        count_if(violations = 0) as compliant_actions
    from bound_actions
    group by all

),

-- one verdict per case: a violation wins, and the earliest audit that found it weighs
verdicts as (

    select
        case_key,
        verdict,
        audit_weight
    from {{ ref('fct_audits') }}
    where
        is_in_claim
        and verdict in ('violation', 'compliant')
        and {{ touched('case_key') }}
    qualify
        row_number() over (
            partition by case_key
            order by {{ winning_verdict_first() }}
        ) = 1

),

surveys as (

    select
        case_key,
        count(*) as sent_surveys,
        count_if(is_answered) as answered_surveys,
        count_if(is_favourable) as favourable_surveys,
        {{ exact_sum('score_1_to_7') }} as score_sum
    from {{ ref('fct_survey_responses') }}
    where
        survey_type = 'ces'
        and {{ touched('case_key') }}
    group by all

),

escalations as (

    select
        case_key,
        count(*) as escalations,
        count_if(reason_code = 'unstated') as unstated_escalations
    from {{ ref('fct_escalations') }}
    where {{ touched('case_key') }}
    group by all

),

flagged as (

    select
        cases.*,
        coalesce(cases.is_resolved_autonomously, false) as is_resolved,
        cases.is_handled and cases.is_mature and cases.is_recontact_visible
            as is_in_durable,
        not cases.is_involved and cases.outcome = 'resolved_by_human'
        and cases.is_time_known as is_resolved_by_people_alone,
        coalesce(checks.evaluated_checks, 0) as evaluated_checks,
        coalesce(checks.passed_checks, 0) as passed_checks,
        coalesce(attempts.attempts, 0) as attempts,
        coalesce(attempts.failed_attempts, 0) as failed_attempts,
        coalesce(compliance.bound_actions, 0) as bound_actions,
        coalesce(compliance.compliant_actions, 0) as compliant_actions,
        coalesce(verdicts.audit_weight, 0) as audit_weight,
        verdicts.verdict = 'compliant' as is_audited_compliant,
        coalesce(surveys.sent_surveys, 0) as sent_surveys,
        coalesce(surveys.answered_surveys, 0) as answered_surveys,
        coalesce(surveys.favourable_surveys, 0) as favourable_surveys,
        coalesce(surveys.score_sum, 0) as score_sum,
        coalesce(escalations.escalations, 0) as escalations,
        coalesce(escalations.unstated_escalations, 0) as unstated_escalations
    from cases
    left join checks
        on cases.case_key = checks.case_key
    left join attempts
        on cases.case_key = attempts.case_key
    left join compliance
        on cases.case_key = compliance.case_key
    left join verdicts
        on cases.case_key = verdicts.case_key
    left join surveys
        on cases.case_key = surveys.case_key
    left join escalations
        on cases.case_key = escalations.case_key

)

select
    case_key,
    opened_on,
    coalesce(intent, 'unknown') as intent,
    coalesce(tier, 'unknown') as tier,
    coalesce(channel, 'unknown') as channel,
    coalesce(agent_name, 'unknown') as agent_name,
    coalesce(agent_version, 'unknown') as agent_version,

    -- resolution
    {{ counted('is_handled and is_resolved') }} as autonomous_resolution_rate__n,
    {{ counted('is_handled') }} as autonomous_resolution_rate__d,
    {{ counted('is_handled and coalesce(is_resolved_autonomously, true)') }}
        as autonomous_resolution_rate_upper__n,
    {{ counted('is_handled') }} as autonomous_resolution_rate_upper__d,
    {{ counted('is_in_durable and coalesce(is_durable, false)') }}
        as durable_resolution_rate__n,
    {{ counted('is_in_durable') }} as durable_resolution_rate__d,
    {{ counted('is_handled and not has_human_touch') }} as containment_rate__n,
    {{ counted('is_handled') }} as containment_rate__d,
    {{ counted("is_resolved and outcome not in ('in_progress', 'dropped_off')") }}
        as automation_rate__n,
    {{ counted("outcome not in ('in_progress', 'dropped_off')") }}
        as automation_rate__d,
    {{ counted('is_in_durable and coalesce(is_durable, false) and session_count = 1') }}
        as first_contact_resolution_rate__n,
    {{ counted('is_in_durable') }} as first_contact_resolution_rate__d,
    {{ counted('is_handled and reopened_at is not null') }} as reopen_rate__n,
    {{ counted('is_handled and coalesce(resolved_at, reopened_at) is not null') }}
        as reopen_rate__d,
    {{ counted(
        "is_handled and 'missing' not in"
        ~ ' (intent_leg, policy_leg, action_leg, closure_leg)'
    ) }} as evidence_coverage__n,
    {{ counted('is_handled') }} as evidence_coverage__d,

    -- escalation
    {{ counted('is_handled and has_human_touch') }} as escalation_rate__n,
    {{ counted('is_handled') }} as escalation_rate__d,
    {{ counted('true', 'unstated_escalations') }} as unstated_reason_share__n,
    {{ counted('true', 'escalations') }} as unstated_reason_share__d,

    -- handling time
    {{ counted('is_resolved', 'coalesce(handling_seconds, 0)') }}
        as aht_automated_seconds__n,
    {{ counted('is_resolved and handling_seconds is not null') }}
        as aht_automated_seconds__d,
    {{ counted('is_resolved_by_people_alone', 'coalesce(human_active_seconds, 0)') }}
        as aht_human_active_seconds__n,
    {{ counted('is_resolved_by_people_alone and human_active_seconds is not null') }}
        as aht_human_active_seconds__d,
    {{ counted(
        'is_resolved_by_people_alone and human_active_seconds is null',
        'handling_seconds'
    ) }} as aht_human_elapsed_seconds__n,
    {{ counted('is_resolved_by_people_alone and human_active_seconds is null') }}
        as aht_human_elapsed_seconds__d,

    -- compliance
    {{ counted('is_handled', 'passed_checks') }} as policy_check_pass_rate__n,
    {{ counted('is_handled', 'evaluated_checks') }} as policy_check_pass_rate__d,
    {{ counted('is_handled', 'compliant_actions') }} as action_compliance_rate__n,
    {{ counted('is_handled', 'bound_actions') }} as action_compliance_rate__d,
    {{ counted('is_handled and is_audited_compliant', 'audit_weight') }}
        as audited_compliance_rate__n,
    {{ counted('is_handled', 'audit_weight') }} as audited_compliance_rate__d,

    -- effort
    {{ counted('is_handled', 'score_sum') }} as ces_mean__n,
    {{ counted('is_handled', 'answered_surveys') }} as ces_mean__d,
    {{ counted('is_handled', 'favourable_surveys') }} as ces_favourable_rate__n,
    {{ counted('is_handled', 'answered_surveys') }} as ces_favourable_rate__d,
    {{ counted('is_handled', 'answered_surveys') }} as ces_response_rate__n,
    {{ counted('is_handled', 'sent_surveys') }} as ces_response_rate__d,

    -- operations
    {{ counted('is_handled', 'model_cost_usd') }} as cost_per_resolution_usd__n,
    {{ counted('is_handled and is_resolved') }} as cost_per_resolution_usd__d,
    {{ counted('is_handled', 'model_cost_usd') }} as cost_per_case_usd__n,
    {{ counted('is_handled') }} as cost_per_case_usd__d,
    -- only where it can be known whether a resolution lasted, on both sides
    {{ counted('is_in_durable', 'model_cost_usd') }}
        as cost_per_durable_resolution_usd__n,
    {{ counted('is_in_durable and coalesce(is_durable, false)') }}
        as cost_per_durable_resolution_usd__d,
    {{ counted('is_handled', 'input_tokens + output_tokens') }} as tokens_per_case__n,
    {{ counted('is_handled') }} as tokens_per_case__d,
    {{ counted('is_handled', 'failed_attempts') }} as action_failure_rate__n,
    {{ counted('is_handled', 'attempts') }} as action_failure_rate__d
from flagged
