with

sessions as (

    select * from {{ ref('int_sessions_summarised') }}

),

links as (

    select * from {{ ref('int_sessions_linked') }}

),

roots as (

    select * from {{ ref('int_sessions_rooted') }}

)

select
    sessions.*,
    roots.case_key,
    links.parent_session_key,
    links.link_rule
from sessions
inner join links
    on sessions.session_key = links.session_key
inner join roots
    on sessions.session_key = roots.session_key
