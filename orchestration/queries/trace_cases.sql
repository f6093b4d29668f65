-- The case of a session, or of a ticket, and how it got there.
with

sessions as (

    select * from marts.fct_sessions
    where
        (source_system = ? and session_id = ?)
        or ticket_id = ?

),

cases as (

    select * from marts.fct_cases
    where
        case_id = ?
        or case_key in (select sessions.case_key from sessions)

)

select
    cases.case_key,
    cases.case_id,
    sessions.session_id,
    sessions.link_rule,
    cases.opened_on,
    cases.outcome,
    cases.first_blocker,
    cases.is_eligible,
    cases.is_handled
from cases
left join sessions
    on cases.case_key = sessions.case_key
order by cases.opened_at, cases.case_key, sessions.started_at, sessions.session_id
limit 100
