{% snapshot recorded_kpi_days %}

{{ config(unique_key='figure_key') }}

with

trends as (

    select * from {{ ref('kpi_trends') }}
    where period_type = 'day' and segment_type = 'all'

)

select
    {{ surrogate_key([moment_text('cast(period_start as timestamp)'), 'kpi']) }}
        as figure_key,
    period_start as opened_on,
    kpi,
    numerator,
    denominator
from trends

{% endsnapshot %}
