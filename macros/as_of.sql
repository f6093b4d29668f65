{#
    "Now" for every rule, as a UTC timestamp literal: the var `as_of`, else the
    environment's ACSR_AS_OF, else the start of the run. No model reads the clock.
#}
{% macro as_of() -%}
    {%- set stated = var('as_of', '') or env_var('ACSR_AS_OF', '') -%}
    {%- if stated -%}
        {%- set moment = modules.datetime.datetime.fromisoformat(
            (stated | string).replace('Z', '+00:00')
        ) -%}
        {%- if moment.tzinfo is none -%}
            {{ exceptions.raise_compiler_error(
                "as_of '" ~ stated ~ "' has no zone; write it like 2026-06-01T00:00:00Z"
            ) }}
        {%- endif -%}
        {%- set moment = moment.astimezone(modules.pytz.utc) -%}
    {%- else -%}
        {%- set moment = run_started_at.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    cast('{{ moment.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
{%- endmacro %}
