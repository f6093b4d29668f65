{# No two rows agree in all of these columns: the grain that the description names. #}
{% test unique_combination(model, columns) %}

    select
        {{ columns | join(',\n        ') }},
        count(*) as row_count
    from {{ model }}
    group by all
    having count(*) > 1

{% endtest %}
