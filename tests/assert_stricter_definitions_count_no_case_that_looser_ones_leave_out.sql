-- Definitions of "resolved" that ask for more count fewer cases, case by case. Where
-- they cross, a comparison of vendors compares something else.
with

cases as (

    select * from {{ ref('definition_bridge_cases') }}

)

{% for stricter, looser in [
    ('assumed_resolved_24h', 'contained'),
    ('assumed_resolved_72h', 'assumed_resolved_24h'),
    ('no_callback_24h', 'assumed_resolved_72h'),
    ('strict_upper', 'contained'),
    ('strict_or_informational', 'assumed_resolved_72h'),
    ('strict', 'strict_or_informational'),
    ('strict', 'strict_upper'),
    ('durable', 'strict'),
    ('audited', 'contained'),
] -%}
select
    '{{ stricter }}' as stricter,
    '{{ looser }}' as looser,
    case_key
from cases
where is_{{ stricter }} and not coalesce(is_{{ looser }}, true)

{{ 'union all' if not loop.last }}

{% endfor %}
