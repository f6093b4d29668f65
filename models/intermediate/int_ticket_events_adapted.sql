{{ config(materialized='view') }}
{# The ticket events of every feed whose records are not canonical events already. #}
{%- for model in adapted_ticket_feeds().values() %}
select * from {{ ref(model) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
