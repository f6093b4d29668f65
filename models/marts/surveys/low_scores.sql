with

surveys as (

    select * from {{ ref('fct_survey_responses') }}
    where is_answered and score_1_to_7 <= {{ var('low_score_at_most') }}

),

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible and is_handled

)

select
    -- keys
    cast(surveys.response_key as varchar) as response_key,
    cast(surveys.case_key as varchar) as case_key,
    cast(cases.case_id as varchar) as case_id,
    cast(surveys.source_system as varchar) as source_system,
    cast(surveys.response_id as varchar) as response_id,
    cast(surveys.ticket_id as varchar) as ticket_id,
    cast(surveys.session_id as varchar) as session_id,

    -- attributes
    cast(surveys.survey_type as varchar) as survey_type,
    cast(coalesce(cases.intent, 'unknown') as varchar) as intent,
    cast(coalesce(cases.tier, 'unknown') as varchar) as tier,
    cast(coalesce(cases.channel, 'unknown') as varchar) as channel,
    cast(coalesce(cases.agent_name, 'unknown') as varchar) as agent_name,
    cast(coalesce(cases.agent_version, 'unknown') as varchar) as agent_version,
    cast(cases.outcome as varchar) as outcome,
    cast(cases.first_blocker as varchar) as first_blocker,
    cast(cases.primary_escalation_reason as varchar) as primary_escalation_reason,

    -- flags
    cast(cases.is_resolved_autonomously as boolean) as is_resolved_autonomously,
    cast(cases.has_human_touch as boolean) as has_human_touch,

    -- counts
    cast(cases.session_count as bigint) as session_count,

    -- amounts
    cast(surveys.score_1_to_7 as double) as score_1_to_7,
    cast(cases.handling_seconds as double) as handling_seconds,

    -- times
    cast(cases.opened_on as date) as opened_on,
    cast(surveys.responded_at as timestamp) as responded_at
from surveys
inner join cases
    on surveys.case_key = cases.case_key
