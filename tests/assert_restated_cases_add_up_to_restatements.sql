{{ config(tags=['nightly']) }}
{#
    A figure that moved and no case that moved it, or the other way round, would be two
    stories of one number. Asked of what is listed, the last `restatement_days`.
#}
with

figures as (

    select * from {{ ref('kpi_restatements') }}
    where
        not is_first
        and said_at >= {{ hours_after(as_of(), -24 * var('restatement_days')) }}
        and kpi in (
            {%- for kpi in restated_kpi_names() %}
            '{{ kpi }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )

),

cases as (

    select
        opened_on,
        kpi,
        said_at,
        sum(numerator_change) as numerator_change,
        sum(denominator_change) as denominator_change
    from {{ ref('kpi_restated_cases') }}
    group by all

)

select
    figures.opened_on,
    figures.kpi,
    figures.said_at
from figures
left join cases
    on
        figures.opened_on = cases.opened_on
        and figures.kpi = cases.kpi
        and figures.said_at = cases.said_at
where
    figures.numerator - figures.previous_numerator
    != coalesce(cases.numerator_change, 0)
    or figures.denominator - figures.previous_denominator
    != coalesce(cases.denominator_change, 0)
