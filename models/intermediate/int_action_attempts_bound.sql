{#
    One row per action of the agent, with its logical action and the required checks that
    bind it: the checks of its session before it that name it or name none, and those that
    name it but come only after it.
#}
with

events as (

    select * from {{ ref('int_case_agent_events_joined') }}

),

patterns as (

    select * from {{ ref('actions') }}

),

action_names as (

    select action_name
    from events
    where action_type = 'action_executed' and action_name is not null
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
        events.*,
        {{ surrogate_key([
            'events.case_key',
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
    where events.action_type = 'action_executed'

),

-- the last attempt of a logical action decides, on its flags too
last_attempts as (

    select *
    from attempts
    qualify
        row_number() over (
            partition by logical_action_key, is_automation
            order by case_event_number desc
        ) = 1

),

decided as (

    select
        attempts.*,
        last_attempts.is_said_write as is_write_action,
        last_attempts.is_said_required as is_required_action,
        last_attempts.outcome as action_outcome,
        attempts.event_key = last_attempts.event_key as is_last_attempt
    from attempts
    inner join last_attempts
        on
            attempts.logical_action_key = last_attempts.logical_action_key
            and attempts.is_automation = last_attempts.is_automation

),

writes as (

    select *
    from decided
    where is_write_action and is_automation

),

checks as (

    select * from {{ ref('int_policy_checks_chained') }}
    where is_evidence

),

-- each chain of checks that binds a write: its last word before the write, if any
binding_chains as (

    select
        writes.event_key,
        checks.chain_key,
        max_by(
            checks.outcome,
            case
                when checks.case_event_number < writes.case_event_number
                    then checks.case_event_number
            end
        ) as outcome_before
    from writes
    inner join checks
        on
            writes.session_key = checks.session_key
            and (
                writes.action_id = checks.action_id
                or (
                    checks.action_id is null
                    and writes.case_event_number > checks.case_event_number
                )
            )
    group by all

),

bindings as (

    select
        event_key,
        count(*) as binding_check_count,
        count_if(coalesce(outcome_before, 'none') != 'pass') > 0 as is_violation
    from binding_chains
    group by all

),

judged as (

    select
        decided.*,
        coalesce(bindings.binding_check_count, 0) as binding_check_count,
        coalesce(bindings.is_violation, false) as is_violation
    from decided
    left join bindings
        on decided.event_key = bindings.event_key

)

select
    * exclude (is_write, is_required, is_write_action, is_required_action),
    is_write_action as is_write,
    is_required_action as is_required
from judged
