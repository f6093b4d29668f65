-- Each KPI's newest whole week whose figures are final, else its newest whole week.
with

publication as (

    select as_of
    from marts.publications
    order by published_at desc
    limit 1

)

select
    trends.kpi,
    trends.period_start,
    trends.numerator,
    trends.denominator,
    trends.value,
    trends.interval_lower,
    trends.interval_upper,
    trends.change,
    trends.target,
    trends.status,
    trends.is_too_small,
    trends.is_provisional
from marts.kpi_trends as trends
cross join publication
where trends.period_type = 'week'
    and trends.segment_type = 'all'
    and trends.value is not null
    and trends.period_start + interval 7 day <= publication.as_of
qualify row_number() over (
    partition by trends.kpi
    order by trends.is_provisional, trends.period_start desc
) = 1
