{{ config(materialized='view') }}

{# The strict test and the outcome of each case, as of now. #}
with

cases as (

    select * from {{ ref('int_cases_described') }}

),

closures as (

    select * from {{ ref('int_cases_closed') }}

),

legs as (

    select * from {{ ref('int_cases_legs_judged') }}

),

touches as (

    select
        case_key,
        min(occurred_at) as first_touched_at
    from {{ ref('int_human_touches_found') }}
    group by all

),

joined as (

    select
        cases.*,
        closures.closure_leg,
        closures.resolved_at,
        closures.reopened_at,
        closures.denied_at,
        touches.first_touched_at,
        coalesce(legs.intent_leg, 'missing') as intent_leg,
        coalesce(legs.policy_leg, 'missing') as policy_leg,
        coalesce(legs.action_leg, 'none') as action_leg,
        touches.case_key is not null as has_human_touch
    from cases
    inner join closures
        on cases.case_key = closures.case_key
    left join legs
        on cases.case_key = legs.case_key
    left join touches
        on cases.case_key = touches.case_key

),

blocked as (

    select
        *,
        case
            when has_human_touch then 'human'
            when intent_leg = 'fail' then 'intent'
            when policy_leg = 'fail' then 'policy'
            when action_leg in ('fail', 'none') then 'action'
            when closure_leg = 'fail' then 'closure'
        end as failed_by,
        case
            when intent_leg = 'missing' then 'intent'
            when policy_leg = 'missing' then 'policy'
            when closure_leg = 'missing' then 'closure'
        end as first_missing_leg
    from joined

),

tested as (

    select
        *,
        case
            when failed_by is not null then false
            when first_missing_leg is null then true
        end as is_resolved_autonomously,
        coalesce(failed_by, first_missing_leg) as first_blocker,
        {{ hours_after('last_activity_at', var('abandon_after_hours')) }}
            as abandoned_at
    from blocked

)

select
    *,
    case
        when is_resolved_autonomously then 'resolved_autonomously'
        when has_human_touch and resolved_at is not null then 'resolved_by_human'
        when has_human_touch then 'escalated'
        when resolved_at is not null then 'closed_unproven'
        when closure_leg = 'missing' and ended_outcome = 'resolved'
            then 'closed_unproven'
        when is_involved and not is_asked then 'dropped_off'
        when abandoned_at <= {{ as_of() }} then 'abandoned'
        else 'in_progress'
    end as outcome
from tested
