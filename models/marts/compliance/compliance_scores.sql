{#
    Three numbers, side by side and never blended: what the checks say of all cases, what
    people say of a sample, and what people found where the checks had found nothing.
#}
with

sums as (

    select * from {{ ref('int_compliance_summed') }}

),

catalog as (

    select * from {{ ref('kpi_catalog') }}
    where kpi = 'audited_compliance_rate'

),

bounds as (

    select * from {{ ref('violation_bounds') }}

),

-- Kish's effective number, and how many violations it holds at the weighted rate
sized as (

    select
        *,
        {{ rate('compliant_weight', 'audited_weight') }} as audited_rate,
        {{ rate('audited_weight * audited_weight', 'squared_weights') }} as effective_n,
        coalesce(
            {{ rate(
                'audited_weight * (audited_weight - compliant_weight)',
                'squared_weights'
            ) }},
            0
        ) as effective_violations
    from sums

),

-- up for the bound that supports a claim, down for the one that refutes it
counted as (

    select
        *,
        cast(ceil(effective_violations - 0.000001) as bigint) as most_violations,
        cast(floor(effective_violations + 0.000001) as bigint) as least_violations
    from sized

),

bounded as (

    select
        counted.*,
        catalog.target,
        coalesce(
            upper_bounds.upper_bound, {{ most_events('counted.most_violations') }}
        ) as violations_at_most,
        coalesce(
            lower_bounds.lower_bound,
            {{ least_events('nullif(counted.least_violations, 0)') }}
        ) as violations_at_least
    from counted
    cross join catalog
    left join bounds as upper_bounds
        on counted.most_violations = upper_bounds.violations
    left join bounds as lower_bounds
        on counted.least_violations = lower_bounds.violations

),

claimed as (

    select
        *,
        case
            when audited_cases > 0
                then greatest(0, 1 - {{ rate('violations_at_most', 'effective_n') }})
        end as audited_rate_lower,
        1 - {{ rate('violations_at_least', 'effective_n') }} as audited_rate_upper
    from bounded

),

stated as (

    select
        *,
        case
            when target is null then 'no_target'
            when audited_cases = 0 then 'not_audited'
            when audited_rate_lower >= target then 'supported'
            when audited_rate_upper < target then 'refuted'
            else 'not_proven'
        end as claim_status,
        {{ rate('violations_at_most', '1 - target') }} as needed_audits
    from claimed

)

select
    -- keys
    cast(period_type as varchar) as period_type,
    cast(period_start as date) as period_start,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,

    -- attributes
    cast(claim_status as varchar) as claim_status,

    -- counts of the checks
    cast(handled_cases as bigint) as handled_cases,
    cast(evaluated_checks as bigint) as evaluated_checks,
    cast(passed_checks as bigint) as passed_checks,
    cast(bound_actions as bigint) as bound_actions,
    cast(compliant_actions as bigint) as compliant_actions,

    -- counts of the audits
    cast(audited_cases as bigint) as audited_cases,
    cast(violations as bigint) as audited_violations,
    cast(most_violations as bigint) as counted_violations,
    cast(
        case
            when claim_status = 'supported' then 0
            when claim_status in ('not_proven', 'not_audited')
                then greatest(1, ceil(needed_audits - coalesce(effective_n, 0)))
        end as bigint
    ) as audits_still_needed,
    cast(unclear_audits as bigint) as unclear_audits,

    -- counts of the blind spot
    cast(blind_spot_cases as bigint) as blind_spot_cases,
    cast(blind_spot_violations as bigint) as blind_spot_violations,

    -- counts of what is no part of the claim
    cast(audits_without_probability as bigint) as audits_without_probability,
    cast(targeted_audits as bigint) as targeted_audits,
    cast(targeted_violations as bigint) as targeted_violations,
    cast(model_audits as bigint) as model_audits,
    cast(model_violations as bigint) as model_violations,
    cast(compared_verdicts as bigint) as compared_verdicts,
    cast(found_by_person as bigint) as found_by_person,
    cast(found_by_model as bigint) as found_by_model,
    cast(false_passes as bigint) as false_passes,
    cast(false_fails as bigint) as false_fails,

    -- amounts
    cast({{ rate('passed_checks', 'evaluated_checks') }} as double)
        as policy_check_pass_rate,
    cast({{ rate('compliant_actions', 'bound_actions') }} as double)
        as action_compliance_rate,
    cast(audited_weight as double) as audited_weight,
    cast(compliant_weight as double) as compliant_weight,
    cast(effective_n as double) as effective_n,
    cast(audited_rate as double) as audited_compliance_rate,
    cast(audited_rate_lower as double) as audited_rate_lower,
    cast(audited_rate_upper as double) as audited_rate_upper,
    cast(target as double) as target,
    cast(blind_spot_rate as double) as blind_spot_rate,
    cast({{ rate('false_passes', 'found_by_person') }} as double) as false_pass_rate,
    cast({{ rate('false_fails', 'compared_verdicts - found_by_person') }} as double)
        as false_fail_rate,
    cast({{ cohens_kappa(
        'compared_verdicts',
        'compared_verdicts - false_passes - false_fails',
        'found_by_person',
        'found_by_model'
    ) }} as double) as cohens_kappa
from stated
