{# Who, what, where and when of each case; no rule of resolution yet. #}
{%- set event_order = 'ticket_events.case_event_number' %}

with

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

tickets as (

    select * from {{ ref('int_case_tickets_joined') }}

),

agent_events as (

    select * from {{ ref('int_case_agent_events_joined') }}

),

ticket_events as (

    select * from {{ ref('int_case_ticket_events_joined') }}

),

intents as (

    select * from {{ ref('intents') }}

),

closures as (

    select * from {{ ref('int_cases_closed') }}

),

said_by_sessions as (

    select
        case_key,
        count(*) as session_count,
        min_by(source_system, session_number) as source_system,
        min_by(coalesce(ticket_id, session_id), session_number) as case_id,
        {{ first_stated('customer_key', 'session_number') }} as customer_key,
        {{ first_stated('channel', 'session_number') }} as channel,
        {{ first_stated('agent_name', 'session_number') }} as agent_name,
        {{ first_stated('agent_version', 'session_number') }} as agent_version,
        max_by(coalesce(ended_outcome, 'unsaid'), session_number) as ended_outcome,
        {{ any_true('is_production') }} as is_production,
        {{ any_true('is_involved') }} as is_involved,
        {{ any_true('is_asked') }} as is_asked,
        count_if(not is_time_known) = 0 as is_time_known,
        {{ exact_sum('model_cost_usd') }} as model_cost_usd,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        min(started_at) as opened_at,
        max(ended_at) as last_event_at
    from sessions
    group by all

),

said_by_classifications as (

    select
        case_key,
        {{ last_stated(
            "case when outcome = 'success' then intent end",
            'case_event_number'
        ) }} as intent,
        {{ last_stated(
            'case when is_automation then tier end',
            'case_event_number'
        ) }} as tier
    from agent_events
    where action_type = 'intent_classified'
    group by all

),

said_by_tickets as (

    select
        case_key,
        min(source_system) as source_system,
        min(ticket_id) as ticket_id,
        {{ any_true('is_test') }} as is_test,
        min(opened_at) as opened_at,
        max(last_event_at) as last_event_at
    from tickets
    group by all

),

said_by_ticket_events as (

    select
        ticket_events.case_key,
        {{ first_stated('ticket_events.customer_key', event_order) }} as customer_key,
        {{ first_stated('ticket_events.channel', event_order) }} as channel,
        {{ last_stated('ticket_events.intent', event_order) }} as intent,
        {{ last_stated('ticket_events.tier', event_order) }} as tier,
        -- people's active work counts up to the closure
        {{ exact_sum(
            'case when ticket_events.occurred_at <= closures.resolved_at'
            ~ ' then ticket_events.handle_seconds end'
        ) }} as human_active_seconds
    from ticket_events
    inner join closures
        on ticket_events.case_key = closures.case_key
    group by all

),

described as (

    select
        closures.case_key,
        coalesce(said_by_sessions.case_id, said_by_tickets.ticket_id) as case_id,
        coalesce(said_by_sessions.source_system, said_by_tickets.source_system)
            as source_system,
        coalesce(said_by_sessions.customer_key, said_by_ticket_events.customer_key)
            as customer_key,
        coalesce(said_by_classifications.intent, said_by_ticket_events.intent)
            as intent,
        coalesce(said_by_classifications.tier, said_by_ticket_events.tier)
            as stated_tier,
        coalesce(said_by_sessions.channel, said_by_ticket_events.channel) as channel,
        said_by_sessions.agent_name,
        said_by_sessions.agent_version,
        said_by_sessions.ended_outcome,
        coalesce(said_by_sessions.is_production, not said_by_tickets.is_test)
            as is_eligible,
        coalesce(said_by_sessions.is_involved, false) as is_involved,
        coalesce(said_by_sessions.is_time_known, true) as is_time_known,
        coalesce(said_by_sessions.is_asked, false) as is_asked,
        coalesce(said_by_sessions.session_count, 0) as session_count,
        coalesce(said_by_sessions.model_cost_usd, 0.0) as model_cost_usd,
        coalesce(said_by_sessions.input_tokens, 0) as input_tokens,
        coalesce(said_by_sessions.output_tokens, 0) as output_tokens,
        said_by_ticket_events.human_active_seconds,
        least(
            coalesce(said_by_sessions.opened_at, said_by_tickets.opened_at),
            coalesce(said_by_tickets.opened_at, said_by_sessions.opened_at)
        ) as opened_at,
        greatest(
            coalesce(said_by_sessions.last_event_at, said_by_tickets.last_event_at),
            coalesce(said_by_tickets.last_event_at, said_by_sessions.last_event_at)
        ) as last_activity_at
    from closures
    left join said_by_sessions
        on closures.case_key = said_by_sessions.case_key
    left join said_by_classifications
        on closures.case_key = said_by_classifications.case_key
    left join said_by_tickets
        on closures.case_key = said_by_tickets.case_key
    left join said_by_ticket_events
        on closures.case_key = said_by_ticket_events.case_key

)

select
    described.*,
    coalesce(described.stated_tier, intents.tier) as tier,
    coalesce(not intents.requires_action, false) as is_informational_intent,
    cast({{ in_reporting_timezone('described.opened_at') }} as date) as opened_on
from described
left join intents
    on described.intent = intents.intent
