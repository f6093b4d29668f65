-- What is proven, failed and undecided are all handled cases, the bounds are those of
-- the KPIs, and no undecided case is without a missing leg. Evidence that is missing in
-- silence would turn into a success or a failure that nobody has seen.
with

evidence as (

    select * from {{ ref('resolution_evidence') }}

),

daily as (

    select
        cast(date_trunc('month', opened_on) as date) as month_start,
        intent,
        agent_name,
        agent_version,
        sum(case when kpi = 'autonomous_resolution_rate' then numerator else 0 end)
            as resolved_cases,
        sum(case when kpi = 'autonomous_resolution_rate' then denominator else 0 end)
            as handled_cases,
        sum(
            case when kpi = 'autonomous_resolution_rate_upper' then numerator else 0 end
        ) as possible_cases,
        sum(case when kpi = 'evidence_coverage' then numerator else 0 end)
            as complete_cases
    from {{ ref('kpi_daily') }}
    group by all

)

select
    'the parts are not all' as fault,
    month_start,
    intent
from evidence
where
    resolved_cases + failed_cases + undecided_cases != handled_cases
    or undecided_cases > handled_cases - complete_cases
    or undecided_cases
    > undecided_by_intent_cases
    + undecided_by_policy_cases
    + undecided_by_closure_cases
    or undecided_by_intent_cases > intent_missing_cases
    or undecided_by_policy_cases > policy_missing_cases
    or undecided_by_closure_cases > closure_missing_cases
    or (log_next is null) != (undecided_cases = 0)

union all

select
    'the KPIs say otherwise' as fault,
    daily.month_start,
    daily.intent
from daily
left join evidence
    on
        daily.month_start = evidence.month_start
        and daily.intent = evidence.intent
        and daily.agent_name = evidence.agent_name
        and daily.agent_version = evidence.agent_version
where
    daily.handled_cases != coalesce(evidence.handled_cases, 0)
    or daily.resolved_cases != coalesce(evidence.resolved_cases, 0)
    or daily.complete_cases != coalesce(evidence.complete_cases, 0)
    or daily.possible_cases
    != coalesce(evidence.resolved_cases + evidence.undecided_cases, 0)
