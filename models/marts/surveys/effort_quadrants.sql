with

cases as (

    select
        case_key,
        coalesce(intent, 'unknown') as known_intent,
        coalesce(is_resolved_autonomously, false) as is_resolved
    from {{ ref('fct_cases') }}
    where
        is_eligible
        and is_handled
        and opened_on >= {{ effort_window_start() }}

),

surveys as (

    select * from {{ ref('fct_survey_responses') }}

),

catalog as (

    select * from {{ ref('kpi_catalog') }}

),

intents as (

    select * from {{ ref('intents') }}

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type

),

survey_types as (

    select 'ces' as survey_type
    union all
    select 'csat' as survey_type

),

-- five of seven is where an answer begins to be favourable, unless there is a target
bars as (

    select
        max(case when kpi = 'autonomous_resolution_rate' then target end)
            as resolution_target,
        coalesce(max(case when kpi = 'ces_mean' then target end), 5.0) as ces_bar,
        5.0 as csat_bar
    from catalog

),

cases_of_segments as (

    select
        segment_types.segment_type,
        case
            when segment_types.segment_type = 'intent' then cases.known_intent
            else 'all'
        end as segment,
        count(*) as handled_cases,
        count_if(cases.is_resolved) as resolved_cases
    from cases
    cross join segment_types
    group by all

),

surveys_of_segments as (

    select
        surveys.survey_type,
        segment_types.segment_type,
        case
            when segment_types.segment_type = 'intent' then cases.known_intent
            else 'all'
        end as segment,
        count(*) as sent_surveys,
        count_if(surveys.is_answered) as answered_surveys,
        count_if(surveys.is_favourable) as favourable_surveys,
        {{ exact_sum('surveys.score_1_to_7') }} as score_sum
    from surveys
    inner join cases
        on surveys.case_key = cases.case_key
    cross join segment_types
    group by all

),

counted as (

    select
        survey_types.survey_type,
        cases_of_segments.segment_type,
        cases_of_segments.segment,
        cases_of_segments.handled_cases,
        cases_of_segments.resolved_cases,
        coalesce(surveys_of_segments.sent_surveys, 0) as sent_surveys,
        coalesce(surveys_of_segments.answered_surveys, 0) as answered_surveys,
        coalesce(surveys_of_segments.favourable_surveys, 0) as favourable_surveys,
        surveys_of_segments.score_sum,
        case
            when survey_types.survey_type = 'ces' then bars.ces_bar
            else bars.csat_bar
        end as score_bar,
        -- as in kpi_trends: the target is for what the agent is meant to resolve
        case
            when cases_of_segments.segment_type = 'all' or intents.is_in_scope
                then bars.resolution_target
        end as resolution_target
    from cases_of_segments
    cross join survey_types
    cross join bars
    left join surveys_of_segments
        on
            cases_of_segments.segment_type = surveys_of_segments.segment_type
            and cases_of_segments.segment = surveys_of_segments.segment
            and survey_types.survey_type = surveys_of_segments.survey_type
    left join intents
        on
            cases_of_segments.segment_type = 'intent'
            and cases_of_segments.segment = intents.intent

),

rated as (

    select
        *,
        {{ rate('resolved_cases', 'handled_cases') }} as resolution_rate,
        {{ rate('answered_surveys', 'sent_surveys') }} as response_rate,
        {{ rate('favourable_surveys', 'answered_surveys') }} as favourable_rate,
        {{ rate('score_sum', 'answered_surveys') }} as score_mean,
        least(handled_cases, answered_surveys) < {{ var('min_cases') }} as is_too_small
    from counted

),

placed as (

    select
        *,
        case
            when resolution_target is null then 'no_target'
            when score_mean is null then 'no_answers'
            when resolution_rate >= resolution_target and score_mean >= score_bar
                then 'resolved_and_easy'
            when resolution_rate >= resolution_target then 'resolved_but_hard'
            when score_mean >= score_bar then 'unresolved_but_easy'
            else 'unresolved_and_hard'
        end as quadrant
    from rated

)

select
    -- keys
    cast(survey_type as varchar) as survey_type,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,

    -- attributes
    cast(quadrant as varchar) as quadrant,

    -- flags
    cast(is_too_small as boolean) as is_too_small,
    cast(quadrant = 'resolved_but_hard' and not is_too_small as boolean)
        as is_resolved_but_hard,

    -- counts
    cast(handled_cases as bigint) as handled_cases,
    cast(resolved_cases as bigint) as resolved_cases,
    cast(sent_surveys as bigint) as sent_surveys,
    cast(answered_surveys as bigint) as answered_surveys,
    cast(favourable_surveys as bigint) as favourable_surveys,

    -- amounts
    cast(resolution_rate as double) as resolution_rate,
    cast({{ wilson_lower('resolution_rate', 'handled_cases') }} as double)
        as resolution_lower,
    cast({{ wilson_upper('resolution_rate', 'handled_cases') }} as double)
        as resolution_upper,
    cast(resolution_target as double) as resolution_target,
    cast(score_mean as double) as score_mean,
    cast(score_bar as double) as score_bar,
    cast(favourable_rate as double) as favourable_rate,
    cast({{ wilson_lower('favourable_rate', 'answered_surveys') }} as double)
        as favourable_lower,
    cast({{ wilson_upper('favourable_rate', 'answered_surveys') }} as double)
        as favourable_upper,
    cast(response_rate as double) as response_rate,

    -- times
    cast({{ effort_window_start() }} as date) as first_week_start
from placed
