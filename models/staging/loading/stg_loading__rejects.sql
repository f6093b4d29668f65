with

rejects as (

    select * from {{ source('raw', 'rejected_records') }}

)

select
    -- keys
    cast(feed as varchar) as feed,
    cast(path as varchar) as file_path,
    cast(line_number as bigint) as line_number,
    cast(load_id as varchar) as load_id,

    -- attributes
    cast(reason as varchar) as reason,
    cast(detail as varchar) as detail,

    -- times
    cast(rejected_at as timestamp) as rejected_at
from rejects
