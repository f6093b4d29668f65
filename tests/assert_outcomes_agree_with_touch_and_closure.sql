-- Each outcome says who touched the case and whether it stands closed. A case whose
-- outcome and times tell two stories would be found by every reader who looks at one
-- case.
select
    case_key,
    outcome,
    has_human_touch,
    first_touched_at,
    resolved_at,
    closure_leg
from {{ ref('fct_cases') }}
where
    has_human_touch != (first_touched_at is not null)
    or has_human_touch != (outcome in ('resolved_by_human', 'escalated'))
    or (outcome = 'resolved_by_human' and resolved_at is null)
    or (outcome = 'escalated' and resolved_at is not null)
    or (
        outcome in ('abandoned', 'dropped_off', 'in_progress')
        and resolved_at is not null
    )
    or (closure_leg = 'pass' and resolved_at is null)
    or (closure_leg = 'missing' and resolved_at is not null)
    or (recontacted_at is not null and resolved_at is null)
    or recontacted_at <= resolved_at
    or denied_at <= resolved_at
