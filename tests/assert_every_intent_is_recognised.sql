-- An intent that the seed does not know is in no scope, has no tier of its own and
-- never counts as informational. A warning: add it to the `intents` seed, or an alias.
{{ config(severity='warn') }}

select
    intent,
    case_count
from {{ ref('dim_intents') }}
where not is_recognised and intent != 'unknown'
