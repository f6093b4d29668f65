{# What an agent event says by its type, and of which kind each of it is. #}
{% macro agent_event_attributes() -%}
    {{ return({
        'entry_point': 'text',
        'is_substantive': 'flag',
        'char_count': 'integer',
        'intent': 'text',
        'confidence_score': 'number',
        'tier': 'text',
        'check_id': 'id',
        'policy_id': 'id',
        'policy_version': 'text',
        'action_id': 'id',
        'severity': 'text',
        'is_required': 'flag',
        'evaluator': 'text',
        'reason': 'text',
        'action_name': 'text',
        'attempt': 'integer',
        'is_write': 'flag',
        'http_status': 'integer',
        'error_type': 'text',
        'latency_ms': 'number',
        'amount': 'number',
        'currency': 'text',
        'escalation_reason': 'text',
        'escalation_id': 'id',
        'reason_code': 'text',
        'reason_detail': 'text',
        'initiated_by': 'text',
        'target_queue': 'text',
        'human_id': 'id',
        'ticket_status': 'text',
        'model': 'text',
        'provider': 'text',
        'input_tokens': 'integer',
        'output_tokens': 'integer',
        'cached_tokens': 'integer',
        'cost_usd': 'number',
    }) }}
{%- endmacro %}


{#
    The canonical columns of agent events, of rows `events` of the raw table: the one place
    that says what staging makes of them, for those who read all rows and for those who
    read some, all attributes (`keys` by action type) or a few: those that nobody reads are
    parsed nevertheless.
#}
{% macro staged_agent_events(condition='true', keys=none) -%}
{%- set kinds = agent_event_attributes() -%}
{%- set keys = keys if keys is not none else kinds | list -%}

with

events as (

    select
        *,
        timestamp as occurred_at,
        {{ json_record('attributes', keys) }} as record
    from {{ source('raw', 'agent_events') }}
    where {{ condition }}

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    cast(source_system as varchar) as source_system,
    cast(event_id as varchar) as event_id,
    cast(session_id as varchar) as session_id,
    cast({{ surrogate_key(['source_system', 'session_id']) }} as varchar)
        as session_key,

    -- place
    cast(occurred_at as timestamp) as occurred_at,
    cast(true as boolean) as is_time_known,
    cast(occurred_at as timestamp) as ordered_at,
    cast(sequence as bigint) as sequence,

    -- attributes of every event
    cast(action_type as varchar) as action_type,
    cast(outcome as varchar) as outcome,
    cast(actor_type as varchar) as actor_type,
    cast(
        case
            when ticket_id is not null
                then coalesce(ticket_system, '{{ var("default_ticket_system") }}')
        end as varchar
    ) as ticket_system,
    cast(ticket_id as varchar) as ticket_id,
    cast(previous_session_id as varchar) as previous_session_id,
    cast({{ customer_key('customer_key', 'source_system') }} as varchar)
        as customer_key,
    cast(channel as varchar) as channel,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,
    cast(environment as varchar) as environment,
    cast(is_test as boolean) as is_test,

    -- attributes by action type
    {% for key in keys -%}
    {{ record_value('record', key, kinds[key]) }} as {{ key }},
    {% endfor %}
    -- lineage
    cast(events._file as varchar) as file_path,
    cast(events._line as bigint) as line_number,
    cast(events._load_id as varchar) as load_id,
    cast(events._loaded_at as timestamp) as loaded_at
from events
{%- endmacro %}


{# The member of a kind, `text`, `id`, `number`, `integer` or `flag`, in its SQL type. #}
{% macro record_value(record, key, kind) -%}
    {%- if kind == 'text' -%}
        cast({{ record_text(record, key) }} as varchar)
    {%- elif kind == 'id' -%}
        cast({{ record_id(record, key) }} as varchar)
    {%- elif kind == 'number' -%}
        cast({{ record_number(record, key) }} as double)
    {%- elif kind == 'integer' -%}
        cast({{ record_integer(record, key) }} as bigint)
    {%- else -%}
        cast({{ record_flag(record, key) }} as boolean)
    {%- endif -%}
{%- endmacro %}


{#
    The canonical columns of an adapter's events, in their order, for `from events`:
    `values` says which expression each column is, `same` names columns that `events` has
    under that name. What is in neither is null, as not said.
#}
{% macro canonical_agent_event(values={}, same=[]) -%}
{%- set types = {
    'text': 'varchar', 'id': 'varchar', 'number': 'double', 'integer': 'bigint',
    'flag': 'boolean'
} -%}
{%- set columns = {
    'source_system': 'varchar', 'event_id': 'varchar', 'session_id': 'varchar',
    'session_key': 'varchar', 'occurred_at': 'timestamp', 'is_time_known': 'boolean',
    'ordered_at': 'timestamp', 'sequence': 'bigint', 'action_type': 'varchar',
    'outcome': 'varchar', 'actor_type': 'varchar', 'ticket_system': 'varchar',
    'ticket_id': 'varchar', 'previous_session_id': 'varchar',
    'customer_key': 'varchar', 'channel': 'varchar', 'agent_name': 'varchar',
    'agent_version': 'varchar', 'environment': 'varchar', 'is_test': 'boolean'
} -%}
{%- for name, kind in agent_event_attributes().items() -%}
    {%- do columns.update({name: types[kind]}) -%}
{%- endfor -%}
{%- do columns.update({
    'file_path': 'varchar', 'line_number': 'bigint', 'load_id': 'varchar',
    'loaded_at': 'timestamp'
}) -%}
{%- set said = {
    'session_key': surrogate_key(['source_system', 'session_id'])
} -%}
{%- for name in same -%}{%- do said.update({name: name}) -%}{%- endfor -%}
{%- do said.update(values) -%}
{%- for name in said if name not in columns -%}
    {{ exceptions.raise_compiler_error(
        'an agent event has no column ' ~ name ~ '; its columns: '
        ~ columns | join(', ')
    ) }}
{%- endfor -%}
select
    cast({{ surrogate_key(['source_system', 'event_id']) }} as varchar) as event_key,
    {% for name, type in columns.items() -%}
    cast({{ said.get(name, 'null') }} as {{ type }}) as {{ name }}
    {{- ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}
