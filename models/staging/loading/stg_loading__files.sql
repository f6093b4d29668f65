with

files as (

    select * from {{ source('raw', 'load_history') }}

)

select
    -- keys
    cast(feed as varchar) as feed,
    cast(path as varchar) as file_path,
    cast(content_sha256 as varchar) as content_sha256,
    cast(load_id as varchar) as load_id,

    -- counts
    cast(bytes as bigint) as file_bytes,
    cast(records as bigint) as records,
    cast(loaded as bigint) as loaded,
    cast(replaced as bigint) as replaced,
    cast(duplicates as bigint) as duplicates,
    cast(rejected as bigint) as rejected,

    -- times
    cast(first_timestamp as timestamp) as first_record_at,
    cast(last_timestamp as timestamp) as last_record_at,
    cast(started_at as timestamp) as started_at,
    cast(finished_at as timestamp) as finished_at
from files
