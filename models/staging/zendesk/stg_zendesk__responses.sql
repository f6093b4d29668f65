{#
    The last rating of each ticket: one that was offered and not given is a survey without
    an answer. Good is 1, bad is 0.
#}
with

ratings as (

    select
        *,
        lower({{ json_text('record', 'score') }}) as rating,
        coalesce(cast({{ json_text('record', 'created_at') }} as timestamp), updated_at)
            as sent_at
    from {{ source('raw', 'zendesk') }}
    where table_name = 'satisfaction_rating'
    qualify row_number() over (
        partition by ticket_id order by updated_at desc, row_key desc
    ) = 1

),

scored as (

    select
        *,
        case
            when rating like 'good%' then 1
            when rating like 'bad%' then 0
        end as score
    from ratings
    where rating != 'unoffered'

)

select
    -- keys
    cast({{ response_key('source_system', 'row_key') }} as varchar) as response_key,
    cast(source_system as varchar) as source_system,
    cast(row_key as varchar) as response_id,
    cast('{{ ticket_system_of("zendesk") }}' as varchar) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(null as varchar) as session_id,

    -- attributes
    cast('csat' as varchar) as survey_type,
    cast(score as double) as score,
    cast(0 as double) as scale_min,
    cast(1 as double) as scale_max,

    -- flags
    cast(true as boolean) as is_higher_better,

    -- times
    cast(sent_at as timestamp) as sent_at,
    cast(case when score is not null then updated_at end as timestamp) as responded_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from scored
