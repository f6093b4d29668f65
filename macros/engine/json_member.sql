{#
    What a JSON object holds under a key, still as JSON: for objects and lists that
    are read further. The key is a literal of the model, never data.
#}
{% macro json_member(object, key) %}
    {{- return(adapter.dispatch('json_member')(object, key)) -}}
{% endmacro %}


{% macro duckdb__json_member(object, key) -%}
    json_extract({{ object }}, '$."{{ key }}"')
{%- endmacro %}


{% macro snowflake__json_member(object, key) -%}
    get({{ object }}, '{{ key }}')
{%- endmacro %}
