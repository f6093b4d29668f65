{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_day',
    unique_key='opened_on'
) }}

with

cases as (

    select
        opened_on,
        coalesce(intent, 'unknown') as intent,
        coalesce(tier, 'unknown') as tier,
        coalesce(channel, 'unknown') as channel,
        coalesce(agent_version, 'unknown') as agent_version,
        is_resolved_autonomously is null as is_stopped_by_missing,
        case first_blocker
            when 'human' then 1
            when 'intent' then 2
            when 'policy' then 3
            when 'action' then 4
            when 'closure' then 5
            else 6
        end as stopped_at_step
    from {{ ref('fct_cases') }}
    where is_eligible and is_handled and {{ on_touched_days('opened_on') }}

),

steps as (

    select
        0 as step_number,
        'handled' as step
    union all
    select
        1 as step_number,
        'human' as step
    union all
    select
        2 as step_number,
        'intent' as step
    union all
    select
        3 as step_number,
        'policy' as step
    union all
    select
        4 as step_number,
        'action' as step
    union all
    select
        5 as step_number,
        'closure' as step

),

counts as (

    select
        cases.opened_on,
        cases.intent,
        cases.tier,
        cases.channel,
        cases.agent_version,
        steps.step_number,
        steps.step,
        count(*) as entered_cases,
        count_if(cases.stopped_at_step > steps.step_number) as passed_cases,
        count_if(
            cases.stopped_at_step = steps.step_number
            and not cases.is_stopped_by_missing
        ) as failed_cases,
        count_if(
            cases.stopped_at_step = steps.step_number and cases.is_stopped_by_missing
        ) as missing_cases
    from cases
    inner join steps
        on cases.stopped_at_step >= steps.step_number
    group by all

)

select
    -- keys
    cast(opened_on as date) as opened_on,
    cast(intent as varchar) as intent,
    cast(tier as varchar) as tier,
    cast(channel as varchar) as channel,
    cast(agent_version as varchar) as agent_version,
    cast(step_number as bigint) as step_number,
    cast(step as varchar) as step,

    -- counts
    cast(entered_cases as bigint) as entered_cases,
    cast(passed_cases as bigint) as passed_cases,
    cast(failed_cases as bigint) as failed_cases,
    cast(missing_cases as bigint) as missing_cases
from counts
