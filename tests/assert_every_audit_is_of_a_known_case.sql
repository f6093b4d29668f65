-- An audit of a session or ticket that no log or helpdesk tells of is kept, but counts
-- nowhere: a wrong id, or a feed that is missing. A warning, since it may land yet.
{{ config(severity='warn') }}

select
    audit_key,
    source_system,
    session_id,
    ticket_id
from {{ ref('fct_audits') }}
where case_key is null
