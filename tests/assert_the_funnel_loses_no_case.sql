-- What enters a step passes, fails or lacks evidence, and what passes enters the next
-- one. A funnel that leaks shows the wrong step to work on.
with

steps as (

    select
        *,
        {{ surrogate_key(['opened_on', 'intent', 'tier', 'channel', 'agent_version']) }}
            as segment_key
    from {{ ref('resolution_funnel') }}

),

totals as (

    select
        coalesce(sum(case when step_number = 0 then entered_cases end), 0) as entered,
        coalesce(sum(case when step_number = 5 then passed_cases end), 0) as resolved
    from steps

),

cases as (

    select
        count(*) as handled,
        coalesce(count_if(is_resolved_autonomously), 0) as resolved
    from {{ ref('fct_cases') }}
    where is_eligible and is_handled

)

select
    'a step loses cases' as fault,
    step_number,
    entered_cases as one_side,
    passed_cases + failed_cases + missing_cases as other_side
from steps
where entered_cases != passed_cases + failed_cases + missing_cases

union all

select
    'cases vanish before the next step' as fault,
    steps.step_number,
    steps.passed_cases as one_side,
    coalesce(next_steps.entered_cases, 0) as other_side
from steps
left join steps as next_steps
    on
        steps.segment_key = next_steps.segment_key
        and steps.step_number + 1 = next_steps.step_number
where
    steps.step_number < 5
    and steps.passed_cases != coalesce(next_steps.entered_cases, 0)

union all

select
    'cases come from nowhere' as fault,
    steps.step_number,
    steps.entered_cases as one_side,
    coalesce(previous_steps.passed_cases, 0) as other_side
from steps
left join steps as previous_steps
    on
        steps.segment_key = previous_steps.segment_key
        and steps.step_number - 1 = previous_steps.step_number
where
    steps.step_number > 0
    and steps.entered_cases != coalesce(previous_steps.passed_cases, 0)

union all

select
    'handled cases do not all enter' as fault,
    0 as step_number,
    totals.entered as one_side,
    cases.handled as other_side
from totals
cross join cases
where totals.entered != cases.handled

union all

select
    'what comes out is not what was resolved' as fault,
    5 as step_number,
    totals.resolved as one_side,
    cases.resolved as other_side
from totals
cross join cases
where totals.resolved != cases.resolved
