{#
    All nodes that the seeds reach over links, as the CTE `reached` (node_key). Snowflake's
    recursion keeps no set of what it has met, so there the walk is written out, step by
    step; should it not end by then, everything is reached.
#}
{% macro closure(seeds, links) %}
    {{- return(adapter.dispatch('closure')(seeds, links)) -}}
{% endmacro %}


{% macro duckdb__closure(seeds, links) -%}
reached as (

    select node_key from {{ seeds }}

    union

    select {{ links }}.neighbour_key as node_key
    from reached
    inner join {{ links }}
        on reached.node_key = {{ links }}.node_key

)
{%- endmacro %}


{% macro snowflake__closure(seeds, links, steps=12) -%}
reached_0 as (

    select
        node_key,
        true as is_new
    from {{ seeds }}

),
{%- for step in range(1, steps + 1) %}

reached_{{ step }} as (

    select
        node_key,
        max(steps_ago) = 0 as is_new
    from (
        select
            node_key,
            1 as steps_ago
        from reached_{{ step - 1 }}

        union all

        select
            {{ links }}.neighbour_key as node_key,
            0 as steps_ago
        from reached_{{ step - 1 }}
        inner join {{ links }}
            on reached_{{ step - 1 }}.node_key = {{ links }}.node_key
        where reached_{{ step - 1 }}.is_new
    ) as met
    group by node_key

),
{%- endfor %}

reached as (

    select node_key from reached_{{ steps }}

    union distinct

    select {{ links }}.node_key
    from {{ links }}
    where exists (select 1 from reached_{{ steps }} where is_new)

)
{%- endmacro %}
