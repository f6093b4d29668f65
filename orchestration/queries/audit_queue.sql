select
    queue_key,
    source_system,
    ticket_system,
    ticket_id,
    session_id,
    policy_id,
    stratum,
    inclusion_probability,
    case_id,
    intent,
    tier,
    outcome,
    opened_at,
    due_at,
    reason
from marts.audit_queue
where status != 'done'
order by due_at, priority, case_key, policy_id
