with

events as (

    select
        *,
        {{ place_in_session() }} as place
    from {{ ref('int_agent_events_unioned') }}

),

merged_tickets as (

    select * from {{ ref('int_tickets_merged') }}

),

tickets as (

    select * from {{ ref('int_tickets_summarised') }}

),

summaries as (

    select
        source_system,
        session_id,
        {{ first_stated('ticket_key', 'place') }} as named_ticket_key,
        {{ first_stated('ticket_id', 'place') }} as named_ticket_id,
        {{ first_stated('ticket_system', 'place') }} as ticket_system,
        {{ first_stated('previous_session_id', 'place') }}
            as previous_session_id,
        {{ first_stated('customer_key', 'place') }} as customer_key,
        {{ first_stated('channel', 'place') }} as channel,
        {{ first_stated('agent_name', 'place') }} as agent_name,
        {{ first_stated('agent_version', 'place') }} as agent_version,
        {{ first_stated('environment', 'place') }} as environment,
        {{ last_stated(
            "case when action_type = 'intent_classified' and outcome = 'success'"
            ~ " then intent end",
            'place'
        ) }} as intent,
        max_by(
            coalesce(outcome, 'unsaid'),
            case when action_type = 'session_ended' then place end
        ) as ended_outcome,
        min_by(file_path, place) as file_path,
        min_by(line_number, place) as line_number,
        min_by(load_id, place) as load_id,
        count(distinct ticket_key) as named_ticket_count,
        count(*) as event_count,
        {{ any_true('is_test') }} as is_said_test,
        {{ any_true("actor_type = 'ai_agent'") }} as is_involved,
        -- a message that does not say whether it is substantive is
        {{ any_true(
            "action_type in ('intent_classified', 'action_executed')"
            ~ " or (action_type = 'message_received'"
            ~ ' and coalesce(is_substantive, true))'
        ) }} as is_asked,
        {{ any_true('not is_time_known') }} = false as is_time_known,
        {{ exact_part("case when action_type = 'llm_called' then cost_usd end") }}
            as model_cost_usd,
        sum(case when action_type = 'llm_called' then input_tokens end)
            as input_tokens,
        sum(case when action_type = 'llm_called' then output_tokens end)
            as output_tokens,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from events
    group by all

)

select
    -- one hash per session, not per event
    {{ surrogate_key(['summaries.source_system', 'summaries.session_id']) }}
        as session_key,
    summaries.source_system,
    summaries.session_id,
    summaries.previous_session_id,
    coalesce(merged_tickets.target_ticket_key, summaries.named_ticket_key)
        as ticket_key,
    coalesce(merged_tickets.target_ticket_id, summaries.named_ticket_id) as ticket_id,
    summaries.ticket_system,
    summaries.customer_key,
    summaries.channel,
    summaries.agent_name,
    summaries.agent_version,
    summaries.environment,
    summaries.intent,
    summaries.ended_outcome,
    summaries.file_path,
    summaries.line_number,
    summaries.load_id,
    summaries.named_ticket_count,
    summaries.event_count,
    summaries.is_involved,
    summaries.is_asked,
    summaries.is_time_known,
    coalesce(tickets.is_known, false) as is_ticket_known,
    summaries.is_said_test or coalesce(tickets.is_test, false) as is_test,
    coalesce(summaries.environment, 'production') in ('production', 'prod')
    and not summaries.is_said_test
    and not coalesce(tickets.is_test, false) as is_production,
    summaries.model_cost_usd,
    summaries.input_tokens,
    summaries.output_tokens,
    summaries.started_at,
    summaries.ended_at,

    -- order of sessions: by start, then by name
    row_number() over (
        order by summaries.started_at, summaries.session_id, summaries.source_system
    ) as session_number
from summaries
left join merged_tickets
    on summaries.named_ticket_key = merged_tickets.ticket_key
left join tickets
    on
        coalesce(merged_tickets.target_ticket_key, summaries.named_ticket_key)
        = tickets.target_ticket_key
