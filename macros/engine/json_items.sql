{#
    The elements of a JSON list as rows: `cross join {{ json_items('runs.messages') }}
    as message` gives `message.value` and `message.index`, counted from 0. What is
    absent, null or no list gives no rows.
#}
{% macro json_items(list) %}
    {{- return(adapter.dispatch('json_items')(list)) -}}
{% endmacro %}


{% macro duckdb__json_items(list) -%}
    lateral (
        select
            item.value as value,
            item.position - 1 as index
        from unnest(try_cast({{ list }} as json [])) with ordinality
            as item (value, position)
    )
{%- endmacro %}


{% macro snowflake__json_items(list) -%}
    lateral flatten(input => iff(is_array({{ list }}), {{ list }}, null))
{%- endmacro %}
