{# The case of each session: its tree, which is known by its root. #}
with recursive

links as (

    select * from {{ ref('int_sessions_linked') }}

),

trees as (

    select
        session_key,
        session_key as root_session_key
    from links
    where parent_session_key is null

    union all

    select
        links.session_key,
        trees.root_session_key
    from links
    inner join trees
        on links.parent_session_key = trees.session_key

)

select
    session_key,
    root_session_key as case_key
from trees
