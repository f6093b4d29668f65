{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_day',
    unique_key='opened_on'
) }}
{%- set dimensions = kpi_dimensions() -%}

with

cases as (

    select * from {{ ref('int_cases_measured') }}
    where {{ on_touched_days('opened_on') }}

),

sums as (

    select
        opened_on,
        {{ dimensions | join(',\n        ') }},
        {%- for kpi in kpi_names() %}
        {{ exact_sum(kpi ~ '__n') }} as {{ kpi }}__n,
        {{ exact_sum(kpi ~ '__d') }} as {{ kpi }}__d,
        {%- endfor %}
        -- equal weights square to themselves; audits are the ones that differ
        {{ exact_sum('audited_compliance_rate__d * audited_compliance_rate__d') }}
            as audited_compliance_rate__squares
    from cases
    group by all

),

figures as (

    {%- for kpi in kpi_names() %}

    select
        opened_on,
        {{ dimensions | join(',\n        ') }},
        '{{ kpi }}' as kpi,
        {{ kpi }}__n as numerator,
        {{ kpi }}__d as denominator,
        {% if kpi == 'audited_compliance_rate' -%}
        {{ kpi }}__squares as squared_weights
        {%- else -%}
        {{ kpi }}__d as squared_weights
        {%- endif %}
    from sums
    where {{ kpi }}__n != 0 or {{ kpi }}__d != 0

    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    -- keys
    cast(opened_on as date) as opened_on,
    cast(intent as varchar) as intent,
    cast(tier as varchar) as tier,
    cast(channel as varchar) as channel,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,
    cast(kpi as varchar) as kpi,

    -- amounts
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    cast(squared_weights as double) as squared_weights
from figures
