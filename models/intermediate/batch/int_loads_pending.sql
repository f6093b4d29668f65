{#
    The loads that this build takes in: what the marts do not hold yet. A full build takes
    them all, a backfill none.
#}
{%- set is_part = is_batch() %}

with

loads as (

    {{ loads_in_raw() }}

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
