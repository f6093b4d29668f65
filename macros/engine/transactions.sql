{# Statements that hold together; on DuckDB a model is one transaction already. #}
{% macro in_one_transaction(dml) %}
    {{- return(adapter.dispatch('in_one_transaction')(dml)) -}}
{% endmacro %}

{% macro duckdb__in_one_transaction(dml) -%}
    {{- return(dml) -}}
{%- endmacro %}

{% macro snowflake__in_one_transaction(dml) -%}
    {{- return(snowflake_dml_explicit_transaction(dml)) -}}
{%- endmacro %}
