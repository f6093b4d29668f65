-- Figures that share a denominator must agree on it, and outcomes must share out the
-- cases without rest: who adds up two numbers of one report may not get a third.
with

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible

),

stored as (

    select
        sum(
            case when kpi = 'autonomous_resolution_rate' then numerator else 0 end
        ) as resolved,
        sum(
            case when kpi = 'autonomous_resolution_rate_upper' then numerator else 0 end
        ) as resolved_at_most,
        sum(
            case when kpi = 'containment_rate' then numerator else 0 end
        ) as contained,
        sum(
            case when kpi = 'escalation_rate' then numerator else 0 end
        ) as escalated,
        sum(
            case when kpi = 'autonomous_resolution_rate' then denominator else 0 end
        ) as handled_for_resolution,
        sum(
            case
                when kpi = 'autonomous_resolution_rate_upper' then denominator else 0
            end
        ) as handled_for_upper_bound,
        sum(
            case when kpi = 'containment_rate' then denominator else 0 end
        ) as handled_for_containment,
        sum(
            case when kpi = 'escalation_rate' then denominator else 0 end
        ) as handled_for_escalation,
        sum(
            case when kpi = 'evidence_coverage' then denominator else 0 end
        ) as handled_for_evidence,
        sum(
            case when kpi = 'automation_rate' then denominator else 0 end
        ) as settled,
        sum(
            case when kpi = 'durable_resolution_rate' then denominator else 0 end
        ) as mature_for_durable,
        sum(
            case
                when kpi = 'first_contact_resolution_rate' then denominator else 0
            end
        ) as mature_for_first_contact,
        sum(
            case when kpi = 'ces_mean' then denominator else 0 end
        ) as answers_for_mean,
        sum(
            case when kpi = 'ces_favourable_rate' then denominator else 0 end
        ) as answers_for_favourable,
        sum(
            case when kpi = 'ces_response_rate' then numerator else 0 end
        ) as answers_of_surveys
    from {{ ref('kpi_daily') }}

),

counted as (

    select
        count(*) as cases,
        count_if(is_handled) as handled,
        count_if(outcome = 'resolved_autonomously' and is_involved)
            as resolved_by_the_agent,
        count_if(is_handled and is_resolved_autonomously is null) as unproven_handled,
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
        'resolved by the agent = resolved' as identity,
        counted.resolved_by_the_agent as one_side,
        stored.resolved as other_side
    from counted
    cross join stored

    union all

    select
        'without evidence = distance of the bounds' as identity,
        counted.unproven_handled as one_side,
        stored.resolved_at_most - stored.resolved as other_side
    from counted
    cross join stored

    union all

    select
        'settled cases = denominator of automation' as identity,
        counted.cases - counted.in_progress - counted.dropped_off as one_side,
        stored.settled as other_side
    from counted
    cross join stored

    union all

    select
        'handled cases = denominator of resolution' as identity,
        counted.handled as one_side,
        stored.handled_for_resolution as other_side
    from counted
    cross join stored

    union all

    select
        'handled cases = denominator of the upper bound' as identity,
        counted.handled as one_side,
        stored.handled_for_upper_bound as other_side
    from counted
    cross join stored

    union all

    select
        'handled cases = denominator of containment' as identity,
        counted.handled as one_side,
        stored.handled_for_containment as other_side
    from counted
    cross join stored

    union all

    select
        'handled cases = denominator of escalation' as identity,
        counted.handled as one_side,
        stored.handled_for_escalation as other_side
    from counted
    cross join stored

    union all

    select
        'handled cases = denominator of evidence' as identity,
        counted.handled as one_side,
        stored.handled_for_evidence as other_side
    from counted
    cross join stored

    union all

    select
        'contained + escalated = handled' as identity,
        contained + escalated as one_side,
        handled_for_containment as other_side
    from stored

    union all

    select
        'durable and first contact share a denominator' as identity,
        mature_for_durable as one_side,
        mature_for_first_contact as other_side
    from stored

    union all

    select
        'favourable and mean effort share a denominator' as identity,
        answers_for_favourable as one_side,
        answers_for_mean as other_side
    from stored

    union all

    select
        'answers are the numerator of the response rate' as identity,
        answers_for_mean as one_side,
        answers_of_surveys as other_side
    from stored

)

select *
from identities
where one_side != other_side
