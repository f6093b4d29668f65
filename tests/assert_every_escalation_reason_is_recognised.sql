-- A reason that neither the seed nor its aliases know tells nobody what to improve. A
-- warning: the words of a new agent are data until somebody maps them.
{{ config(severity='warn') }}

select
    stated_reason,
    count(*) as escalation_count
from {{ ref('fct_escalations') }}
where reason_code = 'unrecognised'
group by all
