{#
    Like with like: the agent's and people's times meet within a cell of intent, tier and
    channel, and cells are added up by the agent's mix of cases (direct standardisation).
    People's time is measured by three clocks that are never mixed. A case that the agent
    resolves takes no person's working time, so against `active` its time counts as none;
    against the others its own time by the calendar is taken off.
#}
with

cases as (

    select * from {{ ref('int_cases_measured') }}

),

case_times as (

    select * from {{ ref('fct_cases') }}

),

business_days as (

    select * from {{ ref('dim_business_days') }}

),

agent_times as (

    select
        opened_on,
        intent,
        tier,
        channel,
        'agent' as measure,
        aht_automated_seconds__n as observed_seconds
    from cases
    where aht_automated_seconds__d = 1

),

active_times as (

    select
        opened_on,
        intent,
        tier,
        channel,
        'active' as measure,
        aht_human_active_seconds__n as observed_seconds
    from cases
    where aht_human_active_seconds__d = 1

),

elapsed_times as (

    select
        opened_on,
        intent,
        tier,
        channel,
        'elapsed' as measure,
        aht_human_elapsed_seconds__n as observed_seconds
    from cases
    where aht_human_elapsed_seconds__d = 1

),

-- the same cases by the desk's clock
business_times as (

    select
        cases.opened_on,
        cases.intent,
        cases.tier,
        cases.channel,
        'business' as measure,
        {{ business_seconds(
            'case_times.opened_at', 'case_times.resolved_at',
            'opening_days', 'closing_days'
        ) }} as observed_seconds
    from cases
    inner join case_times
        on cases.case_key = case_times.case_key
    inner join business_days as opening_days
        on cast(case_times.opened_at as date) = opening_days.utc_day
    inner join business_days as closing_days
        on cast(case_times.resolved_at as date) = closing_days.utc_day
    where cases.aht_human_elapsed_seconds__d = 1

),

observations as (

    select * from agent_times
    union all
    select * from active_times
    union all
    select * from elapsed_times
    union all
    select * from business_times

),

bounds as (

    select min(opened_on) as first_day from observations

),

period_types as (

    select 'month' as period_type
    union all
    select 'all' as period_type

),

dated as (

    select
        period_types.period_type,
        observations.intent,
        observations.tier,
        observations.channel,
        observations.measure,
        case period_types.period_type
            when 'all' then bounds.first_day
            else cast(date_trunc('month', observations.opened_on) as date)
        end as period_start,
        cast(observations.observed_seconds as double) as observed_seconds
    from observations
    cross join bounds
    cross join period_types

),

means as (

    select
        period_type,
        period_start,
        intent,
        tier,
        channel,
        measure,
        count(*) as observed_cases,
        {{ rate(exact_sum('observed_seconds'), 'count(*)') }} as mean_seconds,
        {{ quantile('observed_seconds', 0.5) }} as p50_seconds,
        {{ quantile('observed_seconds', 0.9) }} as p90_seconds
    from dated
    group by all

),

variances as (

    select
        dated.period_type,
        dated.period_start,
        dated.intent,
        dated.tier,
        dated.channel,
        dated.measure,
        {{ rate(
            exact_sum(
                '(dated.observed_seconds - means.mean_seconds)'
                ~ ' * (dated.observed_seconds - means.mean_seconds)'
            ),
            'count(*) - 1'
        ) }} as variance
    from dated
    inner join means
        on
            dated.period_type = means.period_type
            and dated.period_start = means.period_start
            and dated.intent = means.intent
            and dated.tier = means.tier
            and dated.channel = means.channel
            and dated.measure = means.measure
    group by all

),

measured as (

    select
        means.*,
        variances.variance
    from means
    inner join variances
        on
            means.period_type = variances.period_type
            and means.period_start = variances.period_start
            and means.intent = variances.intent
            and means.tier = variances.tier
            and means.channel = variances.channel
            and means.measure = variances.measure

),

people_measures as (

    select 'active' as people_measure
    union all
    select 'elapsed' as people_measure
    union all
    select 'business' as people_measure

),

listed as (

    select
        measured.period_type,
        measured.period_start,
        measured.intent,
        measured.tier,
        measured.channel,
        people_measures.people_measure
    from measured
    cross join people_measures
    where measured.measure = 'agent'

    union distinct

    select
        period_type,
        period_start,
        intent,
        tier,
        channel,
        measure as people_measure
    from measured
    where measure != 'agent'

),

paired as (

    select
        listed.*,
        agent.mean_seconds as agent_mean_seconds,
        agent.p50_seconds as agent_p50_seconds,
        agent.p90_seconds as agent_p90_seconds,
        agent.variance as agent_variance,
        people.mean_seconds as people_mean_seconds,
        people.p50_seconds as people_p50_seconds,
        people.p90_seconds as people_p90_seconds,
        people.variance as people_variance,
        coalesce(agent.observed_cases, 0) as agent_cases,
        coalesce(people.observed_cases, 0) as people_cases,
        -- what is unknown is like nothing
        agent.observed_cases is not null
        and people.observed_cases >= {{ var('min_cases') }}
        and 'unknown' not in (listed.intent, listed.tier, listed.channel)
            as is_like_with_like
    from listed
    left join measured as agent
        on
            listed.period_type = agent.period_type
            and listed.period_start = agent.period_start
            and listed.intent = agent.intent
            and listed.tier = agent.tier
            and listed.channel = agent.channel
            and agent.measure = 'agent'
    left join measured as people
        on
            listed.period_type = people.period_type
            and listed.period_start = people.period_start
            and listed.intent = people.intent
            and listed.tier = people.tier
            and listed.channel = people.channel
            and listed.people_measure = people.measure

),

-- one case has no spread: it takes the spread within the other cells
pools as (

    select
        period_type,
        period_start,
        people_measure,
        {{ rate(
            exact_sum('(agent_cases - 1) * agent_variance'), 'sum(agent_cases - 1)'
        ) }} as pooled_agent_variance
    from paired
    where is_like_with_like
    group by all

),

compared as (

    select
        paired.*,
        coalesce(paired.is_like_with_like, false) as is_compared,
        paired.people_mean_seconds - case
            when paired.people_measure = 'active' then 0 else paired.agent_mean_seconds
        end as seconds_saved,
        paired.people_variance / cast(paired.people_cases as double)
            as people_error,
        case
            when paired.people_measure = 'active' then 0
            else
                coalesce(paired.agent_variance, pools.pooled_agent_variance)
                / nullif(cast(paired.agent_cases as double), 0)
        end as agent_error
    from paired
    left join pools
        on
            paired.period_type = pools.period_type
            and paired.period_start = pools.period_start
            and paired.people_measure = pools.people_measure

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'cell' as segment_type

),

-- every cell is a row of its own, and a part of the row for all
segments as (

    select
        compared.*,
        segment_types.segment_type,
        case segment_types.segment_type when 'all' then 'all' else compared.intent end
            as segment_intent,
        case segment_types.segment_type when 'all' then 'all' else compared.tier end
            as segment_tier,
        case segment_types.segment_type when 'all' then 'all' else compared.channel end
            as segment_channel,
        sum({{ counted('compared.is_compared', 'compared.agent_cases') }}) over (
            partition by
                compared.period_type,
                compared.period_start,
                compared.people_measure,
                segment_types.segment_type
        ) as compared_cases
    from compared
    cross join segment_types

),

weighted as (

    select
        *,
        case
            when segment_type = 'cell' then cast(1 as double)
            when is_compared then {{ rate('agent_cases', 'compared_cases') }}
        end as weight
    from segments

),

spread as (

    select
        *,
        weight * agent_mean_seconds as agent_part,
        weight * people_mean_seconds as people_part,
        case when is_compared then weight * seconds_saved end as saved_part,
        weight * weight * agent_error as agent_error_part,
        case when is_compared then weight * weight * people_error end
            as people_error_part
    from weighted

),

-- Welch and Satterthwaite, by shares of the squared error, which no sum overflows
shared as (

    select
        *,
        nullif(cast(
            {{ exact_part('agent_error_part + people_error_part') }} over (
                partition by
                    period_type,
                    period_start,
                    people_measure,
                    segment_type,
                    segment_intent,
                    segment_tier,
                    segment_channel
            ) as double
        ), 0) as squared_error_of_all
    from spread

),

freed as (

    select
        *,
        {{ rate(
            'people_error_part / squared_error_of_all'
            ~ ' * people_error_part / squared_error_of_all',
            'people_cases - 1'
        ) }} + coalesce(
            {{ rate(
                'agent_error_part / squared_error_of_all'
                ~ ' * agent_error_part / squared_error_of_all',
                'agent_cases - 1'
            ) }},
            0
        ) as freedom_part
    from shared

),

summed as (

    select
        period_type,
        period_start,
        people_measure,
        segment_type,
        segment_intent,
        segment_tier,
        segment_channel,
        {{ any_true('is_compared') }} as is_compared,
        sum(agent_cases) as agent_cases,
        sum(people_cases) as people_cases,
        sum({{ counted('is_compared', 'agent_cases') }}) as covered_agent_cases,
        sum({{ counted('is_compared', 'people_cases') }}) as covered_people_cases,
        max(case when segment_type = 'cell' then agent_p50_seconds end)
            as agent_p50_seconds,
        max(case when segment_type = 'cell' then agent_p90_seconds end)
            as agent_p90_seconds,
        max(case when segment_type = 'cell' then people_p50_seconds end)
            as people_p50_seconds,
        max(case when segment_type = 'cell' then people_p90_seconds end)
            as people_p90_seconds,
        {{ exact_sum('agent_part') }} as agent_mean_seconds,
        {{ exact_sum('people_part') }} as people_mean_seconds,
        {{ exact_sum('saved_part') }} as seconds_saved,
        {{ exact_sum('agent_error_part + people_error_part') }} as squared_error,
        {{ exact_sum('freedom_part') }} as reciprocal_of_freedom,
        -- where one spread is unknown, so is the interval
        count_if(is_compared and agent_error_part + people_error_part is null)
            as cells_without_spread
    from freed
    group by all

),

tested as (

    select
        *,
        case
            when cells_without_spread = 0
                then {{ rate('1', 'reciprocal_of_freedom') }}
        end as degrees_of_freedom
    from summed

),

bounded as (

    select
        *,
        {{ student_t('degrees_of_freedom') }} * sqrt(squared_error) as margin
    from tested

),

saved as (

    select
        *,
        seconds_saved - margin as seconds_saved_lower,
        seconds_saved + margin as seconds_saved_upper,
        seconds_saved * covered_agent_cases / 3600.0 as hours_saved,
        (seconds_saved - margin) * covered_agent_cases / 3600.0 as hours_saved_lower,
        (seconds_saved + margin) * covered_agent_cases / 3600.0 as hours_saved_upper,
        -- only working time is paid
        {%- set usd_per_hour = var('human_cost_usd_per_hour') or 0 %}
        case
            when people_measure = 'active' and {{ usd_per_hour }} > 0
                then cast({{ usd_per_hour }} as double)
        end as usd_per_hour
    from bounded

)

select
    -- keys
    cast(period_type as varchar) as period_type,
    cast(period_start as date) as period_start,
    cast(people_measure as varchar) as people_measure,
    cast(segment_type as varchar) as segment_type,
    cast(segment_intent as varchar) as intent,
    cast(segment_tier as varchar) as tier,
    cast(segment_channel as varchar) as channel,

    -- flags
    cast(is_compared as boolean) as is_compared,

    -- counts
    cast(agent_cases as bigint) as agent_cases,
    cast(covered_agent_cases as bigint) as covered_agent_cases,
    cast(people_cases as bigint) as people_cases,
    cast(covered_people_cases as bigint) as covered_people_cases,

    -- amounts
    cast({{ rate('covered_agent_cases', 'agent_cases') }} as double) as coverage,
    cast(agent_mean_seconds as double) as agent_mean_seconds,
    cast(agent_p50_seconds as double) as agent_p50_seconds,
    cast(agent_p90_seconds as double) as agent_p90_seconds,
    cast(people_mean_seconds as double) as people_mean_seconds,
    cast(people_p50_seconds as double) as people_p50_seconds,
    cast(people_p90_seconds as double) as people_p90_seconds,
    cast(seconds_saved as double) as seconds_saved_per_case,
    cast(seconds_saved_lower as double) as seconds_saved_lower,
    cast(seconds_saved_upper as double) as seconds_saved_upper,
    cast(degrees_of_freedom as double) as degrees_of_freedom,
    cast(hours_saved as double) as hours_saved,
    cast(hours_saved_lower as double) as hours_saved_lower,
    cast(hours_saved_upper as double) as hours_saved_upper,
    cast(hours_saved * usd_per_hour as double) as cost_saved_usd,
    cast(hours_saved_lower * usd_per_hour as double) as cost_saved_lower_usd,
    cast(hours_saved_upper * usd_per_hour as double) as cost_saved_upper_usd
from saved
