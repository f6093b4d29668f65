-- A negative handling time pulls the mean down. A warning, because the rules allow it:
-- a ticketing feed may date the creation of a ticket after its closure, and clocks
-- differ.
{{ config(severity='warn') }}

select
    case_key,
    opened_at,
    resolved_at,
    handling_seconds
from {{ ref('fct_cases') }}
where resolved_at < opened_at
