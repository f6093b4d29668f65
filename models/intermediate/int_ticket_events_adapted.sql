{{ config(materialized='view') }}
{#
    The ticket events of every feed whose records are not canonical events already. A new
    adapter of a helpdesk has its line here, and one in int_nodes_changed.
#}
{%- for adapter in [
    'stg_servicenow_incidents__events', 'stg_zendesk__events', 'stg_intercom__events'
] %}
select * from {{ ref(adapter) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
