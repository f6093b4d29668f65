-- Figures that share a denominator must agree on it, and outcomes must share out the cases
-- without rest: who adds up two numbers of one report may not get a third.
with

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible

),

totals as (

    select
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_daily') }}
    group by all

),

stored as (

    select
        {%- for kpi in kpi_names() %}
        coalesce(max(case when kpi = '{{ kpi }}' then numerator end), 0) as {{ kpi }}__n,
        coalesce(max(case when kpi = '{{ kpi }}' then denominator end), 0)
            as {{ kpi }}__d{{ ',' if not loop.last }}
        {%- endfor %}
    from totals

),

counted as (

    select
        count(*) as cases,
        count_if(is_handled) as handled,
        count_if(outcome = 'resolved_autonomously' and is_involved)
            as resolved_by_the_agent,
        count_if(outcome = 'resolved_autonomously') as resolved_autonomously,
        count_if(outcome = 'resolved_by_human') as resolved_by_human,
        count_if(outcome = 'escalated') as escalated,
        count_if(outcome = 'closed_unproven') as closed_unproven,
        count_if(outcome = 'dropped_off') as dropped_off,
        count_if(outcome = 'abandoned') as abandoned,
        count_if(outcome = 'in_progress') as in_progress
    from cases

),

identities as (

    select
        'outcomes = cases' as identity,
        resolved_autonomously + resolved_by_human + escalated + closed_unproven
        + dropped_off + abandoned + in_progress as one_side,
        cases as other_side
    from counted

    union all

    select
        'resolved by the agent = numerator of the resolution rate' as identity,
        counted.resolved_by_the_agent as one_side,
        stored.autonomous_resolution_rate__n as other_side
    from counted
    cross join stored

    union all

    select
        'cases without those waiting and dropped off = denominator of automation'
            as identity,
        counted.cases - counted.in_progress - counted.dropped_off as one_side,
        stored.automation_rate__d as other_side
    from counted
    cross join stored

    {%- for kpi in [
        'autonomous_resolution_rate', 'autonomous_resolution_rate_upper',
        'containment_rate', 'escalation_rate', 'evidence_coverage',
    ] %}

    union all

    select
        'handled cases = denominator of {{ kpi }}' as identity,
        counted.handled as one_side,
        stored.{{ kpi }}__d as other_side
    from counted
    cross join stored
    {%- endfor %}

    union all

    select
        'contained + escalated = handled' as identity,
        containment_rate__n + escalation_rate__n as one_side,
        containment_rate__d as other_side
    from stored

    union all

    select
        'durable and first-contact resolution share a denominator' as identity,
        durable_resolution_rate__d as one_side,
        first_contact_resolution_rate__d as other_side
    from stored

    union all

    select
        'favourable and mean effort share a denominator' as identity,
        ces_favourable_rate__d as one_side,
        ces_mean__d as other_side
    from stored

    union all

    select
        'answered surveys = numerator of the response rate' as identity,
        ces_mean__d as one_side,
        ces_response_rate__n as other_side
    from stored

    union all

    select
        'what lies between the bounds of the resolution rate lacks evidence' as identity,
        stored.autonomous_resolution_rate_upper__n
        - stored.autonomous_resolution_rate__n as one_side,
        (
            select count(*) from cases
            where is_handled and is_resolved_autonomously is null
        ) as other_side
    from stored

)

select *
from identities
where one_side != other_side
