{#
    One row per escalation: every `escalated` event (one per case, source system and id); in
    a session without one, its first attempt or end that says so; in an involved case without any of
    these, the first thing that a person did.
#}
with

touches as (

    select * from {{ ref('int_human_touches_found') }}

),

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

involved_cases as (

    select case_key
    from sessions
    where is_involved
    group by all

),

explicit as (

    select *
    from touches
    where escalation_source = 'escalated'

),

explicit_once as (

    select *
    from explicit
    qualify
        row_number() over (
            partition by case_key, source_system, coalesce(escalation_id, event_key)
            order by case_event_number
        ) = 1

),

sessions_with_explicit as (

    select session_key
    from explicit
    group by all

),

implied as (

    select touches.*
    from touches
    left join sessions_with_explicit
        on touches.session_key = sessions_with_explicit.session_key
    where
        touches.escalation_source in ('resolution_attempt', 'session_ended')
        and sessions_with_explicit.session_key is null
    qualify
        row_number() over (
            partition by touches.session_key
            order by
                touches.ordered_at, touches.sequence nulls last, touches.event_id
        ) = 1

),

logged as (

    select * from explicit_once
    union all
    select * from implied

),

logged_cases as (

    select case_key
    from logged
    group by all

),

first_acts as (

    select touches.*
    from touches
    inner join involved_cases
        on touches.case_key = involved_cases.case_key
    left join logged_cases
        on touches.case_key = logged_cases.case_key
    where logged_cases.case_key is null
    qualify
        row_number() over (
            partition by touches.case_key
            order by touches.occurred_at, touches.event_id, touches.source_system
        ) = 1

),

escalations as (

    select
        *,
        escalation_source as source,
        case escalation_source
            when 'escalated' then reason_code
            when 'resolution_attempt' then escalation_reason
        end as stated_reason
    from logged

    union all

    select
        *,
        'human_touch' as source,
        case when is_approval then 'human_approval' else 'human_takeover' end
            as stated_reason
    from first_acts

)

select
    event_key,
    case_key,
    session_id,
    source_system,
    source,
    stated_reason,
    {{ normalised_word('stated_reason') }} as stated_word,
    case when source = 'escalated' then reason_detail end as reason_detail,
    case
        when source = 'human_touch' then 'human_agent'
        when source = 'escalated' then initiated_by
        else actor_type
    end as initiated_by,
    file_path,
    line_number,
    load_id,
    occurred_at as escalated_at,
    row_number() over (
        partition by case_key order by occurred_at, case_event_number, event_id
    ) as escalation_number
from escalations
