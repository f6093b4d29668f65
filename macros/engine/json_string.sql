{#
    A JSON text as a plain text, without its quotes: for the elements of a list.
    `json_text` is for what an object holds under a key.
#}
{% macro json_string(value) %}
    {{- return(adapter.dispatch('json_string')(value)) -}}
{% endmacro %}


{% macro duckdb__json_string(value) -%}
    json_extract_string({{ value }}, '$')
{%- endmacro %}


{% macro snowflake__json_string(value) -%}
    cast({{ value }} as varchar)
{%- endmacro %}
