{#
    The pseudonym of a customer. The loader hashes `customer_id` with a key that only it
    holds; `customer_id_scope: source_system` keeps equal ids of two systems apart.
#}
{% macro customer_key(hashed, source_system) -%}
    {%- if var('customer_id_scope') == 'source_system' -%}
        case
            when {{ hashed }} is not null
                then {{ surrogate_key([source_system, hashed]) }}
        end
    {%- else -%}
        {{ hashed }}
    {%- endif -%}
{%- endmacro %}
