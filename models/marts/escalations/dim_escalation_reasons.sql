with

reasons as (

    select * from {{ ref('escalation_reasons') }}

)

select
    -- keys
    cast(reason_code as varchar) as reason_code,

    -- attributes
    cast(description as varchar) as description,
    cast(owner as varchar) as owner,
    cast(what_to_do as varchar) as what_to_do,

    -- flags
    cast(is_alarm as boolean) as is_alarm
from reasons
