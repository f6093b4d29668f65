{%- set z = var('confidence_z') -%}
{%- set last_moment = hours_after(as_of(), -1 * var('abandon_after_hours')) -%}

with

-- the last day of which no case can be waiting any more, and the days before it
windows as (

    select
        {{ date_moved('day', -1, 'last_day') }} as window_end,
        {{ date_moved('day', -1 * var('readiness_window_days'), 'last_day') }}
            as window_start
    from (
        select cast({{ in_reporting_timezone(last_moment) }} as date) as last_day
    ) as days

),

daily as (

    select
        daily.*,
        windows.window_start,
        windows.window_end
    from {{ ref('kpi_daily') }} as daily
    inner join windows
        on daily.opened_on between windows.window_start and windows.window_end
    where
        daily.kpi in (
            'autonomous_resolution_rate', 'autonomous_resolution_rate_upper'
        )

),

intents as (

    select * from {{ ref('intents') }}

),

targets as (

    select target
    from {{ ref('kpi_catalog') }}
    where kpi = 'autonomous_resolution_rate'

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'agent_version' as segment_type

),

counts as (

    select
        daily.window_start,
        daily.window_end,
        daily.intent,
        case segment_types.segment_type
            when 'all' then 'all'
            else daily.agent_name
        end as agent_name,
        case segment_types.segment_type
            when 'all' then 'all'
            else daily.agent_version
        end as agent_version,
        segment_types.segment_type,
        sum(
            case
                when daily.kpi = 'autonomous_resolution_rate' then daily.denominator
                else 0
            end
        ) as handled_cases,
        sum(
            case
                when daily.kpi = 'autonomous_resolution_rate' then daily.numerator
                else 0
            end
        ) as resolved_cases,
        sum(
            case
                when daily.kpi = 'autonomous_resolution_rate_upper'
                    then daily.numerator
                else 0
            end
        ) as possible_cases
    from daily
    cross join segment_types
    group by all

),

valued as (

    select
        counts.*,
        coalesce(intents.is_in_scope, false) as is_in_scope,
        case when intents.is_in_scope then targets.target end as target,
        {{ rate('counts.resolved_cases', 'counts.handled_cases') }} as counted_share,
        {{ rate('counts.possible_cases', 'counts.handled_cases') }} as possible_share
    from counts
    cross join targets
    left join intents
        on counts.intent = intents.intent

),

bounded as (

    select
        *,
        {{ wilson_lower('counted_share', 'handled_cases') }} as interval_lower,
        {{ wilson_upper('counted_share', 'handled_cases') }} as interval_upper,
        {{ wilson_lower('possible_share', 'handled_cases') }} as possible_lower,
        -- Wilson's lower end is at the target where this many cases show this share
        case
            when counted_share > target
                then
                    greatest(
                        ceil(
                            {{ rate(
                                z ~ ' * ' ~ z ~ ' * target * (1 - target)',
                                '(counted_share - target) * (counted_share - target)'
                            ) }} - 1e-9
                        ),
                        {{ var('min_cases') }}
                    )
        end as cases_needed
    from valued
    where handled_cases > 0

)

select
    -- keys
    cast(intent as varchar) as intent,
    cast(segment_type as varchar) as segment_type,
    cast(agent_name as varchar) as agent_name,
    cast(agent_version as varchar) as agent_version,

    -- attributes
    cast(
        case
            when not is_in_scope then 'out_of_scope'
            when handled_cases < {{ var('min_cases') }} then 'too_small'
            when interval_lower >= target then 'ready'
            when possible_lower >= target then 'evidence_missing'
            else 'not_ready'
        end as varchar
    ) as status,

    -- flags
    cast(is_in_scope as boolean) as is_in_scope,

    -- counts
    cast(handled_cases as bigint) as handled_cases,
    cast(resolved_cases as bigint) as resolved_cases,
    cast(possible_cases - resolved_cases as bigint) as undecided_cases,
    cast(cases_needed as bigint) as cases_needed,
    cast(
        case
            when cases_needed > handled_cases then cases_needed - handled_cases
            when cases_needed is not null then 0
        end as bigint
    ) as cases_still_needed,

    -- amounts
    cast(counted_share as double) as resolution_rate,
    cast(interval_lower as double) as interval_lower,
    cast(interval_upper as double) as interval_upper,
    cast(possible_share as double) as resolution_rate_upper,
    cast(target as double) as target,
    {%- for draws in range(1, 9) %}
    cast(
        {{ chance_of_all('resolved_cases', 'handled_cases', draws) }} as double
    ) as all_{{ draws }}_resolved,
    {%- endfor %}

    -- times
    cast(window_start as date) as window_start,
    cast(window_end as date) as window_end
from bounded
