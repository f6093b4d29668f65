{#
    One row per rated conversation. Intercom says of a rating when it was given, not when it
    was asked for, and nothing of those asked in vain.
#}
with

ratings as (

    select
        *,
        {{ json_text('record', 'conversation_rating_value') }} as rating,
        cast({{ json_text('record', 'conversation_rating_created_at') }} as timestamp)
            as rated_at
    from {{ source('raw', 'intercom') }}
    where table_name = 'conversation_history'
    qualify row_number() over (
        partition by ticket_id order by updated_at desc, row_key desc
    ) = 1

)

select
    -- keys
    cast({{ response_key('source_system', 'ticket_id') }} as varchar) as response_key,
    cast(source_system as varchar) as source_system,
    cast(ticket_id as varchar) as response_id,
    cast('{{ ticket_system_of("intercom") }}' as varchar) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(null as varchar) as session_id,

    -- attributes
    cast('csat' as varchar) as survey_type,
    try_cast(rating as double) as score,
    cast(1 as double) as scale_min,
    cast(5 as double) as scale_max,

    -- flags
    cast(true as boolean) as is_higher_better,

    -- times
    cast(coalesce(rated_at, updated_at) as timestamp) as sent_at,
    cast(coalesce(rated_at, updated_at) as timestamp) as responded_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from ratings
where rating is not null
