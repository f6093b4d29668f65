with

sessions as (

    select * from {{ ref('fct_sessions') }}
    where is_production

)

select
    -- keys
    cast(coalesce(agent_name, 'unknown') as varchar) as agent_name,
    cast(coalesce(agent_version, 'unknown') as varchar) as agent_version,

    -- counts
    cast(count(*) as bigint) as session_count,

    -- times
    cast(min(started_at) as timestamp) as first_seen_at,
    cast(max(started_at) as timestamp) as last_seen_at
from sessions
group by all
