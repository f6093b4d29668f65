{#
    Closure of each case. What must be closed are its tickets: each by its own feed, or by
    the log where no feed knows it; a case without a ticket by its log alone.
#}
with

cases as (

    select case_key from {{ ref('int_case_sessions_joined') }}
    union distinct
    select case_key from {{ ref('int_case_tickets_joined') }}

),

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

tickets as (

    select * from {{ ref('int_case_tickets_joined') }}

),

ticket_events as (

    select * from {{ ref('int_case_ticket_events_joined') }}

),

agent_events as (

    select * from {{ ref('int_case_agent_events_joined') }}

),

log_acts as (

    select
        agent_events.case_key,
        agent_events.occurred_at,
        agent_events.case_event_number as act_number,
        sessions.ticket_key,
        {{ log_act('agent_events') }} as act
    from agent_events
    inner join sessions
        on agent_events.session_key = sessions.session_key
    where agent_events.action_type in ('case_closed', 'case_reopened')

),

units as (

    select
        case_key,
        ticket_key as unit_key,
        is_known,
        began_at
    from tickets

    union all

    select
        sessions.case_key,
        'log' as unit_key,
        false as is_known,
        min(sessions.started_at) as began_at
    from sessions
    left join tickets
        on sessions.case_key = tickets.case_key
    where tickets.case_key is null
    group by all

),

acts as (

    select
        units.case_key,
        units.unit_key,
        ticket_events.occurred_at,
        ticket_events.event_number as act_number,
        ticket_events.act
    from units
    inner join ticket_events
        on
            units.case_key = ticket_events.case_key
            and units.unit_key = ticket_events.target_ticket_key
            and ticket_events.is_on_target
            and ticket_events.act is not null

    union all

    select
        units.case_key,
        units.unit_key,
        log_acts.occurred_at,
        log_acts.act_number,
        log_acts.act
    from units
    inner join log_acts
        on
            units.case_key = log_acts.case_key
            and units.unit_key = coalesce(log_acts.ticket_key, units.unit_key)
    where not units.is_known

),

-- a status that is open reopens only what was closed just before
effective_acts as (

    select *
    from acts
    qualify
        act != 'open'
        or lag(act) over (
            partition by case_key, unit_key order by act_number
        ) = 'close'

),

unit_acts as (

    select
        *,
        max(case when act != 'close' then act_number end) over (
            partition by case_key, unit_key
        ) as last_reopening_number
    from effective_acts

),

unit_states as (

    select
        units.case_key,
        units.unit_key,
        units.is_known,
        units.began_at,
        count(unit_acts.act) as act_count,
        min(
            case
                when
                    unit_acts.act_number
                    > coalesce(unit_acts.last_reopening_number, 0)
                    then unit_acts.occurred_at
            end
        ) as closed_at,
        min(case when unit_acts.act = 'close' then unit_acts.occurred_at end)
            as first_closed_at,
        min(case when unit_acts.act != 'close' then unit_acts.occurred_at end)
            as reopened_at
    from units
    left join unit_acts
        on
            units.case_key = unit_acts.case_key
            and units.unit_key = unit_acts.unit_key
    group by all

),

-- moments at which somebody comes to a case: a session begins, or a ticket
arrivals as (

    select
        case_key,
        started_at as arrived_at
    from sessions

    union distinct

    select
        case_key,
        began_at as arrived_at
    from tickets

),

-- A return comes to a case of which every unit that had begun was closed by then. What
-- was opened again since was reopened earlier, so that this return is not the first.
returns as (

    select
        arrivals.case_key,
        arrivals.arrived_at as returned_at
    from arrivals
    inner join unit_states
        on
            arrivals.case_key = unit_states.case_key
            and arrivals.arrived_at > unit_states.began_at
    group by all
    having
        count_if(
            coalesce(arrivals.arrived_at <= unit_states.first_closed_at, true)
        ) = 0

),

first_returns as (

    select
        case_key,
        min(returned_at) as returned_at
    from returns
    group by all

),

last_starts as (

    select
        case_key,
        max(started_at) as last_session_started_at
    from sessions
    group by all

),

case_states as (

    select
        unit_states.case_key,
        case
            when count_if(unit_states.closed_at is null) = 0
                then max(unit_states.closed_at)
        end as resolved_at,
        count_if(
            unit_states.closed_at is null
            and (unit_states.is_known or unit_states.act_count > 0)
        ) > 0 as is_open,
        min(unit_states.reopened_at) as reopened_at
    from unit_states
    group by all

),

first_denials as (

    select
        agent_events.case_key,
        min(agent_events.occurred_at) as denied_at
    from agent_events
    inner join case_states
        on
            agent_events.case_key = case_states.case_key
            and agent_events.occurred_at > case_states.resolved_at
    where
        agent_events.action_type = 'customer_confirmed'
        and agent_events.outcome = 'denied'
    group by all

)

select
    cases.case_key,
    case
        when case_states.is_open then 'fail'
        when case_states.resolved_at is null then 'missing'
        when last_starts.last_session_started_at > case_states.resolved_at then 'fail'
        when first_denials.denied_at is not null then 'fail'
        else 'pass'
    end as closure_leg,
    case_states.resolved_at,
    least(
        coalesce(case_states.reopened_at, first_returns.returned_at),
        coalesce(first_returns.returned_at, case_states.reopened_at)
    ) as reopened_at,
    first_denials.denied_at
from cases
left join case_states
    on cases.case_key = case_states.case_key
left join first_returns
    on cases.case_key = first_returns.case_key
left join last_starts
    on cases.case_key = last_starts.case_key
left join first_denials
    on cases.case_key = first_denials.case_key
