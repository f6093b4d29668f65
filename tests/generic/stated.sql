{# Columns that are never null: one look at the model for all of them. #}
{% test stated(model, columns) %}

with

missing as (

    select
        {%- for column in columns %}
        count_if({{ column }} is null) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

)

{% for column in columns -%}
select
    '{{ column }}' as column_name,
    {{ column }} as null_rows
from missing
where {{ column }} > 0
{{ 'union all' if not loop.last }}
{% endfor %}

{% endtest %}
