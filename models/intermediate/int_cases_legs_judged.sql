{# The legs that the log fills, of each case with a session. #}
with

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

events as (

    select * from {{ ref('int_case_agent_events_joined') }}

),

checks as (

    select * from {{ ref('int_policy_checks_chained') }}

),

attempts as (

    select * from {{ ref('int_action_attempts_bound') }}

),

cases as (

    select case_key
    from sessions
    group by all

),

last_classifications as (

    select
        case_key,
        max_by(
            coalesce(outcome = 'success' and intent is not null, false),
            case_event_number
        ) as is_success
    from events
    where action_type = 'intent_classified' and is_automation
    group by all

),

chains as (

    select
        case_key,
        chain_key,
        max_by(outcome, case_event_number) as last_outcome
    from checks
    where is_evidence
    group by all

),

policy_verdicts as (

    select
        case_key,
        count_if(last_outcome != 'pass') as failed_chains
    from chains
    group by all

),

violations as (

    select
        case_key,
        count_if(is_violation) as violations
    from attempts
    group by all

),

action_verdicts as (

    select
        case_key,
        count(*) as required_writes,
        count_if(action_outcome is distinct from 'success') as failed_writes
    from attempts
    where is_write and is_required and is_automation
    group by all

)

select
    cases.case_key,
    case
        when last_classifications.case_key is null then 'missing'
        when last_classifications.is_success then 'pass'
        else 'fail'
    end as intent_leg,
    case
        when policy_verdicts.case_key is null then 'missing'
        when policy_verdicts.failed_chains > 0 or violations.violations > 0 then 'fail'
        else 'pass'
    end as policy_leg,
    case
        when action_verdicts.case_key is null then 'none'
        when action_verdicts.failed_writes > 0 then 'fail'
        else 'pass'
    end as action_leg
from cases
left join last_classifications
    on cases.case_key = last_classifications.case_key
left join policy_verdicts
    on cases.case_key = policy_verdicts.case_key
left join violations
    on cases.case_key = violations.case_key
left join action_verdicts
    on cases.case_key = action_verdicts.case_key
