-- The one promise of the headline figure. Read the other way round as well: what is not
-- counted says at which leg, and what is unknown lacks evidence and nothing else.
with

cases as (

    select
        *,
        'fail' in (intent_leg, policy_leg, action_leg, closure_leg)
        or action_leg = 'none'
        or has_human_touch as is_disproven,
        'missing' in (intent_leg, policy_leg, action_leg, closure_leg)
            as is_evidence_missing
    from {{ ref('fct_cases') }}

)

select
    case_key,
    outcome,
    is_resolved_autonomously,
    first_blocker,
    intent_leg,
    policy_leg,
    action_leg,
    closure_leg,
    has_human_touch
from cases
where
    (is_disproven and coalesce(is_resolved_autonomously, true))
    or (
        not is_disproven
        and is_evidence_missing
        and is_resolved_autonomously is not null
    )
    or (
        not is_disproven
        and not is_evidence_missing
        and not coalesce(is_resolved_autonomously, false)
    )
    or (first_blocker is null) != coalesce(is_resolved_autonomously, false)
    or (outcome = 'resolved_autonomously')
    != coalesce(is_resolved_autonomously, false)
    or (is_resolved_autonomously and resolved_at is null)
