{{ config(materialized='view') }}
{# The events of every feed whose records are not canonical events already. #}
{%- for feed, said in adapted_agent_feeds().items() %}
select events.*
from {{ ref(said.model) }} as events
left join {{ ref('int_session_feeds_chosen') }} as chosen
    on events.session_key = chosen.session_key
-- a session that a better feed has as well is told by that one
where coalesce(chosen.feed, '{{ feed }}') = '{{ feed }}'
{{ 'union all' if not loop.last }}
{%- endfor %}
