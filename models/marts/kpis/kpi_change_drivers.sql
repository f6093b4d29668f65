with

trends as (

    select * from {{ ref('kpi_trends') }}
    where
        period_type in ('week', 'month')
        and kpi in (
            {%- for kpi in explained_kpis() %}
            '{{ kpi }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
        and denominator > 0

),

segments as (

    select * from trends
    where segment_type in ('intent', 'agent_version')

),

periods as (

    select
        *,
        case period_type
            when 'week' then {{ date_moved('day', 7, 'period_start') }}
            else {{ date_moved('month', 1, 'period_start') }}
        end as next_period_start
    from trends
    where segment_type = 'all'

),

-- two calendar periods in a row, both with cases
changes as (

    select
        periods.kpi,
        periods.period_type,
        periods.period_start,
        before.period_start as previous_period_start,
        periods.value as total_value,
        before.value as previous_total_value,
        periods.denominator as total_denominator,
        before.denominator as previous_total_denominator,
        periods.is_provisional or before.is_provisional as is_provisional
    from periods
    inner join periods as before
        on
            periods.kpi = before.kpi
            and periods.period_type = before.period_type
            and periods.period_start = before.next_period_start

),

sides as (

    select
        changes.kpi,
        changes.period_type,
        changes.period_start,
        segments.segment_type,
        segments.segment,
        segments.numerator,
        segments.denominator,
        0.0 as previous_numerator,
        0.0 as previous_denominator
    from changes
    inner join segments
        on
            changes.kpi = segments.kpi
            and changes.period_type = segments.period_type
            and changes.period_start = segments.period_start

    union all

    select
        changes.kpi,
        changes.period_type,
        changes.period_start,
        segments.segment_type,
        segments.segment,
        0.0 as numerator,
        0.0 as denominator,
        segments.numerator as previous_numerator,
        segments.denominator as previous_denominator
    from changes
    inner join segments
        on
            changes.kpi = segments.kpi
            and changes.period_type = segments.period_type
            and changes.previous_period_start = segments.period_start

),

paired as (

    select
        kpi,
        period_type,
        period_start,
        segment_type,
        segment,
        {{ exact_sum('numerator') }} as numerator,
        {{ exact_sum('denominator') }} as denominator,
        {{ exact_sum('previous_numerator') }} as previous_numerator,
        {{ exact_sum('previous_denominator') }} as previous_denominator
    from sides
    group by all

),

valued as (

    select
        paired.*,
        changes.total_value,
        changes.previous_total_value,
        changes.is_provisional,
        {{ rate('paired.denominator', 'changes.total_denominator') }} as share,
        {{ rate('paired.previous_denominator', 'changes.previous_total_denominator') }}
            as previous_share,
        {{ rate('paired.numerator', 'paired.denominator') }} as segment_value,
        {{ rate('paired.previous_numerator', 'paired.previous_denominator') }}
            as previous_segment_value
    from paired
    inner join changes
        on
            paired.kpi = changes.kpi
            and paired.period_type = changes.period_type
            and paired.period_start = changes.period_start

),

-- Midpoints on both sides leave no rest. A segment that is new, or gone, has no rate of
-- its own on one side: all that it does is mix.
split as (

    select
        *,
        (share + previous_share) / 2
        * coalesce(segment_value - previous_segment_value, 0.0) as within_contribution,
        -- no minus before a zero
        0.0 + (share - previous_share)
        * (
            (
                coalesce(segment_value, previous_segment_value)
                + coalesce(previous_segment_value, segment_value)
            ) / 2
            - (total_value + previous_total_value) / 2
        ) as mix_contribution
    from valued

)

select
    -- keys
    cast(kpi as varchar) as kpi,
    cast(period_type as varchar) as period_type,
    cast(period_start as date) as period_start,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,

    -- attributes
    cast(
        case
            when previous_denominator = 0 then 'new'
            when denominator = 0 then 'gone'
            else 'in_both'
        end as varchar
    ) as presence,

    -- flags
    cast(is_provisional as boolean) as is_provisional,
    cast(
        least(denominator, previous_denominator) < {{ var('min_cases') }} as boolean
    ) as is_too_small,

    -- amounts
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    cast(previous_numerator as double) as previous_numerator,
    cast(previous_denominator as double) as previous_denominator,
    cast(share as double) as share,
    cast(previous_share as double) as previous_share,
    cast(segment_value as double) as value,
    cast(previous_segment_value as double) as previous_value,
    cast(total_value as double) as total_value,
    cast(previous_total_value as double) as previous_total_value,
    cast(total_value - previous_total_value as double) as total_change,
    cast(mix_contribution as double) as mix_contribution,
    cast(within_contribution as double) as within_contribution,
    cast(mix_contribution + within_contribution as double) as contribution
from split
