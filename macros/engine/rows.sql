{#
    Condition: the row of a table has one of the keys that a query gives, few of many.
    DuckDB looks for them in the columns of the key alone, and reads the others only where
    it has found one; Snowflake prunes by itself.
#}
{% macro is_row_of(table, columns, keys) %}
    {{- return(adapter.dispatch('is_row_of')(table, columns, keys)) -}}
{% endmacro %}

{% macro snowflake__is_row_of(table, columns, keys) -%}
    ({{ columns | join(', ') }}) in ({{ keys }})
{%- endmacro %}

{% macro duckdb__is_row_of(table, columns, keys) -%}
    rowid in (
        select rowid from {{ table }}
        where ({{ columns | join(', ') }}) in ({{ keys }})
    )
{%- endmacro %}


{#
    A value by which the events of a session are ordered: by time, then by sequence (those
    without one last), then by id. For min_by and max_by; it counts within a session only.
#}
{% macro place_in_session() %}
    {{- return(adapter.dispatch('place_in_session')()) -}}
{% endmacro %}

{#
    No window: each event is compared once instead of being sorted. One key of bytes for
    all aggregates; of a struct, each of them would make its own.
#}
{% macro duckdb__place_in_session() -%}
    create_sort_key(
        ordered_at, 'asc nulls last',
        sequence, 'asc nulls last',
        event_id, 'asc nulls last'
    )
{%- endmacro %}

{% macro snowflake__place_in_session() -%}
    row_number() over (
        partition by source_system, session_id
        order by ordered_at, sequence nulls last, event_id
    )
{%- endmacro %}
