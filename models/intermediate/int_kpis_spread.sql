{{ config(materialized='view') }}
{#
    One row per measured case or survey behind the KPIs that are means: what medians,
    percentiles and intervals need beyond two sums.
#}
with

cases as (

    select * from {{ ref('int_cases_measured') }}

),

surveys as (

    select * from {{ ref('fct_survey_responses') }}
    where survey_type = 'ces' and is_answered

),

handling_times as (

    select
        case_key,
        'aht_automated_seconds' as kpi,
        aht_automated_seconds__n as observed_value
    from cases
    where aht_automated_seconds__d = 1

    union all

    select
        case_key,
        'aht_human_active_seconds' as kpi,
        aht_human_active_seconds__n as observed_value
    from cases
    where aht_human_active_seconds__d = 1

    union all

    select
        case_key,
        'aht_human_elapsed_seconds' as kpi,
        aht_human_elapsed_seconds__n as observed_value
    from cases
    where aht_human_elapsed_seconds__d = 1

),

scores as (

    select
        cases.case_key,
        'ces_mean' as kpi,
        surveys.score_1_to_7 as observed_value
    from surveys
    inner join cases
        on surveys.case_key = cases.case_key
    where cases.ces_mean__d > 0

),

observations as (

    select * from handling_times
    union all
    select * from scores

)

select
    observations.kpi,
    cast(observations.observed_value as double) as observed_value,
    cases.opened_on,
    cases.intent,
    cases.tier,
    cases.channel,
    cases.agent_name,
    cases.agent_version
from observations
inner join cases
    on observations.case_key = cases.case_key
