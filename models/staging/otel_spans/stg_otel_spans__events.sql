{{ config(
    materialized='incremental',
    incremental_strategy='by_changed_session',
    unique_key='(source_system, session_id)'
) }}
{{ comes_after('int_hours_touched') }}
{%- set condition = 'true' -%}
{%- if is_batch() -%}
    {%- set keys -%}
        select source_system, trace_id
        from {{ ref('stg_otel_spans__traces') }}
        where {{ changed('source_system', 'session_id', 'session') }}
    {%- endset -%}
    {%- set condition = is_row_of(
        source('raw', 'otel_spans'), ['source_system', 'trace_id'], keys
    ) -%}
{%- endif %}

with

staged as (

    {{ staged_otel_spans(condition) }}

),

traces as (

    {{ otel_trace_sessions('staged') }}

),

escalation_tools as (

    select * from {{ ref('escalation_tools') }}

),

spans as (

    select
        staged.*,
        traces.session_id,
        coalesce(staged.ended_at, staged.started_at) as settled_at,
        escalation_tools.tool_name is not null as is_handover,
        case
            when staged.error_type is not null or staged.status = 'error'
                then
                    case
                        when lower(staged.error_type) like '%timeout%' then 'timeout'
                        else 'failure'
                    end
            else 'success'
        end as call_outcome,
        case
            when staged.span_role != 'tool' then null
            when staged.tool_name is not null then staged.tool_name
            when staged.span_name like 'execute_tool %'
                then substr(staged.span_name, 14)
            else staged.span_name
        end as action_name
    from staged
    inner join traces
        on
            staged.source_system = traces.source_system
            and staged.trace_id = traces.trace_id
    left join escalation_tools
        on
            staged.span_role = 'tool'
            and lower(coalesce(staged.tool_name, staged.span_name))
            = lower(escalation_tools.tool_name)

),

-- a parent repeats the tokens of its children: what counts is a span that states some
-- and has none below it that does. Each step doubles how far up the ancestors go.
parents_1 as (

    select
        span_key,
        parent_span_key as ancestor_key
    from spans
    where parent_span_key is not null

),

above_1 as (

    select distinct parent_span_key as ancestor_key
    from spans
    where
        parent_span_key is not null
        and (has_usage or span_role = 'model')

),

{%- for step in range(6) %}
{%- set near, far = 2 ** step, 2 ** (step + 1) %}

above_{{ far }} as (

    select ancestor_key from above_{{ near }}

    union distinct

    select parents_{{ near }}.ancestor_key
    from above_{{ near }}
    inner join parents_{{ near }}
        on above_{{ near }}.ancestor_key = parents_{{ near }}.span_key

),
{%- if not loop.last %}

parents_{{ far }} as (

    select
        nearer.span_key,
        farther.ancestor_key
    from parents_{{ near }} as nearer
    inner join parents_{{ near }} as farther
        on nearer.ancestor_key = farther.span_key

),
{%- endif %}
{%- endfor %}

model_calls as (

    select spans.*
    from spans
    left join above_64
        on spans.span_key = above_64.ancestor_key
    where
        (spans.has_usage or spans.span_role = 'model')
        and above_64.ancestor_key is null

),

evaluations as (

    select
        spans.*,
        evaluation.index as evaluation_index,
        {{ json_text('evaluation.value', 'name') }} as span_event_name,
        {{ json_text('evaluation.value', 'time') }} as stated_at,
        {{ json_member('evaluation.value', 'attributes') }} as said
    from spans
    cross join {{ json_items('spans.events') }} as evaluation

),

-- the first span of an agent in a trace is the customer's turn and its answer
turns as (

    select *
    from spans
    where span_role = 'agent'
    qualify row_number() over (
        partition by source_system, trace_id
        order by started_at asc, coalesce(duration_ms, 0) desc, span_id asc
    ) = 1

),

ends as (

    select *
    from turns
    where ended_at is not null
    qualify row_number() over (
        partition by source_system, session_id
        order by ended_at desc, span_key asc
    ) = 1

),

starts as (

    select
        source_system,
        session_id,
        min(started_at) as started_at,
        {{ first_stated('agent_name', 'span_place') }} as agent_name,
        {{ first_stated('agent_version', 'span_place') }} as agent_version,
        {{ first_stated('service_name', 'span_place') }} as service_name,
        {{ first_stated('service_version', 'span_place') }} as service_version,
        min_by(span_key, span_place) as span_key
    from (
        select
            *,
            concat({{ moment_text('started_at') }}, ' ', span_id) as span_place
        from spans
    ) as placed
    group by source_system, session_id

),

