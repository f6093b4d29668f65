{{ config(materialized='view') }}
{# The events of every feed whose records are not canonical events already. #}
{%- for feed, said in adapted_agent_feeds().items() %}
select events.*
from {{ ref(said.model) }} as events
-- a session that a better feed has as well is told by that one
where
    not exists (
        select 1
        from {{ ref('int_session_feeds_chosen') }} as chosen
        where
            chosen.session_key = events.session_key
            and chosen.feed != '{{ feed }}'
    )
{{ 'union all' if not loop.last }}
{%- endfor %}
