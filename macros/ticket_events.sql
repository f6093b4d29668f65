{#
    The canonical columns of an adapter's ticket events, in their order, for `from events`:
    `values` says which expression each column is, `same` names columns that `events` has
    under that name. What is in neither is null, as not said.
#}
{% macro canonical_ticket_event(values={}, same=[]) -%}
{%- set columns = {
    'source_system': 'varchar', 'event_id': 'varchar', 'ticket_system': 'varchar',
    'ticket_id': 'varchar', 'occurred_at': 'timestamp', 'event_type': 'varchar',
    'actor_type': 'varchar', 'actor_id': 'varchar', 'is_public': 'boolean',
    'customer_key': 'varchar', 'intent': 'varchar', 'tier': 'varchar',
    'channel': 'varchar', 'priority': 'varchar', 'group_name': 'varchar',
    'status': 'varchar', 'merged_into_ticket_id': 'varchar',
    'handle_seconds': 'double', 'is_test': 'boolean', 'file_path': 'varchar',
    'line_number': 'bigint', 'load_id': 'varchar', 'loaded_at': 'timestamp'
} -%}
{%- set said = {} -%}
{%- for name in same -%}{%- do said.update({name: name}) -%}{%- endfor -%}
{%- do said.update(values) -%}
{%- for name in said if name not in columns -%}
    {{ exceptions.raise_compiler_error(
        'a ticket event has no column ' ~ name ~ '; its columns: '
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


{# The helpdesk whose tickets a feed's records mean. #}
{% macro ticket_system_of(feed) -%}
    {{ return(var('ticket_systems').get(feed, var('default_ticket_system'))) }}
{%- endmacro %}


{# Whether a helpdesk's user id is one of those that the agent itself works under. #}
{% macro is_ai_user(user_id, setting) -%}
    {{ user_id }} in (
        {%- for id in var(setting) or [''] -%}
            '{{ id }}'{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}
