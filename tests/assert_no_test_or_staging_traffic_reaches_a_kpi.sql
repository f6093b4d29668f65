-- Tests resolve everything and staging nothing; either moves the headline figure
-- without a single customer behind it.
with

measured as (

    select case_key from {{ ref('int_cases_measured') }}

)

select
    'a session that is no production' as fault,
    measured.case_key
from measured
inner join {{ ref('fct_sessions') }} as sessions
    on measured.case_key = sessions.case_key
where
    not sessions.is_production
    or sessions.is_test
    or coalesce(sessions.environment, 'production') not in ('production', 'prod')

union all

select
    'a ticket that is a test' as fault,
    measured.case_key
from measured
inner join {{ ref('int_case_tickets_joined') }} as tickets
    on measured.case_key = tickets.case_key
where tickets.is_test

union all

select
    'a case that is not eligible' as fault,
    measured.case_key
from measured
inner join {{ ref('fct_cases') }} as cases
    on measured.case_key = cases.case_key
where not cases.is_eligible
