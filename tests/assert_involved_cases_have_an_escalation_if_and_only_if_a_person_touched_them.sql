-- The escalation rate counts cases and the reasons count escalations. If the two lists
-- do not name the same cases, the reasons do not explain the rate.
with

escalated_cases as (

    select case_key
    from {{ ref('fct_escalations') }}
    group by all

)

select
    cases.case_key,
    cases.is_involved,
    cases.has_human_touch,
    escalated_cases.case_key is not null as has_escalation
from {{ ref('fct_cases') }} as cases
left join escalated_cases
    on cases.case_key = escalated_cases.case_key
where
    (
        cases.is_involved
        and cases.has_human_touch
        and escalated_cases.case_key is null
    )
    or (escalated_cases.case_key is not null and not cases.has_human_touch)
