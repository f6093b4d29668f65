{{ config(materialized='view') }}
{#
    One row per recent, settled day of a series that is watched, with the limits that the
    days before it set. The day itself is not among them, so it cannot hide itself.
#}
with

trends as (

    select * from {{ ref('kpi_trends') }}
    where
        period_type = 'day'
        and not is_provisional
        and denominator >= {{ var('alert_min_cases') }}
        and value is not null

),

rules as (

    select * from {{ ref('alert_rules') }}
    where kind = 'control_limit'

),

days as (

    select
        trends.segment_type,
        trends.segment,
        trends.kpi,
        trends.unit,
        trends.period_start,
        trends.numerator,
        trends.denominator,
        trends.value,
        row_number() over (
            partition by trends.segment_type, trends.segment, trends.kpi
            order by trends.period_start
        ) as day_number
    from trends
    inner join rules
        on
            trends.kpi = rules.kpi
            and (
                trends.segment_type = 'all'
                or (trends.segment_type = 'intent' and rules.is_by_intent)
            )

),

recent as (

    select * from days
    where period_start >= {{ first_day_of_alerts() }}

),

baselines as (

    select
        recent.segment_type,
        recent.segment,
        recent.kpi,
        recent.unit,
        recent.day_number as charted_day,
        days.day_number,
        days.numerator,
        days.denominator,
        days.value
    from recent
    inner join days
        on
            recent.segment_type = days.segment_type
            and recent.segment = days.segment
            and recent.kpi = days.kpi
            and recent.day_number > days.day_number
            and recent.day_number
            <= days.day_number + {{ var('alert_baseline_days') }}

),

centres as (

    select
        segment_type,
        segment,
        kpi,
        charted_day,
        count(*) as baseline_days,
        {{ rate(exact_sum('numerator'), exact_sum('denominator')) }} as pooled_share,
        {{ exact_sum('value') }} / count(*) as mean_value
    from baselines
    group by all

),

-- Laney: shares as standard scores, so that days of any size can be compared
scores as (

    select
        baselines.segment_type,
        baselines.segment,
        baselines.kpi,
        baselines.charted_day,
        baselines.day_number,
        case
            when baselines.unit = 'share'
                then
                    (baselines.value - centres.pooled_share)
                    / {{ share_deviation(
                        'centres.pooled_share', 'baselines.denominator'
                    ) }}
            else baselines.value
        end as score
    from baselines
    inner join centres
        on
            baselines.segment_type = centres.segment_type
            and baselines.segment = centres.segment
            and baselines.kpi = centres.kpi
            and baselines.charted_day = centres.charted_day

),

ranges as (

    select
        segment_type,
        segment,
        kpi,
        charted_day,
        abs(score - lag(score) over (
            partition by segment_type, segment, kpi, charted_day
            order by day_number
        )) as moving_range
    from scores

),

spreads as (

    select
        segment_type,
        segment,
        kpi,
        charted_day,
        {{ exact_sum('moving_range') }} / nullif(count(moving_range), 0) as mean_range
    from ranges
    group by all

),

charted as (

    select
        recent.*,
        centres.baseline_days,
        case
            when recent.unit = 'share' then centres.pooled_share
            else centres.mean_value
        end as centre,
        -- less than chance alone is an accident of few days, never a reason to alarm
        case
            when recent.unit = 'share'
                then
                    {{ share_deviation('centres.pooled_share', 'recent.denominator') }}
                    * greatest({{ deviation_of_range('spreads.mean_range') }}, 1)
            else {{ deviation_of_range('spreads.mean_range') }}
        end as deviation,
        case
            when recent.segment_type = 'all' then {{ var('alert_sigma') }}
            else {{ var('alert_sigma_by_intent') }}
        end as sigmas
    from recent
    inner join centres
        on
            recent.segment_type = centres.segment_type
            and recent.segment = centres.segment
            and recent.kpi = centres.kpi
            and recent.day_number = centres.charted_day
    inner join spreads
        on
            recent.segment_type = spreads.segment_type
            and recent.segment = spreads.segment
            and recent.kpi = spreads.kpi
            and recent.day_number = spreads.charted_day
    where centres.baseline_days >= {{ var('alert_min_baseline_days') }}

)

select
    segment_type,
    segment,
    kpi,
    unit,
    period_start,
    value,
    denominator,
    baseline_days,
    centre,
    deviation,
    -- no figure that is charted lies below zero, and no share above one
    greatest(centre - sigmas * deviation, 0) as lower_limit,
    case
        when unit = 'share' then least(centre + sigmas * deviation, 1)
        else centre + sigmas * deviation
    end as upper_limit
from charted
