{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}
with

eligible as (

    select * from {{ ref('fct_cases') }}
    where is_eligible and {{ touched('case_key') }}

),

cases as (

    select
        *,
        is_mature and is_recontact_visible as is_return_known
    from eligible
    where is_handled

),

sessions as (

    select
        case_key,
        started_at,
        max(ended_at) over (
            partition by case_key
            order by started_at, session_id, source_system
            rows between unbounded preceding and 1 preceding
        ) as left_at
    from {{ ref('fct_sessions') }}
    where {{ touched('case_key') }}

),

-- the customer comes back soon: to the case, or with the next one
callbacks as (

    select
        case_key,
        started_at as called_back_at
    from sessions
    where started_at <= {{ hours_after('left_at', 24) }}

    union all

    select
        case_key,
        recontacted_at as called_back_at
    from cases
    where recontacted_at <= {{ hours_after('resolved_at', 24) }}

    union all

    -- re-contacts are known of what was closed; this is the rest
    select
        cases.case_key,
        later.opened_at as called_back_at
    from cases
    inner join eligible as later
        on
            cases.customer_key = later.customer_key
            and cases.intent = later.intent
            and cases.last_activity_at < later.opened_at
            and {{ hours_after('cases.last_activity_at', 24) }} >= later.opened_at
    where cases.resolved_at is null and not cases.has_human_touch

),

first_callbacks as (

    select
        case_key,
        min(called_back_at) as called_back_at
    from callbacks
    group by all

),

audits as (

    select
        *,
        is_outcome_correct and verdict != 'violation' as is_found_right
    from {{ ref('fct_audits') }}
    where
        is_in_claim
        and is_outcome_correct is not null
        and {{ touched('case_key') }}

),

-- one judgement per case: a fault wins, and the earliest audit that found it weighs
judgements as (

    select
        case_key,
        audit_weight,
        is_found_right
    from audits
    qualify
        row_number() over (
            partition by case_key
            order by
                case when is_found_right then 1 else 0 end,
                audited_at,
                audit_id,
                audit_key
        ) = 1

),

judged as (

    select
        cases.*,
        first_callbacks.called_back_at,
        judgements.audit_weight,
        judgements.is_found_right,
        not cases.has_human_touch as is_contained,
        coalesce(cases.is_resolved_autonomously, false) as is_strict
    from cases
    left join first_callbacks
        on cases.case_key = first_callbacks.case_key
    left join judgements
        on cases.case_key = judgements.case_key

)

select
    -- keys
    cast(case_key as varchar) as case_key,
    cast(case_id as varchar) as case_id,

    -- attributes
    cast(coalesce(intent, 'unknown') as varchar) as intent,

    -- flags
    cast(is_contained as boolean) as is_contained,
    {%- for hours in assumed_resolved_hours() %}
    cast(
        is_contained
        and (
            resolved_at is not null
            or {{ hours_after('last_activity_at', hours) }} <= {{ as_of() }}
        ) as boolean
    ) as is_assumed_resolved_{{ hours }}h,
    {%- endfor %}
    cast(
        case when is_return_known then is_contained and called_back_at is null end
        as boolean
    ) as is_no_callback_24h,
    cast(coalesce(is_resolved_autonomously, true) as boolean) as is_strict_upper,
    cast(
        is_strict
        or (
            coalesce(resolution_kind = 'informational', false)
            and 'fail' not in (intent_leg, policy_leg, action_leg, closure_leg)
        ) as boolean
    ) as is_strict_or_informational,
    cast(is_strict as boolean) as is_strict,
    cast(
        case when is_return_known then coalesce(is_durable, false) end as boolean
    ) as is_durable,
    cast(
        case when is_found_right is not null then is_contained and is_found_right end
        as boolean
    ) as is_audited,

    -- amounts
    cast(audit_weight as double) as audit_weight,

    -- times
    cast(date_trunc('month', opened_on) as date) as month_start,
    cast(opened_on as date) as opened_on,
    cast(called_back_at as timestamp) as called_back_at
from judged
