-- A check made while two versions were in force would count twice, and nobody could say
-- which of them judged it.
with

policies as (

    select * from {{ ref('policies') }}

)

select
    policies.policy_id,
    policies.policy_version,
    later.policy_version as overlapping_version
from policies
inner join policies as later
    on
        policies.policy_id = later.policy_id
        and policies.policy_version != later.policy_version
        and policies.valid_from <= later.valid_from
        and coalesce(policies.valid_to, cast('9999-12-31' as date)) > later.valid_from
