{# From the first case to the day after now, so that BI tools can show empty days. #}
with

cases as (

    select * from {{ ref('fct_cases') }}

),

bounds as (

    select
        least(
            coalesce(min(opened_on), cast({{ as_of() }} as date)),
            cast({{ as_of() }} as date)
        ) as first_day,
        greatest(
            coalesce(max(opened_on), cast({{ as_of() }} as date)),
            cast({{ as_of() }} as date)
        ) as last_day
    from cases

),

days as (

    {{ date_spine(
        '(select bounds.first_day from bounds)', '(select bounds.last_day from bounds)'
    ) }}

)

select
    -- keys
    cast(date_day as date) as date_day,

    -- attributes
    {{ week_start('date_day') }} as week_start,
    cast(date_trunc('month', date_day) as date) as month_start,
    cast(date_trunc('year', date_day) as date) as year_start,

    -- flags
    cast({{ iso_weekday('date_day') }} >= 6 as boolean) as is_weekend
from days
