-- Rejected records that nothing has mended yet.
select
    rejects.feed,
    rejects.path,
    rejects.line_number,
    rejects.reason,
    rejects.detail,
    rejects.text
from raw.rejected_records as rejects
where
    rejects.feed = ?
    and rejects.line_number is not null
    and not exists (
        select 1
        from raw.reject_outcomes as since
        where
            since.feed = rejects.feed
            and since.path = rejects.path
            and since.line_number = rejects.line_number
            and since.outcome in ('loaded', 'duplicate')
    )
order by rejects.path, rejects.line_number
