{{ config(tags=['nightly']) }}

with

{{ said_moments() }}

{{ said_versions('figures', ref('recorded_kpi_days')) }}

catalog as (

    select * from {{ ref('kpi_catalog') }}

),

changes as (

    select
        said_from as statement_number,
        opened_on,
        kpi,
        true as is_said,
        numerator,
        denominator
    from figures

    union all

    select
        said_until as statement_number,
        opened_on,
        kpi,
        false as is_said,
        numerator,
        denominator
    from figures
    where said_until is not null

),

-- a day that nobody says anything of any more is said to be nothing of nothing
said as (

    select
        statement_number,
        opened_on,
        kpi,
        count_if(not is_said) = 0 as is_first,
        coalesce(max(case when is_said then numerator end), 0) as numerator,
        coalesce(max(case when is_said then denominator end), 0) as denominator,
        max(case when not is_said then numerator end) as previous_numerator,
        max(case when not is_said then denominator end) as previous_denominator
    from changes
    group by all

),

valued as (

    select
        *,
        {{ rate('numerator', 'denominator') }} as kpi_value,
        {{ rate('previous_numerator', 'previous_denominator') }} as previous_value
    from said
    where
        is_first
        or numerator != previous_numerator
        or denominator != previous_denominator

)

select
    -- keys
    cast(valued.opened_on as date) as opened_on,
    cast(valued.kpi as varchar) as kpi,
    cast(statements.said_at as timestamp) as said_at,

    -- attributes
    cast(statements.build_id as varchar) as build_id,
    cast(catalog.unit as varchar) as unit,

    -- flags
    cast(valued.is_first as boolean) as is_first,
    cast(statements.is_under_other_rules as boolean) as is_under_other_rules,

    -- amounts
    cast(valued.numerator as double) as numerator,
    cast(valued.denominator as double) as denominator,
    cast(valued.kpi_value as double) as value,
    cast(valued.previous_numerator as double) as previous_numerator,
    cast(valued.previous_denominator as double) as previous_denominator,
    cast(valued.previous_value as double) as previous_value,
    cast(valued.kpi_value - valued.previous_value as double) as change,

    -- times
    cast(statements.said_as_of as timestamp) as said_as_of
from valued
inner join statements
    on valued.statement_number = statements.statement_number
inner join catalog
    on valued.kpi = catalog.kpi
