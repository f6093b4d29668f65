-- The history of loads is what we defend the figures with: it must say of every raw
-- table how many rows it holds, or a load was half done or a table changed behind its
-- back.

with

held as (

    {%- for feed in feeds() %}
    select
        '{{ feed }}' as feed,
        count(*) as held_rows
    from {{ source('raw', feed) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

told as (

    select
        feed,
        sum(loaded) - sum(replaced) as told_rows
    from {{ ref('stg_loading__files') }}
    group by all

)

select
    held.feed,
    held.held_rows,
    coalesce(told.told_rows, 0) as told_rows
from held
left join told
    on held.feed = told.feed
where held.held_rows != coalesce(told.told_rows, 0)
