with

responses as (

    select * from {{ source('raw', 'survey_responses') }}

)

select
    -- keys
    cast({{ response_key('source_system', 'response_id') }} as varchar)
        as response_key,
    cast(source_system as varchar) as source_system,
    cast(response_id as varchar) as response_id,
    cast(
        case
            when ticket_id is not null
                then coalesce(ticket_system, '{{ var("default_ticket_system") }}')
        end as varchar
    ) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(session_id as varchar) as session_id,

    -- attributes
    cast(survey_type as varchar) as survey_type,
    cast(score as double) as score,
    cast(scale_min as double) as scale_min,
    cast(scale_max as double) as scale_max,

    -- flags
    cast(higher_is_better as boolean) as is_higher_better,

    -- times
    cast(sent_at as timestamp) as sent_at,
    cast(responded_at as timestamp) as responded_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from responses
