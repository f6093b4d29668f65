{#
    Refuses a session in which a cast means something else than the models say: on
    Snowflake TIMESTAMP is what the account or the user has set it to.
#}
{% macro check_session() %}
    {{- return(adapter.dispatch('check_session')()) -}}
{% endmacro %}


{% macro duckdb__check_session() -%}
{%- endmacro %}


{% macro snowflake__check_session() -%}
    {%- if execute -%}
        {%- set rows = run_query(
            "show parameters like 'TIMESTAMP_TYPE_MAPPING' in session"
        ) -%}
        {%- set meaning = rows.rows[0]['value'] -%}
        {%- if meaning != 'TIMESTAMP_NTZ' -%}
            {%- do exceptions.raise_compiler_error(
                "TIMESTAMP means " ~ meaning ~ " to " ~ target.user ~ ", and times would"
                " be read in the session's zone; run: alter user " ~ target.user
                ~ " set timestamp_type_mapping = TIMESTAMP_NTZ"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
