-- What the history says of a file.
select
    feed,
    path,
    content_sha256,
    load_id,
    records,
    loaded,
    duplicates,
    rejected
from raw.load_history
where path = ?
order by started_at desc
