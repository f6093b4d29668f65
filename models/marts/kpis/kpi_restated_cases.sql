{{ config(tags=['nightly']) }}
{%- set kpis = restated_kpi_names() -%}

with

{{ said_moments() }}

{{ said_versions('versions', ref('recorded_cases')) }}

first_statements as (

    select
        opened_on,
        min(said_from) as statement_number
    from versions
    group by all

),

changes as (

    select
        versions.*,
        versions.said_from as statement_number,
        1 as sign
    from versions

    union all

    select
        versions.*,
        versions.said_until as statement_number,
        -1 as sign
    from versions
    where versions.said_until is not null

),

-- only what was said again, of days that had been spoken of, and not for ever
restated as (

    select
        changes.*,
        statements.said_at,
        statements.is_under_other_rules
    from changes
    inner join statements
        on changes.statement_number = statements.statement_number
    inner join first_statements
        on
            changes.opened_on = first_statements.opened_on
            and changes.statement_number > first_statements.statement_number
    where
        statements.said_at >= {{ hours_after(
            as_of(), -24 * var('restatement_days')
        ) }}

),

-- what was known of the case before and after, wherever it counted
stories as (

    select
        changes.statement_number,
        changes.case_key,
        max(case when changes.sign = -1 then changes.outcome end) as outcome_before,
        max(case when changes.sign = 1 then changes.outcome end) as outcome_after,
        max(case when changes.sign = -1 then changes.opened_on end) as opened_before,
        max(case when changes.sign = 1 then changes.opened_on end) as opened_after,
        max(case when changes.sign = -1 then changes.reopened_at end)
            as reopened_before,
        max(case when changes.sign = 1 then changes.reopened_at end) as reopened_after,
        max(case when changes.sign = -1 then changes.recontacted_at end)
            as recontacted_before,
        max(case when changes.sign = 1 then changes.recontacted_at end)
            as recontacted_after,
        max(case when changes.sign = -1 and changes.is_mature then 1 else 0 end)
            as matured_before,
        max(case when changes.sign = 1 and changes.is_mature then 1 else 0 end)
            as matured_after
    from changes
    group by all

),

reasons as (

    select
        statement_number,
        case_key,
        outcome_before,
        outcome_after,
        case
            when outcome_before is null then 'arrived'
            when outcome_after is null then 'gone'
            when opened_before != opened_after then 'opened_on_another_day'
            when reopened_before is null and reopened_after is not null then 'reopened'
            when
                recontacted_before is null and recontacted_after is not null
                then 'recontacted'
            when
                outcome_before = 'in_progress' and outcome_after != 'in_progress'
                then 'settled'
            when matured_before < matured_after then 'matured'
            else 'corrected'
        end as reason
    from stories

),

moves as (

    select
        said_at,
        statement_number,
        is_under_other_rules,
        opened_on,
        case_key,
        {%- for kpi in kpis %}
        sum(sign * {{ kpi }}__n) as {{ kpi }}__n,
        sum(sign * {{ kpi }}__d) as {{ kpi }}__d,
        {%- endfor %}
        count(*) as versions
    from restated
    group by all

),

moves_by_kpi as (

    {%- for kpi in kpis %}

    select
        said_at,
        statement_number,
        is_under_other_rules,
        opened_on,
        case_key,
        '{{ kpi }}' as kpi,
        {{ kpi }}__n as numerator_change,
        {{ kpi }}__d as denominator_change
    from moves
    where {{ kpi }}__n != 0 or {{ kpi }}__d != 0

    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    -- keys
    cast(moves_by_kpi.opened_on as date) as opened_on,
    cast(moves_by_kpi.kpi as varchar) as kpi,
    cast(moves_by_kpi.said_at as timestamp) as said_at,
    cast(moves_by_kpi.case_key as varchar) as case_key,

    -- attributes
    cast(
        case
            when moves_by_kpi.is_under_other_rules then 'other_rules'
            else reasons.reason
        end as varchar
    ) as reason,
    cast(reasons.outcome_before as varchar) as outcome_before,
    cast(reasons.outcome_after as varchar) as outcome_after,

    -- counts
    cast(moves_by_kpi.numerator_change as bigint) as numerator_change,
    cast(moves_by_kpi.denominator_change as bigint) as denominator_change
from moves_by_kpi
inner join reasons
    on
        moves_by_kpi.statement_number = reasons.statement_number
        and moves_by_kpi.case_key = reasons.case_key
