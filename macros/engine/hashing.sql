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


{#
    A key as a number from 0 up to but without 1, as good as drawn by chance and always
    the same: its first ten hex digits, read as a fraction.
#}
{% macro hash_share(key) -%}
    (
        cast(
            {%- for digit in range(1, 11) %}
            {{ hex_digit('substr(' ~ key ~ ', ' ~ digit ~ ', 1)') }}
            * cast({{ 16 ** (10 - digit) }} as bigint)
            {{ '+' if not loop.last }}
            {%- endfor %} as double
        ) / cast({{ 16 ** 10 }} as double)
    )
{%- endmacro %}


{# The number that one lower-case hex digit stands for. #}
{% macro hex_digit(digit) %}
    {{- return(adapter.dispatch('hex_digit')(digit)) -}}
{% endmacro %}

{% macro duckdb__hex_digit(digit) -%}
    (strpos('0123456789abcdef', {{ digit }}) - 1)
{%- endmacro %}

{% macro snowflake__hex_digit(digit) -%}
    (position({{ digit }}, '0123456789abcdef') - 1)
{%- endmacro %}
