-- Each definition of "resolved" asks for more than the one before it. A stricter one
-- that finds more cases has lost a condition.
with

totals as (

    select
        opened_on,
        sum(case when kpi = 'first_contact_resolution_rate' then numerator else 0 end)
            as first_contact,
        sum(case when kpi = 'durable_resolution_rate' then numerator else 0 end)
            as durable,
        sum(case when kpi = 'autonomous_resolution_rate' then numerator else 0 end)
            as autonomous,
        sum(
            case
                when kpi = 'autonomous_resolution_rate_upper' then numerator else 0
            end
        ) as upper_bound,
        sum(case when kpi = 'containment_rate' then numerator else 0 end) as contained
    from {{ ref('kpi_daily') }}
    group by all

)

select *
from totals
where
    first_contact > durable
    or durable > autonomous
    or autonomous > upper_bound
    or upper_bound > contained
