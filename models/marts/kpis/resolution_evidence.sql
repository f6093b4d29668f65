with

cases as (

    select
        date_trunc('month', opened_on) as month_start,
        coalesce(intent, 'unknown') as intent,
        coalesce(agent_name, 'unknown') as agent_name,
        coalesce(agent_version, 'unknown') as agent_version,
        coalesce(is_resolved_autonomously, false) as is_resolved,
        not coalesce(is_resolved_autonomously, true) as is_failed,
        is_resolved_autonomously is null as is_undecided,
        intent_leg = 'missing' as is_intent_missing,
        policy_leg = 'missing' as is_policy_missing,
        closure_leg = 'missing' as is_closure_missing
    from {{ ref('fct_cases') }}
    where is_eligible and is_handled

),

counts as (

    select
        month_start,
        intent,
        agent_name,
        agent_version,
        count(*) as handled_cases,
        count_if(is_resolved) as resolved_cases,
        count_if(is_failed) as failed_cases,
        count_if(is_undecided) as undecided_cases,
        count_if(not (is_intent_missing or is_policy_missing or is_closure_missing))
            as complete_cases,
        count_if(is_intent_missing) as intent_missing_cases,
        count_if(is_policy_missing) as policy_missing_cases,
        count_if(is_closure_missing) as closure_missing_cases,
        count_if(is_undecided and is_intent_missing) as undecided_by_intent_cases,
        count_if(is_undecided and is_policy_missing) as undecided_by_policy_cases,
        count_if(is_undecided and is_closure_missing) as undecided_by_closure_cases
    from cases
    group by all

),

valued as (

    select
        *,
        {{ rate('resolved_cases', 'handled_cases') }} as lower_rate,
        {{ rate('resolved_cases + undecided_cases', 'handled_cases') }} as upper_rate,
        {{ rate('complete_cases', 'handled_cases') }} as coverage
    from counts

)

select
    -- keys
    cast(month_start as date) as month_start,
    cast(intent as varchar) as intent,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,

    -- attributes
    cast(
        case
            when undecided_cases = 0 then null
            when
                undecided_by_intent_cases
                >= greatest(undecided_by_policy_cases, undecided_by_closure_cases)
                then 'intent'
            when undecided_by_policy_cases >= undecided_by_closure_cases then 'policy'
            else 'closure'
        end as varchar
    ) as log_next,

    -- flags
    cast(handled_cases < {{ var('min_cases') }} as boolean) as is_too_small,

    -- counts
    cast(handled_cases as bigint) as handled_cases,
    cast(resolved_cases as bigint) as resolved_cases,
    cast(failed_cases as bigint) as failed_cases,
    cast(undecided_cases as bigint) as undecided_cases,
    cast(complete_cases as bigint) as complete_cases,
    cast(intent_missing_cases as bigint) as intent_missing_cases,
    cast(policy_missing_cases as bigint) as policy_missing_cases,
    cast(closure_missing_cases as bigint) as closure_missing_cases,
    cast(undecided_by_intent_cases as bigint) as undecided_by_intent_cases,
    cast(undecided_by_policy_cases as bigint) as undecided_by_policy_cases,
    cast(undecided_by_closure_cases as bigint) as undecided_by_closure_cases,

    -- amounts
    cast(lower_rate as double) as resolution_rate_lower,
    cast(upper_rate as double) as resolution_rate_upper,
    cast(coverage as double) as evidence_coverage,
    cast({{ wilson_lower('lower_rate', 'handled_cases') }} as double)
        as interval_lower,
    cast({{ wilson_upper('upper_rate', 'handled_cases') }} as double)
        as interval_upper
from valued
