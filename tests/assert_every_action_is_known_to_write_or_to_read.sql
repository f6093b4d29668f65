-- An action that neither says whether it writes nor matches a pattern of the `actions`
-- seed counts as a look-up, and a case that it resolved as unresolved. A warning: add a
-- pattern.
{{ config(severity='warn') }}

select
    action_name,
    count(*) as attempt_count
from {{ ref('fct_actions') }}
where is_kind_unknown and is_automation
group by all
