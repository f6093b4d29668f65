{# A 32-digit hex key over columns; nulls and the borders between columns count. #}
{% macro surrogate_key(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(
            cast(length(cast({{ column }} as varchar)) as varchar)
            || ':' || cast({{ column }} as varchar),
            '-'
        )
        {%- if not loop.last %} || '|' || {%- endif %}
        {%- endfor %}
    )
{%- endmacro %}
