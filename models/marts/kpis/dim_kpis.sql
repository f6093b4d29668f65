with

catalog as (

    select * from {{ ref('kpi_catalog') }}

)

select
    -- keys
    cast(kpi as varchar) as kpi,

    -- attributes
    cast(sort_order as bigint) as sort_order,
    cast(label as varchar) as label,
    cast(unit as varchar) as unit,
    cast(direction as varchar) as direction,
    cast(question as varchar) as question,
    cast(numerator as varchar) as numerator,
    cast(denominator as varchar) as denominator,

    -- amounts
    cast(target as double) as target,
    cast(warn_at as double) as warn_at,
    cast(critical_at as double) as critical_at
from catalog
