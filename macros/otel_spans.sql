{#
    Which attributes of a span say what, by convention, the first one stated counts:
    GenAI semantic conventions (their own repository, then those up to v1.41, then up to
    v1.36), OpenInference, OpenLLMetry, Langfuse, and `acsr.*` for what none of them has a
    word for. docs/feeds.md is the same table for people; a test compares them.
#}
{% macro otel_attributes() -%}
    {{ return({
        'operation': ['text', ['gen_ai.operation.name']],
        'span_class': ['text', [
            'openinference.span.kind', 'traceloop.span.kind',
            'langfuse.observation.type', 'llm.request.type'
        ]],
        'conversation_id': ['id', ['gen_ai.conversation.id']],
        'stated_session_id': ['id', [
            'session.id', 'langfuse.session.id',
            'traceloop.association.properties.session_id',
            'gcp.vertex.agent.session_id'
        ]],
        'agent_name': ['text', ['gen_ai.agent.name', 'agent.name']],
        'agent_version': ['text', ['gen_ai.agent.version']],
        'tool_name': ['text', [
            'gen_ai.tool.name', 'tool.name', 'traceloop.entity.name'
        ]],
        'model': ['text', [
            'gen_ai.response.model', 'gen_ai.request.model', 'llm.model_name'
        ]],
        'provider': ['text', [
            'gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system'
        ]],
        'input_tokens': ['integer', [
            'gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens',
            'llm.token_count.prompt'
        ]],
        'output_tokens': ['integer', [
            'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens',
            'llm.token_count.completion'
        ]],
        'cached_tokens': ['integer', [
            'gen_ai.usage.cache_read.input_tokens',
            'gen_ai.usage.cache_read_input_tokens',
            'llm.token_count.prompt_details.cache_read'
        ]],
        'total_cost_usd': ['number', [
            'acsr.cost_usd', 'llm.cost.total', 'langfuse.cost_usd', 'gen_ai.usage.cost'
        ]],
        'input_cost_usd': ['number', ['llm.cost.prompt', 'gen_ai.usage.input_cost']],
        'output_cost_usd': ['number', [
            'llm.cost.completion', 'gen_ai.usage.output_cost'
        ]],
        'error_type': ['text', ['error.type', 'exception.type']],
        'http_status': ['integer', ['http.response.status_code', 'http.status_code']],
        'evaluation_name': ['text', ['gen_ai.evaluation.name', 'evaluation.name']],
        'evaluation_label': ['text', [
            'gen_ai.evaluation.score.label', 'evaluation.label'
        ]],
        'ticket_id': ['id', ['acsr.ticket.id']],
        'ticket_system': ['text', ['acsr.ticket.system']],
        'previous_session_id': ['id', ['acsr.session.previous_id']],
        'session_outcome': ['text', ['acsr.session.outcome']],
        'channel': ['text', ['acsr.channel']],
        'is_test': ['flag', ['acsr.is_test']],
        'intent': ['text', ['acsr.intent']],
        'intent_outcome': ['text', ['acsr.intent.outcome']],
        'confidence_score': ['number', ['acsr.intent.confidence']],
        'tier': ['text', ['acsr.intent.tier']],
        'action_id': ['id', ['acsr.action.id']],
        'attempt': ['integer', ['acsr.action.attempt']],
        'is_write': ['flag', ['acsr.action.is_write']],
        'is_action_required': ['flag', ['acsr.action.is_required']],
        'amount': ['number', ['acsr.action.amount']],
        'currency': ['text', ['acsr.action.currency']],
        'policy_id': ['id', ['acsr.policy.id']],
        'policy_version': ['text', ['acsr.policy.version']],
        'check_id': ['id', ['acsr.policy.check_id']],
        'policy_outcome': ['text', ['acsr.policy.outcome']],
        'severity': ['text', ['acsr.policy.severity']],
        'evaluator': ['text', ['acsr.policy.evaluator']],
        'is_check_required': ['flag', ['acsr.policy.is_required']],
        'escalation_id': ['id', ['acsr.escalation.id']],
        'reason_code': ['text', ['acsr.escalation.reason']],
        'reason_detail': ['text', ['acsr.escalation.detail']],
        'initiated_by': ['text', ['acsr.escalation.initiated_by']],
        'target_queue': ['text', ['acsr.escalation.queue']],
        'human_id': ['id', ['acsr.human.id']],
        'resolution': ['text', ['acsr.resolution']],
        'closure': ['text', ['acsr.closure']],
        'ticket_status': ['text', ['acsr.closure.status']],
        'confirmation': ['text', ['acsr.customer.confirmation']],
    }) }}
{%- endmacro %}


{#
    What staging makes of the rows `condition` of the raw spans: one row per span, each
    attribute under one name, and the part that the span plays (`span_role`). With
    `columns`, of the attributes these alone.
#}
{% macro staged_otel_spans(condition='true', columns=none) -%}
{%- set attributes = {} -%}
{%- for column, said in otel_attributes().items()
    if columns is none or column in columns -%}
    {%- do attributes.update({column: said}) -%}
{%- endfor -%}
{%- set keys = [] -%}
{%- for kind, names in attributes.values() -%}{%- do keys.extend(names) -%}{%- endfor -%}
with

spans as (

    select
        *,
        {{ json_record('attributes', keys) }} as record
    from {{ source('raw', 'otel_spans') }}
    where {{ condition }}

),

read as (

    select
        source_system,
        trace_id,
        span_id,
        parent_span_id,
        span_name,
        status,
        started_at,
        ended_at,
        duration_ms,
        service_name,
        service_version,
        environment,
        customer_key,
        events,
        {% for column, (kind, names) in attributes.items() -%}
        {%- if names | length == 1 -%}
        {{ record_value('record', names[0], kind) }} as {{ column }},
        {% else -%}
        coalesce(
            {%- for name in names %}
            {{ record_value('record', name, kind) }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as {{ column }},
        {% endif -%}
        {% endfor -%}
        _file as file_path,
        _line as line_number,
        _load_id as load_id,
        _loaded_at as loaded_at
    from spans

)

select
    read.*,
    {{ surrogate_key(['source_system', 'trace_id', 'span_id']) }} as span_key,
    case
        when parent_span_id is not null
            then {{ surrogate_key(['source_system', 'trace_id', 'parent_span_id']) }}
    end as parent_span_key,
    case
        when span_name like 'policy.%' then 'guardrail'
        when operation = 'execute_tool' then 'tool'
        when operation in ('invoke_agent', 'invoke_workflow') then 'agent'
        when
            operation in ('chat', 'text_completion', 'generate_content', 'call_llm')
            then 'model'
        when lower(span_class) in ('llm', 'generation', 'chat', 'completion')
            then 'model'
        when lower(span_class) = 'tool' then 'tool'
        when lower(span_class) in ('agent', 'workflow') then 'agent'
        when lower(span_class) = 'guardrail' then 'guardrail'
        when lower(span_class) = 'evaluator' then 'evaluator'
    end as span_role,
    coalesce(input_tokens, output_tokens) is not null as has_usage
    {%- if columns is none %},
    coalesce(
        total_cost_usd,
        case
            when coalesce(input_cost_usd, output_cost_usd) is not null
                then coalesce(input_cost_usd, 0) + coalesce(output_cost_usd, 0)
        end
    ) as cost_usd
    {%- endif %}
from read
{%- endmacro %}


{# What the session of a trace is known by. #}
{% macro otel_session_columns() -%}
    {{ return([
        'operation', 'span_class', 'conversation_id', 'stated_session_id',
        'input_tokens', 'output_tokens', 'evaluation_name', 'policy_outcome', 'intent',
        'reason_code', 'resolution', 'closure', 'human_id', 'confirmation'
    ]) }}
{%- endmacro %}


{#
    The session of each trace in which an agent has a part: the conversation that its
    spans state first, else the session, else the trace itself.
#}
{% macro otel_trace_sessions(spans) -%}
    select
        source_system,
        trace_id,
        coalesce(
            {{ first_stated('conversation_id', 'place') }},
            {{ first_stated('stated_session_id', 'place') }},
            trace_id
        ) as session_id,
        min(started_at) as first_at,
        max(coalesce(ended_at, started_at)) as last_at
    from (
        select
            *,
            concat({{ moment_text('started_at') }}, ' ', span_id) as place
        from {{ spans }}
    ) as placed
    group by source_system, trace_id
    having count(coalesce(
        span_role,
        evaluation_name,
        policy_outcome,
        intent,
        reason_code,
        resolution,
        closure,
        human_id,
        confirmation,
        case when has_usage then 'usage' end,
        case when cast(events as varchar) like '%gen_ai.evaluation.result%'
            then 'evaluation' end
    )) > 0
{%- endmacro %}


{# What a judge or a guardrail says in its own word, in the contract's; others stay. #}
{% macro policy_outcome(word) -%}
    case
        when lower({{ word }}) in ('pass', 'passed', 'true', 'yes', 'ok', 'compliant')
            then 'pass'
        when
            lower({{ word }}) in (
                'fail', 'failed', 'false', 'no', 'blocked', 'violation', 'non_compliant'
            )
            then 'fail'
        when lower({{ word }}) in ('not_applicable', 'n/a', 'skipped')
            then 'not_applicable'
        else lower({{ word }})
    end
{%- endmacro %}
