{{ config(materialized='view') }}
{#
    The events of every feed whose records are not canonical events already. A new adapter
    of an agent's log has its line here, and one in int_nodes_changed.
#}
{%- for adapter in ['stg_tau2_runs__events', 'stg_otel_spans__events'] %}
select * from {{ ref(adapter) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
