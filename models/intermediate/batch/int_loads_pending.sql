{#
    The loads that this build takes in: what the marts do not hold yet. A full build takes
    them all, a backfill none.
#}
{%- set is_part = is_batch() %}

with

records as (

    {%- for feed in feeds() %}
    select
        _load_id as load_id,
        count(*) as records
    from {{ source('raw', feed) }}
    group by _load_id
    union all
    {% endfor %}
    -- a customer who is forgotten is a load that takes away
    select
        load_id,
        count(*) as records
    from {{ source('raw', 'forgotten') }}
    group by load_id

),

histories as (

    select
        load_id,
        count(*) as files
    from {{ source('raw', 'load_history') }}
    group by load_id

),

loads as (

    select
        records.load_id,
        cast(coalesce(max(histories.files), 0) as bigint) as files,
        cast(sum(records.records) as bigint) as records
    from records
    left join histories
        on records.load_id = histories.load_id
    group by records.load_id

)

select
    loads.load_id,
    loads.files,
    loads.records
from loads
{% if is_part and is_backfill() -%}
where false
{%- elif is_part -%}
left join {{ ledger('loads_built') }} as built
    on loads.load_id = built.load_id
where built.load_id is null or loads.files > built.files
{%- endif %}
