-- What a load made of records that were rejected before.
select
    feed,
    path,
    line_number,
    reason,
    outcome,
    outcome_reason,
    read_from
from raw.reject_outcomes
where load_id = ?
order by feed, path, line_number
