{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_days_touched') }}
with

cases as (

    select * from {{ ref('int_cases_judged') }}

),

escalations as (

    select * from {{ ref('fct_escalations') }}
    where {{ touched('case_key') }}

),

primary_escalations as (

    select
        case_key,
        reason_code
    from escalations
    where is_primary

),

-- another case of the same customer and intent, soon after this one was resolved
recontacts as (

    select
        cases.case_key,
        min(later.opened_at) as recontacted_at
    from cases
    inner join cases as later
        on
            cases.customer_key = later.customer_key
            and cases.intent = later.intent
            and cases.case_key != later.case_key
            and cases.resolved_at < later.opened_at
            and {{ hours_after('cases.resolved_at', var('recontact_window_hours')) }}
            >= later.opened_at
    where cases.is_eligible and later.is_eligible
    group by all

),

settled as (

    select
        cases.*,
        recontacts.recontacted_at,
        primary_escalations.reason_code as primary_escalation_reason,
        cases.is_involved
        and cases.outcome not in ('in_progress', 'dropped_off') as is_handled,
        {{ hours_after(
            'coalesce(cases.resolved_at, cases.last_activity_at)',
            var('recontact_window_hours')
        ) }} as matures_at
    from cases
    left join recontacts
        on cases.case_key = recontacts.case_key
    left join primary_escalations
        on cases.case_key = primary_escalations.case_key

),

matured as (

    select
        *,
        matures_at <= {{ as_of() }} as is_mature,
        customer_key is not null and intent is not null as is_recontact_visible
    from settled

)

select
    -- keys
    cast(case_key as varchar) as case_key,
    cast(case_id as varchar) as case_id,
    cast(source_system as varchar) as source_system,

    -- attributes
    cast(customer_key as varchar) as customer_key,
    cast(intent as varchar) as intent,
    cast(tier as varchar) as tier,
    cast(channel as varchar) as channel,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,
    cast(intent_leg as varchar) as intent_leg,
    cast(policy_leg as varchar) as policy_leg,
    cast(action_leg as varchar) as action_leg,
    cast(closure_leg as varchar) as closure_leg,
    cast(first_blocker as varchar) as first_blocker,
    cast(outcome as varchar) as outcome,
    cast(
        case
            when resolved_at is null or has_human_touch then null
            when action_leg = 'pass' then 'action'
            when is_informational_intent then 'informational'
            else 'unproven'
        end as varchar
    ) as resolution_kind,
    cast(primary_escalation_reason as varchar) as primary_escalation_reason,

    -- flags
    cast(is_eligible as boolean) as is_eligible,
    cast(is_involved as boolean) as is_involved,
    cast(is_handled as boolean) as is_handled,
    cast(has_human_touch as boolean) as has_human_touch,
    cast(is_resolved_autonomously as boolean) as is_resolved_autonomously,
    cast(is_mature as boolean) as is_mature,
    cast(is_recontact_visible as boolean) as is_recontact_visible,
    cast(
        case
            when not (is_handled and is_mature and is_recontact_visible) then null
            when reopened_at is not null or recontacted_at is not null then false
            else is_resolved_autonomously
        end as boolean
    ) as is_durable,
    cast(is_time_known as boolean) as is_time_known,

    -- counts
    cast(session_count as bigint) as session_count,
    cast(input_tokens as bigint) as input_tokens,
    cast(output_tokens as bigint) as output_tokens,

    -- amounts
    cast(
        case
            when is_time_known then {{ seconds_between('opened_at', 'resolved_at') }}
        end
        as double
    ) as handling_seconds,
    cast(human_active_seconds as double) as human_active_seconds,
    cast(model_cost_usd as double) as model_cost_usd,

    -- times
    cast(opened_on as date) as opened_on,
    cast(opened_at as timestamp) as opened_at,
    cast(last_activity_at as timestamp) as last_activity_at,
    cast(first_touched_at as timestamp) as first_touched_at,
    cast(resolved_at as timestamp) as resolved_at,
    cast(reopened_at as timestamp) as reopened_at,
    cast(denied_at as timestamp) as denied_at,
    cast(recontacted_at as timestamp) as recontacted_at,
    cast(matures_at as timestamp) as matures_at
from matured
