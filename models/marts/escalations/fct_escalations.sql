{{ config(
    materialized='incremental',
    incremental_strategy='by_touched_node',
    unique_key='case_key'
) }}

{{ comes_after('int_nodes_touched') }}
with

escalations as (

    select * from {{ ref('int_escalations_found') }}

),

cases as (

    select * from {{ ref('int_cases_described') }}

),

touches as (

    select * from {{ ref('int_human_touches_found') }}

),

reasons as (

    select * from {{ ref('escalation_reasons') }}

),

aliases as (

    select * from {{ ref('escalation_reason_aliases') }}

),

first_acts as (

    select
        escalations.event_key,
        escalations.case_key,
        min(touches.occurred_at) as human_acted_at
    from escalations
    inner join touches
        on
            escalations.case_key = touches.case_key
            and touches.is_act_of_person
            and escalations.escalated_at <= touches.occurred_at
    group by all

),

coded as (

    select
        escalations.*,
        coalesce(aliases.reason_code, escalations.stated_word) as code
    from escalations
    left join aliases
        on escalations.stated_word = aliases.alias

)

select
    -- keys
    cast({{ surrogate_key(['coded.case_key', 'coded.event_key']) }} as varchar)
        as escalation_key,
    cast(coded.case_key as varchar) as case_key,
    cast(coded.event_key as varchar) as event_key,
    cast(coded.source_system as varchar) as source_system,
    cast(coded.session_id as varchar) as session_id,

    -- attributes
    cast(
        case
            when coded.code is null then 'unstated'
            else coalesce(reasons.reason_code, 'unrecognised')
        end as varchar
    ) as reason_code,
    cast(coded.stated_reason as varchar) as stated_reason,
    cast(coded.reason_detail as varchar) as reason_detail,
    cast(coded.initiated_by as varchar) as initiated_by,
    cast(coded.source as varchar) as source,
    cast(cases.intent as varchar) as intent,
    cast(cases.tier as varchar) as tier,
    cast(cases.channel as varchar) as channel,
    cast(cases.agent_version as varchar) as agent_version,

    -- flags
    cast(coded.escalation_number = 1 as boolean) as is_primary,
    cast(cases.is_eligible as boolean) as is_eligible,

    -- amounts
    cast(
        case
            when cases.is_time_known
                then {{ seconds_between('cases.opened_at', 'coded.escalated_at') }}
        end as double
    ) as seconds_to_escalation,
    cast(
        case
            when cases.is_time_known
                then
                    {{ seconds_between(
                        'coded.escalated_at', 'first_acts.human_acted_at'
                    ) }}
        end as double
    ) as seconds_to_human_act,

    -- times
    cast(coded.escalated_at as timestamp) as escalated_at,
    cast(first_acts.human_acted_at as timestamp) as human_acted_at,

    -- lineage
    cast(coded.file_path as varchar) as file_path,
    cast(coded.line_number as bigint) as line_number,
    cast(coded.load_id as varchar) as load_id
from coded
inner join cases
    on coded.case_key = cases.case_key
left join reasons
    on coded.code = reasons.reason_code
left join first_acts
    on
        coded.case_key = first_acts.case_key
        and coded.event_key = first_acts.event_key