happenings as (

    select
        span_key,
        'session_started' as action_type,
        'session_started' as event_name,
        0 as step,
        started_at as occurred_at,
        cast(null as varchar) as outcome,
        'system' as actor_type,
        cast(null as varchar) as judged_check_id,
        cast(null as varchar) as judged_by,
        cast(null as boolean) as is_required
    from starts

    union all

    select
        span_key,
        'message_received' as action_type,
        'message_received' as event_name,
        1 as step,
        started_at as occurred_at,
        null as outcome,
        'customer' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from turns

    union all

    select
        span_key,
        'intent_classified' as action_type,
        'intent_classified' as event_name,
        2 as step,
        settled_at as occurred_at,
        coalesce(lower(intent_outcome), 'success') as outcome,
        'ai_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where intent is not null

    union all

    select
        span_key,
        'llm_called' as action_type,
        'llm_called' as event_name,
        2 as step,
        settled_at as occurred_at,
        case when call_outcome = 'success' then 'success' else 'failure' end as outcome,
        'ai_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from model_calls

    union all

    select
        span_key,
        'policy_checked' as action_type,
        'policy_checked' as event_name,
        3 as step,
        settled_at as occurred_at,
        coalesce(
            {{ policy_outcome('policy_outcome') }},
            {{ policy_outcome('evaluation_label') }},
            case
                when span_role = 'guardrail' and status = 'ok' then 'pass'
                when span_role = 'guardrail' and error_type is not null then 'error'
                when span_role = 'guardrail' and status = 'error' then 'fail'
            end
        ) as outcome,
        'system' as actor_type,
        coalesce(check_id, evaluation_name, span_name) as judged_check_id,
        coalesce(evaluator, case span_role when 'evaluator' then 'llm' else 'rule' end)
            as judged_by,
        coalesce(is_check_required, policy_id is not null or span_role = 'guardrail')
            as is_required
    from spans
    where span_role in ('guardrail', 'evaluator') or policy_outcome is not null

    union all

    select
        span_key,
        'policy_checked' as action_type,
        concat('evaluation:', evaluation_index) as event_name,
        3 as step,
        -- a verdict of later days is about this span and does not prolong the session
        least(coalesce(cast(stated_at as timestamp), settled_at), settled_at)
            as occurred_at,
        {{ policy_outcome(json_text('said', 'gen_ai.evaluation.score.label')) }}
            as outcome,
        'system' as actor_type,
        {{ json_text('said', 'gen_ai.evaluation.name') }} as judged_check_id,
        coalesce({{ json_text('said', 'acsr.policy.evaluator') }}, 'llm') as judged_by,
        coalesce(
            {{ json_flag('said', 'acsr.policy.is_required') }},
            {{ json_text('said', 'gen_ai.evaluation.name') }} like 'policy.%',
            false
        ) as is_required
    from evaluations
    where span_event_name = 'gen_ai.evaluation.result'

    union all

    select
        span_key,
        'action_executed' as action_type,
        'action_executed' as event_name,
        4 as step,
        settled_at as occurred_at,
        call_outcome as outcome,
        'ai_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        is_action_required as is_required
    from spans
    where span_role = 'tool'

    union all

    select
        span_key,
        'escalated' as action_type,
        'escalated' as event_name,
        5 as step,
        settled_at as occurred_at,
        null as outcome,
        coalesce(lower(initiated_by), 'ai_agent') as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where is_handover or reason_code is not null

    union all

    select
        span_key,
        'human_joined' as action_type,
        'human_joined' as event_name,
        6 as step,
        settled_at as occurred_at,
        null as outcome,
        'human_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where human_id is not null

    union all

    select
        span_key,
        'resolution_attempt' as action_type,
        'resolution_attempt' as event_name,
        6 as step,
        settled_at as occurred_at,
        lower(resolution) as outcome,
        'ai_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where resolution is not null

    union all

    select
        span_key,
        'message_sent' as action_type,
        'message_sent' as event_name,
        7 as step,
        ended_at as occurred_at,
        null as outcome,
        'ai_agent' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from turns
    where ended_at is not null

    union all

    select
        span_key,
        'customer_confirmed' as action_type,
        'customer_confirmed' as event_name,
        8 as step,
        settled_at as occurred_at,
        lower(confirmation) as outcome,
        'customer' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where confirmation is not null

    union all

    select
        span_key,
        case lower(closure) when 'reopened' then 'case_reopened' else 'case_closed' end
            as action_type,
        'closure' as event_name,
        9 as step,
        settled_at as occurred_at,
        null as outcome,
        'system' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from spans
    where lower(closure) in ('closed', 'reopened')

),

session_ends as (

    select
        ends.span_key,
        max(happenings.occurred_at) as occurred_at
    from ends
    inner join spans
        on
            ends.source_system = spans.source_system
            and ends.session_id = spans.session_id
    inner join happenings
        on spans.span_key = happenings.span_key
    group by ends.span_key

),

session_outcomes as (

    select
        source_system,
        session_id,
        max_by(
            lower(session_outcome),
            case
                when session_outcome is not null
                    then concat({{ moment_text('settled_at') }}, ' ', span_id)
            end
        ) as outcome
    from spans
    group by source_system, session_id

),

