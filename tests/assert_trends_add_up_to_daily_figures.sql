-- A total that depends on how it is cut cannot be explained: every period and every way
-- to cut must add up to the same daily figures. The tolerance is for sums of fractions.
with

daily as (

    select
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_daily') }}
    group by all

),

cuts as (

    select
        period_type,
        segment_type,
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_trends') }}
    group by all

),

shapes as (

    select
        period_type,
        segment_type
    from cuts
    group by all

),

expected_cuts as (

    select
        daily.*,
        shapes.period_type,
        shapes.segment_type
    from daily
    cross join shapes

),

periods as (

    select
        period_type,
        period_start,
        kpi,
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_trends') }}
    group by all

)

select
    'all periods of a cut' as fault,
    expected_cuts.period_type,
    expected_cuts.segment_type,
    expected_cuts.kpi
from expected_cuts
left join cuts
    on
        expected_cuts.period_type = cuts.period_type
        and expected_cuts.segment_type = cuts.segment_type
        and expected_cuts.kpi = cuts.kpi
where
    abs(expected_cuts.numerator - coalesce(cuts.numerator, 0))
    > 1e-9 * (1 + abs(expected_cuts.numerator))
    or abs(expected_cuts.denominator - coalesce(cuts.denominator, 0))
    > 1e-9 * (1 + abs(expected_cuts.denominator))

union all

select
    'the segments of a period' as fault,
    periods.period_type,
    periods.segment_type,
    periods.kpi
from periods
left join {{ ref('kpi_trends') }} as totals
    on
        periods.period_type = totals.period_type
        and periods.period_start = totals.period_start
        and periods.kpi = totals.kpi
        and totals.segment_type = 'all'
where
    abs(periods.numerator - coalesce(totals.numerator, 0))
    > 1e-9 * (1 + abs(periods.numerator))
    or abs(periods.denominator - coalesce(totals.denominator, 0))
    > 1e-9 * (1 + abs(periods.denominator))
