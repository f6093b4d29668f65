{{ config(materialized='incremental', incremental_strategy='append') }}
{#
    The days on which a touched case opened, as the marts still have it: it may open on
    another one now, or be gone. Kept until a build is complete.
#}
{% if is_batch() -%}
with

cases as (

    select * from {{ as_last_built('fct_cases') }}

)

select distinct cases.opened_on
from cases
where {{ touched('cases.case_key') }}
{%- else -%}
select cast(null as date) as opened_on
where false
{%- endif %}
