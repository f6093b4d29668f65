-- Each KPI in its newest week: one whose figures are final if there is one, else one
-- that is over, else the running one.
with

publication as (

    select as_of
    from marts.publications
    order by published_at desc
    limit 1

)

select
    trends.kpi,
    catalog.label,
    catalog.unit,
    catalog.direction,
    trends.period_start,
    trends.effective_n,
    trends.value,
    trends.interval_lower,
    trends.interval_upper,
    trends.change,
    trends.target,
    trends.status,
    trends.is_too_small,
    trends.is_provisional
from marts.kpi_trends as trends
inner join marts.dim_kpis as catalog
    on trends.kpi = catalog.kpi
cross join publication
where trends.period_type = 'week'
    and trends.segment_type = 'all'
    and trends.value is not null
qualify row_number() over (
    partition by trends.kpi
    order by
        trends.is_provisional,
        trends.period_start + interval '7 day' > publication.as_of,
        trends.period_start desc
) = 1
order by catalog.sort_order
