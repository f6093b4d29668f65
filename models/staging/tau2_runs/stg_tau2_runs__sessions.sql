{%- set placeholders = var('tau2_placeholder_starts') -%}

with

simulations as (

    select * from {{ source('raw', 'tau2_runs') }}

),

timed as (

    select
        *,
        (
            started_at is not null
            and ended_at is not null
            {% for placeholder in placeholders %}
            and started_at != cast('{{ placeholder }}' as timestamp)
            {% endfor %}
        ) as is_time_known
    from simulations

)

select
    -- keys
    cast({{ surrogate_key(['source_system', 'simulation_id']) }} as varchar)
        as session_key,
    cast(source_system as varchar) as source_system,
    cast(simulation_id as varchar) as session_id,

    -- attributes
    cast(domain as varchar) as domain_name,
    cast(coalesce(agent_implementation, 'unknown') as varchar) as agent_name,
    cast(agent_model as varchar) as agent_version,
    cast(task_id as varchar) as task_id,
    cast(trial as bigint) as trial,
    cast(termination_reason as varchar) as termination_reason,

    -- flags
    cast(is_time_known as boolean) as is_time_known,

    -- amounts
    cast(reward as double) as reward,
    cast(duration_seconds as double) as duration_seconds,
    cast(agent_cost_usd as double) as agent_cost_usd,
    cast(user_cost_usd as double) as user_cost_usd,

    -- times
    cast(run_timestamp as timestamp) as run_started_at,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at,
    cast(
        case
            when is_time_known then started_at
            else coalesce(run_timestamp, started_at, cast('2000-01-01' as timestamp))
        end as timestamp
    ) as placed_at,

    -- lineage
    cast(_file as varchar) as file_path,
    cast(_line as bigint) as line_number,
    cast(_load_id as varchar) as load_id,
    cast(_loaded_at as timestamp) as loaded_at
from timed
