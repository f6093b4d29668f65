{#
    One row per action of the agent, with its logical action and the required checks that
    bind it: the checks of its session before it that name it or name none, and those that
    name it but come only after it. What else is known of it is in
    int_case_agent_events_joined.
#}
with

events as (

    select
        event_key,
        case_key,
        session_key,
        source_system,
        action_id,
        action_name,
        outcome,
        is_automation,
        is_write,
        is_required,
        case_event_number
    from {{ ref('int_case_agent_events_joined') }}
    where action_type = 'action_executed'

),

patterns as (

    select * from {{ ref('actions') }}

),

action_names as (

    select action_name
    from events
    group by all

),

known_actions as (

    select
        action_names.action_name,
        patterns.is_write
    from action_names
    inner join patterns
        on {{ matches_pattern('action_names.action_name', 'patterns.action_pattern') }}
    qualify
        row_number() over (
            partition by action_names.action_name
            order by length(patterns.action_pattern) desc, patterns.action_pattern
        ) = 1

),

attempts as (

    select
        events.event_key,
        events.case_key,
        events.session_key,
        events.action_id,
        events.outcome,
        events.is_automation,
        events.case_event_number,
        {{ surrogate_key([
            'events.case_key',
            'case when events.action_id is not null then events.source_system end',
            'events.action_id',
            'case when events.action_id is null then events.action_name end',
            'case when coalesce(events.action_id, events.action_name) is null'
            ~ ' then events.event_key end',
        ]) }} as logical_action_key,
        coalesce(events.is_write, known_actions.is_write, false) as is_said_write,
        coalesce(events.is_required, true) as is_said_required,
        events.is_write is null and known_actions.is_write is null as is_kind_unknown
    from events
    left join known_actions
        on events.action_name = known_actions.action_name

),

-- the last attempt of a logical action decides, on its flags too
last_attempts as (

    select
        event_key,
        logical_action_key,
        is_automation,
        is_said_write,
        is_said_required,
        outcome
    from attempts
    qualify
        row_number() over (
            partition by logical_action_key, is_automation
            order by case_event_number desc
        ) = 1

),

decided as (

    select
        attempts.event_key,
        attempts.case_key,
        attempts.session_key,
        attempts.logical_action_key,
        attempts.action_id,
        attempts.outcome,
        attempts.is_automation,
        attempts.is_kind_unknown,
        attempts.case_event_number,
        last_attempts.is_said_write as is_write,
        last_attempts.is_said_required as is_required,
        last_attempts.outcome as action_outcome,
        attempts.event_key = last_attempts.event_key as is_last_attempt
    from attempts
    inner join last_attempts
        on
            attempts.logical_action_key = last_attempts.logical_action_key
            and attempts.is_automation = last_attempts.is_automation

),

writes as (

    select
        event_key,
        session_key,
        action_id,
        case_event_number
    from decided
    where is_write and is_automation

),

checks as (

    select
        session_key,
        chain_key,
        policy_id,
        action_id,
        outcome,
        case_event_number
    from {{ ref('int_policy_checks_chained') }}
    where is_evidence

),

-- each chain of checks that binds a write: its last word before the write, if any
binding_chains as (

    {{ chains_that_bind('writes', 'checks') }}

),

bindings as (

    select
        event_key,
        count(*) as binding_check_count,
        {{ any_true(is_unpassed('outcome_before')) }} as is_violation
    from binding_chains
    group by all

)

select
    -- keys
    decided.event_key,
    decided.logical_action_key,
    decided.case_key,

    -- attributes
    decided.outcome,
    decided.action_outcome,

    -- flags
    decided.is_write,
    decided.is_required,
    decided.is_automation,
    decided.is_last_attempt,
    decided.is_kind_unknown,
    coalesce(bindings.is_violation, false) as is_violation,

    -- counts
    coalesce(bindings.binding_check_count, 0) as binding_check_count
from decided
left join bindings
    on decided.event_key = bindings.event_key
