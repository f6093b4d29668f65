{#
    The events that a rule reads one by one, in the order of their case. What only counts
    or only speaks of its session (messages, calls of models, starts) is in
    int_sessions_summarised; it is most of the log, and stays out of here.
#}
with

events as (

    select * from {{ ref('int_agent_events_unioned') }}
    where
        action_type in (
            'intent_classified',
            'policy_checked',
            'action_executed',
            'escalated',
            'human_joined',
            'case_closed',
            'case_reopened'
        )
        or (action_type = 'customer_confirmed' and outcome = 'denied')
        or (
            action_type in ('resolution_attempt', 'session_ended')
            and outcome = 'escalated'
        )
        or actor_type = 'human_agent'

),

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

)

select
    -- keys
    events.event_key,
    sessions.case_key,
    sessions.session_key,
    events.source_system,
    events.session_id,
    events.event_id,
    events.action_id,
    events.check_id,
    events.policy_id,
    events.escalation_id,

    -- attributes
    events.action_type,
    events.outcome,
    events.actor_type,
    events.intent,
    events.tier,
    events.policy_version,
    events.severity,
    events.evaluator,
    events.reason,
    events.action_name,
    events.error_type,
    events.currency,
    events.escalation_reason,
    events.reason_code,
    events.reason_detail,
    events.initiated_by,

    -- flags
    events.is_automation,
    events.is_time_known,
    events.is_required,
    events.is_write,

    -- counts
    events.attempt,
    events.http_status,

    -- amounts
    events.latency_ms,
    events.amount,

    -- place, in the session and in the case
    events.occurred_at,
    events.ordered_at,
    events.sequence,
    row_number() over (
        partition by sessions.case_key
        order by
            events.occurred_at,
            events.sequence nulls last,
            events.event_id,
            events.session_id,
            events.source_system
    ) as case_event_number,

    -- lineage
    events.file_path,
    events.line_number,
    events.load_id
from events
inner join sessions
    on
        events.source_system = sessions.source_system
        and events.session_id = sessions.session_id
