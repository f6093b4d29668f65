-- Days of made-up figures (`days` of them, up to `last_day`), at the level of the marts:
-- no case is behind them. Every day has the cells (intent, tier, channel, agent, KPI) of
-- the day that has most of them in `source`, a published file, each for two versions of
-- the agent: a new one comes every 60 days and shares the traffic with the one before.

create schema marts;

create table marts.dim_intents as from source.marts.dim_intents;

create table marts.dim_kpis as from source.marts.dim_kpis;

create table marts.dim_dates as
select
    cast(day as date) as date_day,
    cast(date_trunc('week', day) as date) as week_start,
    cast(date_trunc('month', day) as date) as month_start,
    cast(date_trunc('year', day) as date) as year_start,
    isodow(day) >= 6 as is_weekend
from generate_series(
    getvariable('last_day') - to_days(getvariable('days') - 1), getvariable('last_day'),
    interval 1 day
) as days (day);

create table marts.kpi_daily as
with cells as (
    select distinct intent, tier, channel, agent_name, kpi
    from source.marts.kpi_daily
    where opened_on = (
        select opened_on from source.marts.kpi_daily
        group by opened_on
        order by count(*) desc, opened_on
        limit 1
    )
),

counted as (
    select
        dim_dates.date_day as opened_on,
        cells.*,
        concat(
            '3.', date_diff('day', date '2020-01-01', date_day) // 60 - release, '.0'
        ) as agent_version,
        20 + hash(cells.intent, channel, agent_name, date_day, release) % 200 as cases,
        0.6 + hash(cells.kpi, intent, date_day) % 350 / 1000.0 as share,
        dim_kpis.unit
    from marts.dim_dates
    cross join cells
    cross join range(2) as releases (release)
    inner join marts.dim_kpis
        on cells.kpi = dim_kpis.kpi
)

select
    opened_on, intent, tier, channel, agent_name, agent_version, kpi,
    floor(cases * if(unit = 'share', share, 5 * share)) as numerator,
    cast(cases as double) as denominator,
    cast(cases as double) as squared_weights
from counted
order by opened_on, kpi, intent, tier, channel, agent_name, agent_version;

create table marts.kpi_trends as
with sums as (
    select
        period_type,
        cast(date_trunc(period_type, opened_on) as date) as period_start,
        segment_type,
        case segment_type
            when 'intent' then intent
            when 'tier' then tier
            when 'channel' then channel
            when 'agent_version' then agent_version
            else 'all'
        end as segment,
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from marts.kpi_daily
    cross join (values ('day'), ('week'), ('month')) as periods (period_type)
    cross join (
        values ('all'), ('intent'), ('tier'), ('channel'), ('agent_version')
    ) as segments (segment_type)
    group by all
),

valued as (
    select
        sums.*,
        numerator / denominator as kpi_value,
        lag(numerator / denominator) over (
            partition by period_type, segment_type, segment, kpi order by period_start
        ) as previous_value
    from sums
)

select
    valued.period_type, valued.period_start, valued.segment_type, valued.segment,
    valued.kpi, dim_kpis.unit,
    if(dim_kpis.target is null, 'no_target', if(kpi_value < target, 'missed', 'met'))
        as status,
    valued.denominator < 30 as is_too_small,
    valued.period_start > getvariable('last_day') - interval 3 days as is_provisional,
    valued.numerator, valued.denominator, valued.denominator as effective_n,
    kpi_value as value,
    kpi_value - 0.01 as interval_lower,
    kpi_value + 0.01 as interval_upper,
    if(unit = 'seconds', kpi_value * 0.8, null) as p50,
    if(unit = 'seconds', kpi_value * 2, null) as p90,
    previous_value,
    kpi_value - previous_value as change,
    dim_kpis.target
from valued
inner join marts.dim_kpis using (kpi)
order by period_type, period_start, segment_type, segment, kpi;
