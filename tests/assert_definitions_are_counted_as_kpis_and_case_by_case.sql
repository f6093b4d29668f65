-- A figure of the bridge is the number of its cases, and where a KPI has the same
-- definition it is that KPI. Otherwise the list behind a figure is not behind it.
with

bridge as (

    select * from {{ ref('definition_bridge') }}

),

cases as (

    select * from {{ ref('definition_bridge_cases') }}

),

listed as (

    {%- for definition in resolution_definitions() %}
    {%- set weight = 'audit_weight' if definition == 'audited' else '1' %}

    select
        month_start,
        intent,
        '{{ definition }}' as definition,
        sum(case when is_{{ definition }} then {{ weight }} else 0 end) as numerator,
        sum(case when is_{{ definition }} is not null then {{ weight }} end)
            as denominator
    from cases
    group by all

    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

daily as (

    select
        cast(date_trunc('month', opened_on) as date) as month_start,
        intent,
        case kpi
            when 'containment_rate' then 'contained'
            when 'autonomous_resolution_rate' then 'strict'
            when 'autonomous_resolution_rate_upper' then 'strict_upper'
            when 'durable_resolution_rate' then 'durable'
        end as definition,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_daily') }}
    group by all

),

expected as (

    select
        'the cases listed' as fault,
        *
    from listed
    where denominator > 0

    union all

    select
        'the KPI' as fault,
        *
    from daily
    where definition is not null and denominator > 0

),

totals as (

    select
        fault,
        month_start,
        'all' as segment_type,
        'all' as segment,
        definition,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from expected
    group by all

    union all

    select
        fault,
        month_start,
        'intent' as segment_type,
        intent as segment,
        definition,
        numerator,
        denominator
    from expected

)

select
    totals.fault,
    totals.month_start,
    totals.segment_type,
    totals.segment,
    totals.definition,
    totals.numerator as expected_numerator,
    bridge.numerator
from totals
full outer join bridge
    on
        totals.month_start = bridge.month_start
        and totals.segment_type = bridge.segment_type
        and totals.segment = bridge.segment
        and totals.definition = bridge.definition
where
    coalesce(abs(totals.numerator - bridge.numerator), 1)
    > 1e-9 * (1 + abs(bridge.numerator))
    or coalesce(abs(totals.denominator - bridge.denominator), 1)
    > 1e-9 * (1 + abs(bridge.denominator))
