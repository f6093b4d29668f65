{{ config(materialized='view') }}
{#
    What checks, audits and models say, by period and segment: the sums that claims are
    made of. A case has a verdict as a whole, and one by each policy that its audits name.
#}
with

cases as (

    select
        case_key,
        opened_on,
        coalesce(intent, 'unknown') as intent,
        coalesce(agent_version, 'unknown') as agent_version,
        policy_leg
    from {{ ref('fct_cases') }}
    where is_eligible and is_handled

),

daily as (

    select * from {{ ref('kpi_daily') }}
    where
        kpi in (
            'containment_rate', 'policy_check_pass_rate', 'action_compliance_rate'
        )

),

checks as (

    select * from {{ ref('fct_policy_checks') }}
    where is_required and is_evaluated

),

bound_attempts as (

    select * from {{ ref('fct_action_policies') }}

),

audits as (

    select
        facts.audit_key,
        facts.audit_id,
        facts.auditor_type,
        facts.sample_method,
        facts.verdict,
        facts.is_in_claim,
        facts.audit_weight,
        facts.audited_at,
        coalesce(facts.policy_id, 'unknown') as policy_id,
        cases.case_key,
        cases.opened_on,
        cases.intent,
        cases.agent_version,
        cases.policy_leg
    from {{ ref('fct_audits') }} as facts
    inner join cases
        on facts.case_key = cases.case_key

),

segment_types as (

    select
        'all' as segment_type,
        'case' as judged
    union all
    select
        'intent' as segment_type,
        'case' as judged
    union all
    select
        'agent_version' as segment_type,
        'case' as judged
    union all
    select
        'policy' as segment_type,
        'policy' as judged

),

days as (

    select opened_on
    from cases
    group by all

),

periods as (

    select
        opened_on,
        'month' as period_type,
        cast(date_trunc('month', opened_on) as date) as period_start
    from days

    union all

    select
        opened_on,
        'quarter' as period_type,
        cast(date_trunc('quarter', opened_on) as date) as period_start
    from days

    union all

    select
        opened_on,
        'all' as period_type,
        min(opened_on) over () as period_start
    from days

),

-- the checks, of all cases
checked_by_case as (

    select
        daily.opened_on,
        segment_types.segment_type,
        {{ compliance_segment('daily', "'unknown'") }} as segment,
        sum({{ counted("daily.kpi = 'containment_rate'", 'daily.denominator') }})
            as handled_cases,
        sum({{ counted("daily.kpi = 'policy_check_pass_rate'", 'daily.denominator') }})
            as evaluated_checks,
        sum({{ counted("daily.kpi = 'policy_check_pass_rate'", 'daily.numerator') }})
            as passed_checks,
        sum({{ counted("daily.kpi = 'action_compliance_rate'", 'daily.denominator') }})
            as bound_actions,
        sum({{ counted("daily.kpi = 'action_compliance_rate'", 'daily.numerator') }})
            as compliant_actions
    from daily
    inner join segment_types
        on segment_types.judged = 'case'
    group by all

),

checked_by_policy as (

    select
        cases.opened_on,
        coalesce(checks.policy_id, 'unknown') as segment,
        count(*) as evaluated_checks,
        count_if(checks.outcome = 'pass') as passed_checks
    from checks
    inner join cases
        on checks.case_key = cases.case_key
    group by all

),

logical_actions as (

    select
        case_key,
        logical_action_key,
        coalesce(policy_id, 'unknown') as segment,
        count_if(is_violation) as violations
    from bound_attempts
    group by all

),

acted_by_policy as (

    select
        cases.opened_on,
        logical_actions.segment,
        count(*) as bound_actions,
        count_if(logical_actions.violations = 0) as compliant_actions
    from logical_actions
    inner join cases
        on logical_actions.case_key = cases.case_key
    group by all

),

checked as (

    select
        opened_on,
        segment_type,
        segment,
        handled_cases,
        evaluated_checks,
        passed_checks,
        bound_actions,
        compliant_actions
    from checked_by_case

    union all

    select
        opened_on,
        'policy' as segment_type,
        segment,
        null as handled_cases,
        evaluated_checks,
        passed_checks,
        0 as bound_actions,
        0 as compliant_actions
    from checked_by_policy

    union all

    select
        opened_on,
        'policy' as segment_type,
        segment,
        null as handled_cases,
        0 as evaluated_checks,
        0 as passed_checks,
        bound_actions,
        compliant_actions
    from acted_by_policy

),

check_sums as (

    select
        periods.period_type,
        periods.period_start,
        checked.segment_type,
        checked.segment,
        sum(checked.handled_cases) as handled_cases,
        sum(checked.evaluated_checks) as evaluated_checks,
        sum(checked.passed_checks) as passed_checks,
        sum(checked.bound_actions) as bound_actions,
        sum(checked.compliant_actions) as compliant_actions
    from checked
    inner join periods
        on checked.opened_on = periods.opened_on
    group by all

),

-- the audits: one verdict per case, or per case and policy
judgements as (

    select 'case' as judged
    union all
    select 'policy' as judged

),

claimed_audits as (

    select
        audits.*,
        judgements.judged,
        case judgements.judged when 'policy' then audits.policy_id else 'any' end
            as judged_policy
    from audits
    cross join judgements
    where audits.is_in_claim and audits.verdict in ('violation', 'compliant')

),

verdicts as (

    select *
    from claimed_audits
    qualify
        row_number() over (
            partition by judged, judged_policy, case_key
            order by {{ winning_verdict_first() }}
        ) = 1

),

-- what the checks of one policy say of an audited case
policy_words as (

    select
        case_key,
        coalesce(policy_id, 'unknown') as policy_id,
        count_if(outcome != 'pass') as failed_chains
    from checks
    where is_last_in_chain and case_key in (select verdicts.case_key from verdicts)
    group by all

),

policy_breaches as (

    select
        case_key,
        segment as policy_id,
        sum(violations) as violations
    from logical_actions
    where case_key in (select verdicts.case_key from verdicts)
    group by all

),

weighed as (

    select
        verdicts.opened_on,
        verdicts.judged,
        verdicts.intent,
        verdicts.agent_version,
        verdicts.policy_id,
        verdicts.audit_weight,
        verdicts.verdict = 'violation' as is_violation,
        case verdicts.judged
            when 'case' then verdicts.policy_leg = 'pass'
            else
                coalesce(policy_words.failed_chains = 0, false)
                and coalesce(policy_breaches.violations, 0) = 0
        end as is_passed_by_checks
    from verdicts
    left join policy_words
        on
            verdicts.case_key = policy_words.case_key
            and verdicts.policy_id = policy_words.policy_id
    left join policy_breaches
        on
            verdicts.case_key = policy_breaches.case_key
            and verdicts.policy_id = policy_breaches.policy_id

),

verdict_sums as (

    select
        periods.period_type,
        periods.period_start,
        segment_types.segment_type,
        {{ compliance_segment('weighed', 'weighed.policy_id') }} as segment,
        count(*) as audited_cases,
        count_if(weighed.is_violation) as violations,
        count_if(weighed.is_passed_by_checks) as blind_spot_cases,
        count_if(weighed.is_passed_by_checks and weighed.is_violation)
            as blind_spot_violations,
        {{ exact_sum('weighed.audit_weight') }} as audited_weight,
        {{ exact_sum(counted('not weighed.is_violation', 'weighed.audit_weight')) }}
            as compliant_weight,
        {{ exact_sum('weighed.audit_weight * weighed.audit_weight') }}
            as squared_weights,
        {{ exact_sum(counted('weighed.is_passed_by_checks', 'weighed.audit_weight')) }}
            as blind_spot_weight,
        {{ exact_sum(counted(
            'weighed.is_passed_by_checks and weighed.is_violation',
            'weighed.audit_weight'
        )) }} as blind_spot_violating_weight
    from weighed
    inner join segment_types
        on weighed.judged = segment_types.judged
    inner join periods
        on weighed.opened_on = periods.opened_on
    group by all

),

-- what is no part of the claim
audit_sums as (

    select
        periods.period_type,
        periods.period_start,
        segment_types.segment_type,
        {{ compliance_segment('audits', 'audits.policy_id') }} as segment,
        count_if(audits.is_in_claim and audits.verdict = 'unclear') as unclear_audits,
        count_if(
            audits.auditor_type = 'human'
            and audits.sample_method = 'random'
            and not audits.is_in_claim
        ) as audits_without_probability,
        count_if(
            audits.auditor_type = 'human' and audits.sample_method = 'targeted'
        ) as targeted_audits,
        count_if(
            audits.auditor_type = 'human'
            and audits.sample_method = 'targeted'
            and audits.verdict = 'violation'
        ) as targeted_violations,
        count_if(audits.auditor_type = 'llm') as model_audits,
        count_if(audits.auditor_type = 'llm' and audits.verdict = 'violation')
            as model_violations
    from audits
    cross join segment_types
    inner join periods
        on audits.opened_on = periods.opened_on
    group by all

),

-- cases and policies that both a person and a model have judged; a violation wins
judged_twice as (

    select
        case_key,
        opened_on,
        intent,
        agent_version,
        policy_id,
        max(case when auditor_type = 'human' then found end) = 1 as is_found_by_person,
        max(case when auditor_type = 'llm' then found end) = 1 as is_found_by_model
    from (
        select
            *,
            {{ counted("verdict = 'violation'") }} as found
        from audits
        where verdict in ('violation', 'compliant')
    ) as found_or_not
    group by all

),

agreement_sums as (

    select
        periods.period_type,
        periods.period_start,
        segment_types.segment_type,
        {{ compliance_segment('judged_twice', 'judged_twice.policy_id') }} as segment,
        count(*) as compared_verdicts,
        count_if(judged_twice.is_found_by_person) as found_by_person,
        count_if(judged_twice.is_found_by_model) as found_by_model,
        count_if(judged_twice.is_found_by_person and not judged_twice.is_found_by_model)
            as false_passes,
        count_if(judged_twice.is_found_by_model and not judged_twice.is_found_by_person)
            as false_fails
    from judged_twice
    cross join segment_types
    inner join periods
        on judged_twice.opened_on = periods.opened_on
    where
        judged_twice.is_found_by_person is not null
        and judged_twice.is_found_by_model is not null
    group by all

),

segments as (

    select
        period_type,
        period_start,
        segment_type,
        segment
    from check_sums
    union distinct
    select
        period_type,
        period_start,
        segment_type,
        segment
    from audit_sums

)

select
    segments.period_type,
    segments.period_start,
    segments.segment_type,
    segments.segment,
    check_sums.handled_cases,
    coalesce(check_sums.evaluated_checks, 0) as evaluated_checks,
    coalesce(check_sums.passed_checks, 0) as passed_checks,
    coalesce(check_sums.bound_actions, 0) as bound_actions,
    coalesce(check_sums.compliant_actions, 0) as compliant_actions,
    coalesce(verdict_sums.audited_cases, 0) as audited_cases,
    coalesce(verdict_sums.violations, 0) as violations,
    coalesce(verdict_sums.blind_spot_cases, 0) as blind_spot_cases,
    coalesce(verdict_sums.blind_spot_violations, 0) as blind_spot_violations,
    coalesce(verdict_sums.audited_weight, 0) as audited_weight,
    coalesce(verdict_sums.compliant_weight, 0) as compliant_weight,
    coalesce(verdict_sums.squared_weights, 0) as squared_weights,
    {{ rate(
        'verdict_sums.blind_spot_violating_weight', 'verdict_sums.blind_spot_weight'
    ) }} as blind_spot_rate,
    coalesce(audit_sums.unclear_audits, 0) as unclear_audits,
    coalesce(audit_sums.audits_without_probability, 0)
        as audits_without_probability,
    coalesce(audit_sums.targeted_audits, 0) as targeted_audits,
    coalesce(audit_sums.targeted_violations, 0) as targeted_violations,
    coalesce(audit_sums.model_audits, 0) as model_audits,
    coalesce(audit_sums.model_violations, 0) as model_violations,
    coalesce(agreement_sums.compared_verdicts, 0) as compared_verdicts,
    coalesce(agreement_sums.found_by_person, 0) as found_by_person,
    coalesce(agreement_sums.found_by_model, 0) as found_by_model,
    coalesce(agreement_sums.false_passes, 0) as false_passes,
    coalesce(agreement_sums.false_fails, 0) as false_fails
from segments
left join check_sums
    on
        segments.period_type = check_sums.period_type
        and segments.period_start = check_sums.period_start
        and segments.segment_type = check_sums.segment_type
        and segments.segment = check_sums.segment
left join verdict_sums
    on
        segments.period_type = verdict_sums.period_type
        and segments.period_start = verdict_sums.period_start
        and segments.segment_type = verdict_sums.segment_type
        and segments.segment = verdict_sums.segment
left join audit_sums
    on
        segments.period_type = audit_sums.period_type
        and segments.period_start = audit_sums.period_start
        and segments.segment_type = audit_sums.segment_type
        and segments.segment = audit_sums.segment
left join agreement_sums
    on
        segments.period_type = agreement_sums.period_type
        and segments.period_start = agreement_sums.period_start
        and segments.segment_type = agreement_sums.segment_type
        and segments.segment = agreement_sums.segment
