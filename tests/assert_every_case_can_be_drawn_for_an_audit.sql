-- A sample says nothing of cases that could never be drawn: one rule must fit every
-- case, and each rate be a chance above nothing.
with

strata as (

    select * from {{ ref('audit_strata') }}

),

catch_all as (

    select count(*) as rules
    from strata
    where
        policy_leg is null and outcome is null and tier is null and intent is null

)

select
    'no rule fits every case' as problem,
    cast(null as varchar) as stratum
from catch_all
where rules = 0

union all

select
    'its rate is no chance above 0 and up to 1' as problem,
    stratum
from strata
where sampling_rate is null or sampling_rate <= 0 or sampling_rate > 1
