{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='response_key'
) }}

with

responses as (

    select * from {{ ref('int_survey_responses_unioned') }}
    where {{ touched('response_key') }}

),

attachments as (

    select * from {{ ref('int_records_attached') }}

),

scaled as (

    select
        *,
        score is not null and responded_at is not null as is_answered,
        1 + 6 * (score - scale_min) / nullif(scale_max - scale_min, 0) as score_as_given
    from responses

),

eased as (

    select
        *,
        case
            when not is_answered then null
            when is_higher_better then score_as_given
            else 8 - score_as_given
        end as score_1_to_7
    from scaled

)

select
    -- keys
    cast(eased.response_key as varchar) as response_key,
    cast(attachments.case_key as varchar) as case_key,
    cast(eased.source_system as varchar) as source_system,
    cast(eased.response_id as varchar) as response_id,
    cast(eased.ticket_id as varchar) as ticket_id,
    cast(eased.session_id as varchar) as session_id,

    -- attributes
    cast(eased.survey_type as varchar) as survey_type,

    -- flags
    cast(eased.is_answered as boolean) as is_answered,
    cast(eased.score_1_to_7 >= 5 as boolean) as is_favourable,

    -- amounts
    cast(eased.score_1_to_7 as double) as score_1_to_7,
    cast(eased.score as double) as stated_score,
    cast(eased.scale_min as double) as scale_min,
    cast(eased.scale_max as double) as scale_max,

    -- times
    cast(eased.sent_at as timestamp) as sent_at,
    cast(eased.responded_at as timestamp) as responded_at,

    -- lineage
    cast(eased.file_path as varchar) as file_path,
    cast(eased.line_number as bigint) as line_number,
    cast(eased.load_id as varchar) as load_id
from eased
left join attachments
    on eased.response_key = attachments.record_key
