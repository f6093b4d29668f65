{#
    What a JSON object holds under a key, by type. A value of another type counts as
    not said: '"12"' is no number, '"true"' no flag. A blank text is null.
#}
{% macro json_text(object, key) %}
    {{- return(text_of(json_member(object, key))) -}}
{% endmacro %}


{% macro json_number(object, key) %}
    {{- return(number_of(json_member(object, key))) -}}
{% endmacro %}


{% macro json_integer(object, key) %}
    {{- return(integer_of(json_member(object, key))) -}}
{% endmacro %}


{% macro json_flag(object, key) %}
    {{- return(flag_of(json_member(object, key))) -}}
{% endmacro %}


{#
    Several keys of one JSON object, parsed once: `json_record(column, keys) as record`,
    then `record_text('record', key)` and its like.
#}
{% macro json_record(object, keys) %}
    {{- return(adapter.dispatch('json_record')(object, keys)) -}}
{% endmacro %}

{% macro duckdb__json_record(object, keys) -%}
    json_transform(
        {{ object }},
        '{{ "{" }}
        {%- for key in keys %}"{{ key }}": "JSON"{{ ", " if not loop.last }}{% endfor -%}
        {{ "}" }}'
    )
{%- endmacro %}

{% macro snowflake__json_record(object, keys) -%}
    {{ object }}
{%- endmacro %}


{% macro record_member(record, key) %}
    {{- return(adapter.dispatch('record_member')(record, key)) -}}
{% endmacro %}

{% macro duckdb__record_member(record, key) -%}
    {{ record }}."{{ key }}"
{%- endmacro %}

{% macro snowflake__record_member(record, key) -%}
    get({{ record }}, '{{ key }}')
{%- endmacro %}


{% macro record_text(record, key) %}
    {{- return(text_of(record_member(record, key))) -}}
{% endmacro %}


{% macro record_id(record, key) %}
    {{- return(id_of(record_member(record, key))) -}}
{% endmacro %}


{% macro record_number(record, key) %}
    {{- return(number_of(record_member(record, key))) -}}
{% endmacro %}


{% macro record_integer(record, key) %}
    {{- return(integer_of(record_member(record, key))) -}}
{% endmacro %}


{% macro record_flag(record, key) %}
    {{- return(flag_of(record_member(record, key))) -}}
{% endmacro %}


{# A text without blanks of any width around it; Snowflake trims the plain one alone. #}
{% macro trimmed(text) %}
    {{- return(adapter.dispatch('trimmed')(text)) -}}
{% endmacro %}

{% macro duckdb__trimmed(text) -%}
    trim({{ text }})
{%- endmacro %}

{% macro snowflake__trimmed(text) -%}
    {%- set blanks = [
        32, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202,
        8239, 8287, 12288
    ] -%}
    trim(
        {{ text }},
        '{% for blank in blanks %}{{ "%c" | format(blank) }}{% endfor %}'
    )
{%- endmacro %}


{% macro text_of(value) %}
    {{- return(adapter.dispatch('text_of')(value)) -}}
{% endmacro %}

{% macro duckdb__text_of(value) -%}
    case
        when starts_with(cast({{ value }} as varchar), '"')
            then nullif({{ trimmed("json_extract_string(" ~ value ~ ", '$')") }}, '')
    end
{%- endmacro %}

{% macro snowflake__text_of(value) -%}
    nullif({{ trimmed('as_varchar(' ~ value ~ ')') }}, '')
{%- endmacro %}


{# An id is a text, or an integer as its decimal text. #}
{% macro id_of(value) %}
    {{- return(adapter.dispatch('id_of')(value)) -}}
{% endmacro %}

{% macro duckdb__id_of(value) -%}
    case
        when
            starts_with(cast({{ value }} as varchar), '"')
            or regexp_full_match(cast({{ value }} as varchar), '-?[0-9]+')
            then nullif({{ trimmed("json_extract_string(" ~ value ~ ", '$')") }}, '')
    end
{%- endmacro %}

{% macro snowflake__id_of(value) -%}
    case typeof({{ value }})
        when 'VARCHAR' then nullif({{ trimmed('as_varchar(' ~ value ~ ')') }}, '')
        when 'INTEGER' then cast({{ value }} as varchar)
    end
{%- endmacro %}


{% macro number_of(value) %}
    {{- return(adapter.dispatch('number_of')(value)) -}}
{% endmacro %}

{% macro duckdb__number_of(value) -%}
    try_cast(
        case when cast({{ value }} as varchar) not in ('true', 'false')
            then cast({{ value }} as varchar) end as double
    )
{%- endmacro %}

{% macro snowflake__number_of(value) -%}
    case
        when typeof({{ value }}) in ('INTEGER', 'DECIMAL', 'DOUBLE')
            then cast({{ value }} as double)
    end
{%- endmacro %}


{# A whole number of 64 bits; a fraction or a larger one counts as not said. #}
{% macro integer_of(value) %}
    {{- return(adapter.dispatch('integer_of')(value)) -}}
{% endmacro %}

{% macro duckdb__integer_of(value) -%}
    case
        when regexp_full_match(cast({{ value }} as varchar), '-?[0-9]+')
            then try_cast(cast({{ value }} as varchar) as bigint)
    end
{%- endmacro %}

{% macro snowflake__integer_of(value) -%}
    {#- a bigint of Snowflake has 38 digits; through text, as variants are cast strictly -#}
    {%- set number = 'try_cast(cast(' ~ value ~ ' as varchar) as number(38, 0))' -%}
    case
        when
            typeof({{ value }}) = 'INTEGER'
            and {{ number }} between -9223372036854775808 and 9223372036854775807
            then {{ number }}
    end
{%- endmacro %}


{% macro flag_of(value) %}
    {{- return(adapter.dispatch('flag_of')(value)) -}}
{% endmacro %}

{% macro duckdb__flag_of(value) -%}
    case cast({{ value }} as varchar) when 'true' then true when 'false' then false end
{%- endmacro %}

{% macro snowflake__flag_of(value) -%}
    as_boolean({{ value }})
{%- endmacro %}
