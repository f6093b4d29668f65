{#
    Why cases went to people, week by week, beside all cases that the agent handled. A
    reason that is gone is listed once more, with none, so that its fall shows.
#}
with

escalations as (

    select * from {{ ref('fct_escalations') }}
    where is_eligible

),

cases as (

    select * from {{ ref('fct_cases') }}

),

daily as (

    select * from {{ ref('kpi_daily') }}
    where kpi = 'escalation_rate'

),

reasons as (

    select * from {{ ref('dim_escalation_reasons') }}

),

handled as (

    select
        {{ week_start('opened_on') }} as week_start,
        intent,
        {{ exact_sum('denominator') }} as handled_cases
    from daily
    group by all

),

counts as (

    select
        {{ week_start('cases.opened_on') }} as week_start,
        coalesce(escalations.intent, 'unknown') as intent,
        escalations.reason_code,
        count(*) as escalations
    from escalations
    inner join cases
        on escalations.case_key = cases.case_key
    group by all

),

listed as (

    select
        week_start,
        intent,
        reason_code
    from counts

    union distinct

    select
        {{ date_moved('day', 7, 'week_start') }} as week_start,
        intent,
        reason_code
    from counts

),

compared as (

    select
        listed.week_start,
        listed.intent,
        listed.reason_code,
        handled.handled_cases,
        previous_handled.handled_cases as previous_handled_cases,
        coalesce(counts.escalations, 0) as escalations,
        -- where no case was handled the week before, there is nothing to compare with
        case
            when previous_handled.handled_cases is not null
                then coalesce(previous_counts.escalations, 0)
        end as previous_escalations
    from listed
    inner join handled
        on
            listed.week_start = handled.week_start
            and listed.intent = handled.intent
    left join counts
        on
            listed.week_start = counts.week_start
            and listed.intent = counts.intent
            and listed.reason_code = counts.reason_code
    left join handled as previous_handled
        on
            {{ date_moved('day', -7, 'listed.week_start') }}
            = previous_handled.week_start
            and listed.intent = previous_handled.intent
    left join counts as previous_counts
        on
            {{ date_moved('day', -7, 'listed.week_start') }}
            = previous_counts.week_start
            and listed.intent = previous_counts.intent
            and listed.reason_code = previous_counts.reason_code

),

shared as (

    select
        *,
        sum(escalations) over (partition by week_start, intent) as intent_escalations
    from compared

)

select
    -- keys
    cast(shared.week_start as date) as week_start,
    cast(shared.intent as varchar) as intent,
    cast(shared.reason_code as varchar) as reason_code,

    -- attributes
    cast(reasons.owner as varchar) as owner,
    cast(reasons.what_to_do as varchar) as what_to_do,

    -- flags
    cast(coalesce(reasons.is_alarm, false) as boolean) as is_alarm,
    cast(shared.handled_cases < {{ var('min_cases') }} as boolean) as is_too_small,
    cast(
        {{ hours_after(
            from_reporting_timezone(date_moved('day', 7, 'shared.week_start')),
            var('abandon_after_hours')
        ) }} > {{ as_of() }} as boolean
    ) as is_provisional,

    -- counts
    cast(shared.escalations as bigint) as escalations,
    cast(shared.intent_escalations as bigint) as intent_escalations,
    cast(shared.handled_cases as bigint) as handled_cases,
    cast(shared.previous_escalations as bigint) as previous_escalations,
    cast(shared.escalations - shared.previous_escalations as bigint) as change,

    -- amounts
    cast({{ rate('shared.escalations', 'shared.intent_escalations') }} as double)
        as share_of_escalations,
    cast({{ rate('shared.escalations', 'shared.handled_cases') }} as double)
        as escalations_per_case,
    cast(
        {{ rate('shared.escalations', 'shared.handled_cases') }}
        - {{ rate('shared.previous_escalations', 'shared.previous_handled_cases') }}
        as double
    ) as change_per_case
from shared
left join reasons
    on shared.reason_code = reasons.reason_code
