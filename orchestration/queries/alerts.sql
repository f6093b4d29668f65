-- What kpi_alerts lists, in words and units for people. A violation and a silent hour
-- are counted, whatever the unit of the KPI is.
select
    alerts.alert_key,
    alerts.kind,
    alerts.kpi,
    alerts.segment_type,
    alerts.segment,
    alerts.period_type,
    alerts.period_start,
    alerts.severity,
    alerts.owner,
    alerts.what_to_do,
    alerts.case_query,
    alerts.value,
    alerts.lower_limit,
    alerts.upper_limit,
    alerts.n,
    catalog.label,
    case
        when alerts.kind = 'stale_feed' then 'hours'
        when alerts.kind = 'zero_tolerance' then 'violations'
        else catalog.unit
    end as unit
from marts.kpi_alerts as alerts
left join marts.dim_kpis as catalog
    on alerts.kpi = catalog.kpi
order by alerts.kind, alerts.kpi, alerts.period_start, alerts.segment, alerts.alert_key
