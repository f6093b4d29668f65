{% snapshot recorded_cases %}

{{ config(unique_key='case_key') }}

with

measured as (

    select * from {{ ref('int_cases_measured') }}

),

cases as (

    select * from {{ ref('fct_cases') }}

)

select
    measured.case_key,
    measured.opened_on,
    cases.outcome,
    cases.is_mature,
    {%- for kpi in restated_kpi_names() %}
    cast(measured.{{ kpi }}__n as integer) as {{ kpi }}__n,
    cast(measured.{{ kpi }}__d as integer) as {{ kpi }}__d,
    {%- endfor %}
    cases.reopened_at,
    cases.recontacted_at
from measured
inner join cases
    on measured.case_key = cases.case_key

{% endsnapshot %}
