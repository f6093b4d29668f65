with

policies as (

    select * from {{ ref('policies') }}

)

select
    -- keys
    cast({{ surrogate_key(['policy_id', 'policy_version']) }} as varchar)
        as policy_version_key,
    cast(policy_id as varchar) as policy_id,
    cast(policy_version as varchar) as policy_version,

    -- attributes
    cast(policy_name as varchar) as policy_name,
    cast(severity as varchar) as severity,

    -- flags
    cast(
        valid_from <= cast({{ as_of() }} as date)
        and coalesce(valid_to, cast('9999-12-31' as date)) > cast({{ as_of() }} as date)
        as boolean
    ) as is_in_force,

    -- times
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to
from policies
