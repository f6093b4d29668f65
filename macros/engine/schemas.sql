{# The names of the schemas that there are, in lower case. #}
{% macro schema_names() %}
    {{- return(adapter.dispatch('schema_names')()) -}}
{% endmacro %}

{% macro duckdb__schema_names() -%}
    {{- return(
        list_schemas(target.database).columns[0].values() | map('lower') | list
    ) -}}
{%- endmacro %}

{% macro snowflake__schema_names() -%}
    {{- return(
        list_schemas(target.database).columns['name'].values() | map('lower') | list
    ) -}}
{%- endmacro %}
