-- Whoever mends a feed works by reason: one that is not on the list belongs to no one's
-- work, and a list that grows by itself is no list.
select
    feed,
    file_path,
    line_number,
    reason
from {{ ref('stg_loading__rejects') }}
where
    reason is null
    or not (
        reason in ('not_json', 'not_an_object', 'oversize', 'unreadable_file')
        or (
            (reason like 'missing!_%' escape '!' or reason like 'invalid!_%' escape '!')
            and length(reason) > length('missing_')
            and translate(reason, 'abcdefghijklmnopqrstuvwxyz0123456789_', '') = ''
        )
    )
