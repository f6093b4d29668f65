-- What a BI tool would send to the published file, over three years of daily figures.
-- Each query stands below its name and ends in a semicolon.

-- headline: value of each KPI in the last full week
select kpi, value, interval_lower, interval_upper, previous_value, change, status
from marts.kpi_trends
where
    period_type = 'week' and segment_type = 'all'
    and period_start = (
        select max(period_start) from marts.kpi_trends
        where period_type = 'week' and not is_provisional
    )
order by kpi;

-- resolution rate by day, three years
select period_start, value, interval_lower, interval_upper, target
from marts.kpi_trends
where
    period_type = 'day' and segment_type = 'all' and kpi = 'autonomous_resolution_rate'
order by period_start;

-- resolution rate by week and intent, three years
select period_start, segment as intent, value, denominator, is_too_small
from marts.kpi_trends
where
    period_type = 'week' and segment_type = 'intent'
    and kpi = 'autonomous_resolution_rate'
order by period_start, intent;

-- all KPIs by month, three years
select period_start, kpi, value, target, status
from marts.kpi_trends
where period_type = 'month' and segment_type = 'all'
order by period_start, kpi;

-- handling time, mean and percentiles, by day and channel, last 90 days
select period_start, segment as channel, value, p50, p90
from marts.kpi_trends
where
    period_type = 'day' and segment_type = 'channel' and kpi = 'aht_automated_seconds'
    and period_start > (select max(opened_on) from marts.kpi_daily) - interval 90 days
order by period_start, channel;

-- versions compared, last month
select segment as agent_version, kpi, value, interval_lower, interval_upper, denominator
from marts.kpi_trends
where
    period_type = 'month' and segment_type = 'agent_version'
    and period_start = (
        select max(period_start) from marts.kpi_trends where period_type = 'month'
    )
order by kpi, agent_version;

-- rows that missed their target, last 30 days, any segment
select period_start, segment_type, segment, kpi, value, target
from marts.kpi_trends
where
    period_type = 'day' and status = 'missed'
    and period_start > (select max(opened_on) from marts.kpi_daily) - interval 30 days
order by period_start desc, kpi, segment_type, segment
limit 500;

-- rolling 28 days of the resolution rate, three years
with days as (
    select opened_on, sum(numerator) as numerator, sum(denominator) as denominator
    from marts.kpi_daily
    where kpi = 'autonomous_resolution_rate'
    group by opened_on
)

select
    opened_on,
    sum(numerator) over last_days / nullif(sum(denominator) over last_days, 0) as rate
from days
window last_days as (order by opened_on rows between 27 preceding and current row)
order by opened_on;

-- one intent and channel by month, three years, cut from the daily figures
select
    date_trunc('month', opened_on) as month_start,
    sum(numerator) / nullif(sum(denominator), 0) as rate,
    sum(denominator) as handled_cases
from marts.kpi_daily
where
    kpi = 'autonomous_resolution_rate'
    and intent = (select min(intent) from marts.dim_intents) and channel = 'chat'
group by all
order by month_start;

-- tier by week and channel, three years, cut from the daily figures
select
    date_trunc('week', opened_on) as week_start,
    tier,
    channel,
    sum(numerator) / nullif(sum(denominator), 0) as rate
from marts.kpi_daily
where kpi = 'escalation_rate'
group by all
order by week_start, tier, channel;

-- this week against the week before, by intent, cut from the daily figures
select
    intent,
    sum(numerator) filter (opened_on > newest - interval 7 days)
    / nullif(sum(denominator) filter (opened_on > newest - interval 7 days), 0) as rate,
    sum(numerator) filter (opened_on <= newest - interval 7 days)
    / nullif(sum(denominator) filter (opened_on <= newest - interval 7 days), 0)
        as rate_before
from marts.kpi_daily
cross join (select max(opened_on) as newest from marts.kpi_daily) as bounds
where kpi = 'containment_rate' and opened_on > newest - interval 14 days
group by all
order by intent;

-- cost per resolution by quarter and agent, three years, cut from the daily figures
select
    date_trunc('quarter', opened_on) as quarter_start,
    agent_name,
    agent_version,
    sum(numerator) / nullif(sum(denominator), 0) as cost_usd
from marts.kpi_daily
where kpi = 'cost_per_resolution_usd'
group by all
order by quarter_start, agent_name, agent_version;

-- weekdays against weekends, last year, cut from the daily figures
select
    is_weekend,
    kpi,
    sum(numerator) / nullif(sum(denominator), 0) as kpi_value
from marts.kpi_daily
inner join marts.dim_dates on opened_on = date_day
where
    kpi in ('autonomous_resolution_rate', 'escalation_rate', 'ces_mean')
    and opened_on > (select max(opened_on) from marts.kpi_daily) - interval 365 days
group by all
order by kpi, is_weekend;

-- what there is to filter by
select distinct segment_type, segment
from marts.kpi_trends
order by segment_type, segment;
