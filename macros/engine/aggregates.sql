{# Whether the condition holds for any row; null counts as no. #}
{% macro any_true(condition) -%}
    (coalesce(count_if({{ condition }}), 0) > 0)
{%- endmacro %}


{# The first (or last) value of a column that is not null, in the order of a key. #}
{% macro first_stated(column, ordering) -%}
    min_by({{ column }}, case when {{ column }} is not null then {{ ordering }} end)
{%- endmacro %}

{% macro last_stated(column, ordering) -%}
    max_by({{ column }}, case when {{ column }} is not null then {{ ordering }} end)
{%- endmacro %}


{# A quantile that interpolates linearly between neighbours. #}
{% macro quantile(column, fraction) %}
    {{- return(adapter.dispatch('quantile')(column, fraction)) -}}
{% endmacro %}

{% macro duckdb__quantile(column, fraction) -%}
    quantile_cont({{ column }}, {{ fraction }})
{%- endmacro %}

{% macro snowflake__quantile(column, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ column }})
{%- endmacro %}
