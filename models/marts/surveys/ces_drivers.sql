{#
    What effort and satisfaction go with. Correlations are worked out from deviations, not
    from raw sums, which would lose digits; and summed exactly, so that no order shows.
#}
{%- set grain = ['survey_type', 'observation_level', 'driver'] -%}

with

cases as (

    select
        *,
        coalesce(intent, 'unknown') as known_intent,
        {{ week_start('opened_on') }} as opened_week,
        -- not proven is none
        case when is_resolved_autonomously then 1.0 else 0.0 end as resolution
    from {{ ref('fct_cases') }}
    where
        is_eligible
        and is_handled
        and opened_on >= {{ effort_window_start() }}

),

surveys as (

    select
        surveys.survey_type,
        surveys.is_answered,
        surveys.score_1_to_7,
        cases.known_intent,
        cases.opened_week,
        cases.resolution,
        cases.handling_seconds
    from {{ ref('fct_survey_responses') }} as surveys
    inner join cases
        on surveys.case_key = cases.case_key

),

answers as (

    select * from surveys
    where is_answered

),

-- a segment-week is what its answers say on average, beside all of its cases
scores_of_cells as (

    select
        survey_type,
        known_intent,
        opened_week,
        {{ rate(exact_sum('score_1_to_7'), 'count(*)') }} as score
    from answers
    group by all

),

cases_of_cells as (

    select
        known_intent,
        opened_week,
        {{ rate(exact_sum('resolution'), 'count(*)') }} as resolution,
        {{ rate(exact_sum('handling_seconds'), 'count(handling_seconds)') }}
            as handling_seconds
    from cases
    group by all

),

observations as (

    select
        survey_type,
        'case' as observation_level,
        score_1_to_7 as score,
        resolution,
        handling_seconds
    from answers

    union all

    select
        scores_of_cells.survey_type,
        'intent_week' as observation_level,
        scores_of_cells.score,
        cases_of_cells.resolution,
        cases_of_cells.handling_seconds
    from scores_of_cells
    inner join cases_of_cells
        on
            scores_of_cells.known_intent = cases_of_cells.known_intent
            and scores_of_cells.opened_week = cases_of_cells.opened_week

),

pairs as (

    select
        survey_type,
        observation_level,
        'resolution' as driver,
        score,
        resolution as driver_value
    from observations

    union all

    select
        survey_type,
        observation_level,
        'handling_time' as driver,
        score,
        handling_seconds as driver_value
    from observations
    where handling_seconds is not null

),

-- equals share the average of their ranks
ranked as (

    select
        *,
        rank() over (partition by {{ grain | join(', ') }} order by score)
        + (count(*) over (partition by {{ grain | join(', ') }}, score) - 1) * 0.5
            as score_rank,
        rank() over (partition by {{ grain | join(', ') }} order by driver_value)
        + (count(*) over (partition by {{ grain | join(', ') }}, driver_value) - 1)
        * 0.5 as driver_rank
    from pairs

),

measured as (

    select
        {{ grain | join(',\n        ') }},
        'pearson' as method,
        cast(score as double) as score,
        cast(driver_value as double) as driver_value
    from ranked

    union all

    select
        {{ grain | join(',\n        ') }},
        'spearman' as method,
        cast(score_rank as double) as score,
        cast(driver_rank as double) as driver_value
    from ranked

),

means as (

    select
        {{ grain | join(',\n        ') }},
        method,
        count(*) as pair_count,
        {{ rate(exact_sum('score'), 'count(*)') }} as score,
        {{ rate(exact_sum('driver_value'), 'count(*)') }} as driver_value
    from measured
    group by all

),

deviations as (

    select
        means.survey_type,
        means.observation_level,
        means.driver,
        means.method,
        means.pair_count,
        measured.score - means.score as score,
        measured.driver_value - means.driver_value as driver_value
    from measured
    inner join means
        on
            measured.survey_type = means.survey_type
            and measured.observation_level = means.observation_level
            and measured.driver = means.driver
            and measured.method = means.method

),

products as (

    select
        {{ grain | join(',\n        ') }},
        method,
        pair_count,
        {{ exact_sum('score * driver_value') }} as shared,
        {{ exact_sum('score * score') }} as of_scores,
        {{ exact_sum('driver_value * driver_value') }} as of_drivers
    from deviations
    group by all

),

correlations as (

    select
        *,
        case
            -- who all say the same, or all fare the same, show no relation
            when
                pair_count >= {{ var('min_cases') }}
                and of_scores > 0
                and of_drivers > 0
                then greatest(-1.0, least(
                    1.0, {{ rate('shared', 'sqrt(of_scores * of_drivers)') }}
                ))
        end as correlation
    from products

),

responses as (

    select
        survey_type,
        count(*) as sent_surveys,
        count_if(is_answered) as answered_surveys
    from surveys
    group by all

),

questions as (

    {%- for survey_type in ['ces', 'csat'] %}
    {%- set last_type = loop.last %}
    {%- for level in ['case', 'intent_week'] %}
    {%- set last_level = loop.last %}
    {%- for driver in ['resolution', 'handling_time'] %}
    {%- set last_driver = loop.last %}
    {%- for method in ['pearson', 'spearman'] %}
    select
        '{{ survey_type }}' as survey_type,
        '{{ level }}' as observation_level,
        '{{ driver }}' as driver,
        '{{ method }}' as method
    {{ 'union all' if not (last_type and last_level and last_driver and loop.last) }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select
    -- keys
    cast(questions.survey_type as varchar) as survey_type,
    cast(questions.observation_level as varchar) as observation_level,
    cast(questions.driver as varchar) as driver,
    cast(questions.method as varchar) as method,

    -- flags
    cast(coalesce(correlations.pair_count, 0) < {{ var('min_cases') }} as boolean)
        as is_too_small,

    -- counts
    cast(coalesce(correlations.pair_count, 0) as bigint) as pair_count,
    cast(coalesce(responses.sent_surveys, 0) as bigint) as sent_surveys,
    cast(coalesce(responses.answered_surveys, 0) as bigint) as answered_surveys,

    -- amounts
    cast({{ rate('responses.answered_surveys', 'responses.sent_surveys') }} as double)
        as response_rate,
    cast(correlations.correlation as double) as correlation,
    cast(
        {{ fisher_bound(
            'correlations.correlation', 'correlations.pair_count',
            'correlations.method', '-'
        ) }} as double
    ) as interval_lower,
    cast(
        {{ fisher_bound(
            'correlations.correlation', 'correlations.pair_count',
            'correlations.method', '+'
        ) }} as double
    ) as interval_upper,

    -- times
    cast({{ effort_window_start() }} as date) as first_week_start
from questions
left join correlations
    on
        questions.survey_type = correlations.survey_type
        and questions.observation_level = correlations.observation_level
        and questions.driver = correlations.driver
        and questions.method = correlations.method
left join responses
    on questions.survey_type = responses.survey_type
