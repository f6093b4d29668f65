with

feeds as (

    {%- for feed in feeds() %}
    select '{{ feed }}' as feed
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

files as (

    select
        feed,
        -- those that took rows away are none
        count(*) - count(case when file_path = '(erased)' then 1 end) as files,
        sum(records) as records,
        sum(loaded) as loaded,
        sum(replaced) as replaced,
        sum(duplicates) as duplicates,
        sum(rejected) as rejected,
        max(last_record_at) as newest_record_at,
        max(finished_at) as last_loaded_at
    from {{ ref('stg_loading__files') }}
    group by all

),

quarantined as (

    select
        feed,
        count(*) as quarantined_files
    from {{ ref('stg_loading__rejects') }}
    where reason = 'unreadable_file'
    group by all

),

known_types as (

    select * from {{ ref('event_types') }}

),

unrecognised as (

    select
        'agent_events' as feed,
        count(*) as unrecognised_events
    from {{ ref('stg_agent_events__events') }} as events
    left join known_types
        on
            events.action_type = known_types.event_type
            and known_types.feed = 'agent_events'
    where known_types.event_type is null

    union all

    select
        'ticket_events' as feed,
        count(*) as unrecognised_events
    from {{ ref('stg_ticket_events__events') }} as events
    left join known_types
        on
            events.event_type = known_types.event_type
            and known_types.feed = 'ticket_events'
    where known_types.event_type is null

),

untimed as (

    select
        'tau2_runs' as feed,
        count(*) as sessions_without_times
    from {{ ref('stg_tau2_runs__sessions') }}
    where not is_time_known

)

select
    -- keys
    cast(feeds.feed as varchar) as feed,

    -- flags
    cast(
        files.newest_record_at is not null
        and {{ hours_after('files.newest_record_at', var('feed_stale_after_hours')) }}
        < {{ as_of() }} as boolean
    ) as is_stale,

    -- counts
    cast(coalesce(files.files, 0) as bigint) as files,
    cast(coalesce(files.records, 0) as bigint) as records,
    cast(coalesce(files.loaded, 0) as bigint) as loaded,
    cast(coalesce(files.replaced, 0) as bigint) as replaced,
    cast(coalesce(files.duplicates, 0) as bigint) as duplicates,
    cast(coalesce(files.rejected, 0) as bigint) as rejected,
    cast(coalesce(quarantined.quarantined_files, 0) as bigint) as quarantined_files,
    cast(coalesce(unrecognised.unrecognised_events, 0) as bigint)
        as unrecognised_events,
    cast(coalesce(untimed.sessions_without_times, 0) as bigint)
        as sessions_without_times,

    -- amounts
    cast({{ seconds_between('files.newest_record_at', as_of()) }} / 3600.0 as double)
        as hours_since_newest_record,

    -- times
    cast(files.newest_record_at as timestamp) as newest_record_at,
    cast(files.last_loaded_at as timestamp) as last_loaded_at
from feeds
left join files
    on feeds.feed = files.feed
left join quarantined
    on feeds.feed = quarantined.feed
left join unrecognised
    on feeds.feed = unrecognised.feed
left join untimed
    on feeds.feed = untimed.feed
