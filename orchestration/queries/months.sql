-- Every KPI of all cases in each month, to be held against that of another build.
select
    trends.kpi,
    catalog.label,
    catalog.unit,
    trends.period_start,
    trends.value,
    trends.numerator,
    trends.denominator
from marts.kpi_trends as trends
inner join marts.dim_kpis as catalog
    on trends.kpi = catalog.kpi
where trends.period_type = 'month'
    and trends.segment_type = 'all'
order by catalog.sort_order, trends.period_start
