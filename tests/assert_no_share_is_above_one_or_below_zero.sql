-- A share above one is not a surprising figure but a wrong one: something was counted
-- that is not in what it is counted among. Only times may be negative, where a feed
-- dates a closure before the opening. The tolerance is for sums of audit weights alone.
select
    daily.opened_on,
    daily.kpi,
    daily.numerator,
    daily.denominator
from {{ ref('kpi_daily') }} as daily
inner join {{ ref('dim_kpis') }} as catalog
    on daily.kpi = catalog.kpi
where
    (daily.numerator < 0 and catalog.unit != 'seconds')
    or daily.denominator < 0
    or (
        catalog.unit = 'share'
        and daily.numerator > daily.denominator * (1 + 1e-9)
    )
