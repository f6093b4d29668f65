with

intents as (

    select * from {{ ref('intents') }}

),

cases as (

    select
        coalesce(intent, 'unknown') as intent,
        count(*) as case_count
    from {{ ref('fct_cases') }}
    group by all

),

names as (

    select intent from intents
    union distinct
    select intent from cases

)

select
    -- keys
    cast(names.intent as varchar) as intent,

    -- attributes
    cast(intents.domain as varchar) as domain_name,
    cast(intents.tier as varchar) as tier,
    cast(intents.description as varchar) as description,

    -- flags
    cast(intents.intent is not null as boolean) as is_recognised,
    cast(intents.requires_action as boolean) as requires_action,
    cast(coalesce(intents.is_in_scope, false) as boolean) as is_in_scope,

    -- counts
    cast(coalesce(cases.case_count, 0) as bigint) as case_count
from names
left join intents
    on names.intent = intents.intent
left join cases
    on names.intent = cases.intent
