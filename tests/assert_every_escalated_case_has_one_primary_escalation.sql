-- Cases are counted by the reason of their primary escalation: with none a case is
-- missing from the chart of reasons, with two it is there twice. And the primary one is
-- the first.
with

escalations as (

    select * from {{ ref('fct_escalations') }}

),

by_case as (

    select
        case_key,
        coalesce(count_if(is_primary), 0) as primary_escalations,
        min(escalated_at) as first_escalated_at,
        min(case when is_primary then escalated_at end) as primary_escalated_at,
        min(case when is_primary then reason_code end) as primary_reason_code
    from escalations
    group by all

)

select
    by_case.*,
    cases.primary_escalation_reason
from by_case
inner join {{ ref('fct_cases') }} as cases
    on by_case.case_key = cases.case_key
where
    by_case.primary_escalations != 1
    or by_case.primary_escalated_at != by_case.first_escalated_at
    or by_case.primary_reason_code != coalesce(cases.primary_escalation_reason, '')
