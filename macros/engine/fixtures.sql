{#
    How dbt writes the rows of a unit test for Snowflake, where its own way loses what a
    text holds: a backslash escapes, and a text cast to VARIANT stays a text.
#}
{% macro snowflake__escape_single_quotes(expression) -%}
    {{ expression | replace("\\", "\\\\") | replace("'", "\\'") }}
{%- endmacro %}


{% macro snowflake__safe_cast(field, type) -%}
    {%- if type | upper == 'VARIANT' and field | trim | lower != 'null' -%}
        parse_json({{ field }})
    {%- elif type | upper == 'VARIANT' -%}
        cast(null as variant)
    {%- else -%}
        {#- try_cast reads texts only -#}
        {%- set text = dbt.string_literal(field) if field is number else field -%}
        try_cast({{ text }} as {{ type }})
    {%- endif -%}
{%- endmacro %}
