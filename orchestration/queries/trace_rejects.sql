-- Rejected records, by file and line or by an id that their text names, each with what
-- became of it since.
with

rejects as (

    select * from raw.rejected_records
    where (path = ? and line_number = ?) or contains(text, ?)

),

outcomes as (

    select * from raw.reject_outcomes
    where path = ? and line_number = ?

),

known as (

    select
        feed,
        path,
        line_number,
        reason,
        detail,
        load_id,
        text
    from rejects

    union all

    select
        outcomes.feed,
        outcomes.path,
        outcomes.line_number,
        outcomes.reason,
        null as detail,
        outcomes.rejected_by as load_id,
        null as text
    from outcomes
    where not exists (
        select 1
        from rejects
        where
            rejects.feed = outcomes.feed
            and rejects.path = outcomes.path
            and rejects.line_number = outcomes.line_number
    )

)

select
    known.feed,
    known.path,
    known.line_number,
    known.reason,
    known.detail,
    known.load_id,
    since.outcome,
    since.outcome_reason,
    since.read_from,
    since.load_id as outcome_load_id
from known
left join raw.reject_outcomes as since
    on
        known.feed = since.feed
        and known.path = since.path
        and known.line_number = since.line_number
order by known.path, known.line_number, since.decided_at desc
limit 100
