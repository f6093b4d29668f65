{# Surveys and audits share no identity with events, nor with each other. #}
{% macro response_key(source_system, response_id) -%}
    {{ surrogate_key(["'survey'", source_system, response_id]) }}
{%- endmacro %}

{% macro audit_key(source_system, audit_id) -%}
    {{ surrogate_key(["'audit'", source_system, audit_id]) }}
{%- endmacro %}
