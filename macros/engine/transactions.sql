{# Statements that hold together; on DuckDB a model is one transaction already. #}
{% macro in_one_transaction(dml) %}
    {{- return(adapter.dispatch('in_one_transaction')(dml)) -}}
{% endmacro %}

{% macro duckdb__in_one_transaction(dml) -%}
    {{- return(dml) -}}
{%- endmacro %}

{% macro snowflake__in_one_transaction(dml) -%}
    {#- dbt ends it with a semicolon; after another one stands an empty statement -#}
    {{- return(snowflake_dml_explicit_transaction(dml.rstrip().rstrip(';'))) -}}
{%- endmacro %}
