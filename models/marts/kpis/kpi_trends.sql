with

daily as (

    select * from {{ ref('kpi_daily') }}

),

spread as (

    select * from {{ ref('int_kpis_spread') }}

),

catalog as (

    select * from {{ ref('kpi_catalog') }}

),

intents as (

    select * from {{ ref('intents') }}

),

period_types as (

    select 'day' as period_type
    union all
    select 'week' as period_type
    union all
    select 'month' as period_type

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type
    union all
    select 'tier' as segment_type
    union all
    select 'channel' as segment_type
    union all
    select 'agent_version' as segment_type

),

sums as (

    select
        period_types.period_type,
        {{ period_start('period_types.period_type', 'daily.opened_on') }}
            as period_start,
        segment_types.segment_type,
        {{ segment_of('segment_types.segment_type', 'daily') }} as segment,
        daily.kpi,
        {{ exact_sum('daily.numerator') }} as numerator,
        {{ exact_sum('daily.denominator') }} as denominator,
        {{ exact_sum('daily.squared_weights') }} as squared_weights
    from daily
    cross join period_types
    cross join segment_types
    group by all

),

observations as (

    select
        period_types.period_type,
        {{ period_start('period_types.period_type', 'spread.opened_on') }}
            as period_start,
        segment_types.segment_type,
        {{ segment_of('segment_types.segment_type', 'spread') }} as segment,
        spread.kpi,
        spread.observed_value
    from spread
    cross join period_types
    cross join segment_types

),

spreads as (

    select
        observations.period_type,
        observations.period_start,
        observations.segment_type,
        observations.segment,
        observations.kpi,
        sqrt(
            {{ exact_sum(
                '(observations.observed_value - sums.numerator / sums.denominator)'
                ~ ' * (observations.observed_value - sums.numerator / sums.denominator)'
            ) }} / nullif(count(*) - 1, 0)
        ) as standard_deviation,
        {{ quantile('observations.observed_value', 0.5) }} as p50,
        {{ quantile('observations.observed_value', 0.9) }} as p90
    from observations
    inner join sums
        on
            observations.period_type = sums.period_type
            and observations.period_start = sums.period_start
            and observations.segment_type = sums.segment_type
            and observations.segment = sums.segment
            and observations.kpi = sums.kpi
    group by all

),

valued as (

    select
        sums.*,
        catalog.unit,
        catalog.direction,
        catalog.target as catalog_target,
        spreads.standard_deviation,
        spreads.p50,
        spreads.p90,
        {{ rate('sums.numerator', 'sums.denominator') }} as kpi_value,
        -- Kish's effective number where weights are unequal, the plain number elsewhere
        {{ rate('sums.denominator * sums.denominator', 'sums.squared_weights') }}
            as effective_n,
        case sums.period_type
            when 'day' then {{ date_moved('day', 1, 'sums.period_start') }}
            when 'week' then {{ date_moved('day', 7, 'sums.period_start') }}
            else {{ date_moved('month', 1, 'sums.period_start') }}
        end as next_period_start
    from sums
    inner join catalog
        on sums.kpi = catalog.kpi
    left join spreads
        on
            sums.period_type = spreads.period_type
            and sums.period_start = spreads.period_start
            and sums.segment_type = spreads.segment_type
            and sums.segment = spreads.segment
            and sums.kpi = spreads.kpi

),

bounded as (

    select
        valued.*,
        case
            when valued.unit = 'share'
                then {{ wilson_lower('valued.kpi_value', 'valued.effective_n') }}
            else
                valued.kpi_value - {{ var('confidence_z') }}
                * valued.standard_deviation / sqrt(nullif(valued.denominator, 0))
        end as interval_lower,
        case
            when valued.unit = 'share'
                then {{ wilson_upper('valued.kpi_value', 'valued.effective_n') }}
            else
                valued.kpi_value + {{ var('confidence_z') }}
                * valued.standard_deviation / sqrt(nullif(valued.denominator, 0))
        end as interval_upper,
        coalesce(valued.effective_n, 0) < {{ var('min_cases') }} as is_too_small,
        -- the resolution target holds for intents that the agent is meant to resolve
        case
            when
                valued.kpi = 'autonomous_resolution_rate'
                and valued.segment_type = 'intent'
                and not coalesce(intents.is_in_scope, false)
                then null
            else valued.catalog_target
        end as target
    from valued
    left join intents
        on
            valued.segment_type = 'intent'
            and valued.segment = intents.intent

)

select
    -- keys
    cast(bounded.period_type as varchar) as period_type,
    cast(bounded.period_start as date) as period_start,
    cast(bounded.segment_type as varchar) as segment_type,
    cast(bounded.segment as varchar) as segment,
    cast(bounded.kpi as varchar) as kpi,

    -- attributes
    cast(bounded.unit as varchar) as unit,
    cast(
        case
            when bounded.target is null then 'no_target'
            when bounded.kpi_value is null or bounded.is_too_small then 'too_small'
            when bounded.direction = 'up' and bounded.kpi_value >= bounded.target
                then 'met'
            when bounded.direction = 'down' and bounded.kpi_value <= bounded.target
                then 'met'
            else 'missed'
        end as varchar
    ) as status,

    -- flags
    cast(bounded.is_too_small as boolean) as is_too_small,
    cast(
        {{ hours_after(
            from_reporting_timezone('bounded.next_period_start'),
            var('abandon_after_hours')
        ) }} > {{ as_of() }} as boolean
    ) as is_provisional,

    -- amounts
    cast(bounded.numerator as double) as numerator,
    cast(bounded.denominator as double) as denominator,
    cast(bounded.effective_n as double) as effective_n,
    cast(bounded.kpi_value as double) as value,
    cast(bounded.interval_lower as double) as interval_lower,
    cast(bounded.interval_upper as double) as interval_upper,
    cast(bounded.p50 as double) as p50,
    cast(bounded.p90 as double) as p90,
    cast(previous.kpi_value as double) as previous_value,
    cast(bounded.kpi_value - previous.kpi_value as double) as change,
    cast(bounded.target as double) as target
from bounded
left join valued as previous
    on
        bounded.period_type = previous.period_type
        and bounded.period_start = previous.next_period_start
        and bounded.segment_type = previous.segment_type
        and bounded.segment = previous.segment
        and bounded.kpi = previous.kpi
