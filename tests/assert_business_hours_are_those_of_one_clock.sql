{#
    The calendar of opening hours takes one spell a day by one wall clock. A second zone, a
    time that is not HH:MM, or a day that ends before it begins would count hours twice or
    lose them, without a word.
#}
with

hours as (

    select
        *,
        min(time_zone) over () as first_zone,
        max(time_zone) over () as last_zone
    from {{ ref('business_hours') }}

)

select
    weekday,
    opens_at,
    closes_at,
    time_zone
from hours
where
    first_zone != last_zone
    or opens_at >= closes_at
    or closes_at > '24:00'
    or length(opens_at) != 5
    or length(closes_at) != 5
