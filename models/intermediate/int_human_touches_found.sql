{#
    One row per event that is a human touch: what people did, a check that a person made,
    an escalation. Up to the standing closure of the case, and again from a denial of it on.
#}
with

closures as (

    select * from {{ ref('int_cases_closed') }}

),

agent_events as (

    select * from {{ ref('int_case_agent_events_joined') }}

),

ticket_events as (

    select * from {{ ref('int_case_ticket_events_joined') }}

),

candidates as (

    select
        case_key,
        event_key,
        session_key,
        session_id,
        source_system,
        occurred_at,
        event_id,
        ordered_at,
        sequence,
        case_event_number,
        escalation_id,
        reason_code,
        escalation_reason,
        reason_detail,
        initiated_by,
        actor_type,
        file_path,
        line_number,
        load_id,
        case
            when action_type = 'escalated' then 'escalated'
            when
                action_type in ('resolution_attempt', 'session_ended')
                and outcome = 'escalated'
                then action_type
        end as escalation_source,
        actor_type = 'human_agent'
        or action_type = 'human_joined'
        or (action_type = 'policy_checked' and coalesce(evaluator = 'human', false))
            as is_act_of_person,
        action_type = 'policy_checked' and coalesce(evaluator = 'human', false)
            as is_approval
    from agent_events

    union all

    select
        case_key,
        event_key,
        null as session_key,
        null as session_id,
        source_system,
        occurred_at,
        event_id,
        null as ordered_at,
        null as sequence,
        null as case_event_number,
        null as escalation_id,
        null as reason_code,
        null as escalation_reason,
        null as reason_detail,
        null as initiated_by,
        actor_type,
        file_path,
        line_number,
        load_id,
        null as escalation_source,
        true as is_act_of_person,
        false as is_approval
    from ticket_events
    where actor_type = 'human_agent'

)

select candidates.*
from candidates
inner join closures
    on candidates.case_key = closures.case_key
where
    (candidates.is_act_of_person or candidates.escalation_source is not null)
    and (
        closures.resolved_at is null
        or candidates.occurred_at <= closures.resolved_at
        or candidates.occurred_at >= closures.denied_at
    )