all_happenings as (

    select * from happenings

    union all

    select
        span_key,
        'session_ended' as action_type,
        'session_ended' as event_name,
        10 as step,
        occurred_at,
        null as outcome,
        'system' as actor_type,
        null as judged_check_id,
        null as judged_by,
        null as is_required
    from session_ends

),

events as (

    select
        all_happenings.action_type,
        all_happenings.occurred_at,
        all_happenings.actor_type,
        all_happenings.judged_check_id as check_id,
        all_happenings.judged_by as evaluator,
        all_happenings.is_required,
        spans.* exclude (
            agent_name, agent_version, check_id, evaluator, action_name, error_type,
            http_status, model, provider, input_tokens, output_tokens, cached_tokens,
            cost_usd, policy_id, policy_version, severity, action_id, attempt, is_write,
            amount, currency, escalation_id, reason_code, reason_detail, initiated_by,
            target_queue, human_id, ticket_status, intent, confidence_score, tier
        ),
        case
            when all_happenings.action_type = 'session_ended'
                then coalesce(
                    session_outcomes.outcome,
                    case when spans.call_outcome != 'success' then 'error' end
                )
            else all_happenings.outcome
        end as outcome,
        case
            when all_happenings.action_type in ('session_started', 'session_ended')
                then concat(spans.session_id, ':', all_happenings.event_name)
            else concat(
                spans.trace_id, ':', spans.span_id, ':', all_happenings.event_name
            )
        end as event_id,
        coalesce(
            spans.agent_name,
            case
                when all_happenings.action_type = 'session_started'
                    then coalesce(starts.agent_name, starts.service_name)
            end
        ) as agent_name,
        case
            when all_happenings.action_type = 'session_started'
                then coalesce(starts.agent_version, starts.service_version)
            else spans.agent_version
        end as agent_version,
        row_number() over (
            partition by spans.source_system, spans.session_id
            order by
                all_happenings.occurred_at,
                all_happenings.step,
                spans.span_key,
                all_happenings.event_name
        ) as sequence,
        {%- set by_type = {
            'policy_checked': ['policy_id', 'policy_version', 'severity'],
            'action_executed': [
                'action_name', 'attempt', 'is_write', 'http_status', 'amount', 'currency'
            ],
            'llm_called': [
                'model', 'provider', 'input_tokens', 'output_tokens', 'cached_tokens',
                'cost_usd'
            ],
            'escalated': [
                'escalation_id', 'reason_code', 'reason_detail', 'initiated_by',
                'target_queue'
            ],
            'intent_classified': ['intent', 'confidence_score', 'tier'],
            'human_joined': ['human_id'],
        } %}
        {%- for action_type, columns in by_type.items() %}
        {%- for column in columns %}
        case
            when all_happenings.action_type = '{{ action_type }}'
                then spans.{{ column }}
        end as {{ column }},
        {%- endfor %}
        {%- endfor %}
        case
            when all_happenings.action_type in ('action_executed', 'policy_checked')
                then spans.action_id
        end as action_id,
        case
            when all_happenings.action_type in ('action_executed', 'llm_called')
                then spans.error_type
        end as error_type,
        case
            when all_happenings.action_type in ('action_executed', 'llm_called')
                then spans.duration_ms
        end as latency_ms,
        case
            when all_happenings.action_type in ('case_closed', 'case_reopened')
                then spans.ticket_status
        end as ticket_status
    from all_happenings
    inner join spans
        on all_happenings.span_key = spans.span_key
    inner join session_outcomes
        on
            spans.source_system = session_outcomes.source_system
            and spans.session_id = session_outcomes.session_id
    left join starts
        on spans.span_key = starts.span_key

)

{{ canonical_agent_event(
    same=[
        'source_system', 'event_id', 'session_id', 'occurred_at', 'sequence',
        'action_type', 'outcome', 'actor_type', 'ticket_id', 'previous_session_id',
        'channel', 'agent_name', 'agent_version', 'environment', 'intent',
        'confidence_score', 'tier', 'check_id', 'policy_id', 'policy_version',
        'action_id', 'severity', 'is_required', 'evaluator', 'action_name', 'attempt',
        'is_write', 'http_status', 'error_type', 'latency_ms', 'amount', 'currency',
        'reason_code', 'reason_detail', 'initiated_by', 'target_queue', 'human_id',
        'ticket_status', 'model', 'provider', 'input_tokens', 'output_tokens',
        'cached_tokens', 'cost_usd', 'file_path', 'line_number', 'load_id', 'loaded_at'
    ],
    values={
        'is_time_known': 'true',
        'is_test': 'coalesce(is_test, false)',
        'customer_key': customer_key('customer_key', 'source_system'),
        'ticket_system': "case when ticket_id is not null then coalesce(ticket_system, '"
            ~ var('default_ticket_system') ~ "') end",
        'escalation_id': "case when action_type = 'escalated' then "
            ~ "coalesce(escalation_id, event_id) end",
    }
) }}
from events
