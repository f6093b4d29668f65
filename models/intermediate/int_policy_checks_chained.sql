{{ config(materialized='view') }}

{#
    One row per policy check. A chain is what one policy says about one action in one
    session; only required checks with a verdict, by the agent or its systems, are evidence.
#}
with

checks as (

    select * from {{ ref('int_case_agent_events_joined') }}
    where action_type = 'policy_checked'

),

flagged as (

    select
        event_key,
        case_key,
        session_key,
        source_system,
        session_id,
        event_id,
        policy_id,
        check_id,
        action_id,
        outcome,
        policy_version,
        severity,
        evaluator,
        actor_type,
        reason,
        is_automation,
        occurred_at,
        case_event_number,
        file_path,
        line_number,
        load_id,
        coalesce(is_required, true) as is_required,
        coalesce(outcome in ('pass', 'fail', 'error'), false) as is_evaluated,
        {{ surrogate_key([
            'session_key',
            'policy_id',
            'case when policy_id is null then check_id end',
            'case when coalesce(policy_id, check_id) is null then event_key end',
            'action_id',
        ]) }} as chain_key
    from checks

)

select
    *,
    is_required and is_evaluated and is_automation as is_evidence
from flagged
