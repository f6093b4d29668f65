{# A ticket is (ticket system, ticket id), whichever feed speaks of it. #}
{% macro ticket_key(ticket_system, ticket_id) -%}
    {{ surrogate_key(["'ticket'", ticket_system, ticket_id]) }}
{%- endmacro %}
