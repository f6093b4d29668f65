-- Sessions form trees: a session in no case is a customer who is not counted, one in
-- two cases is counted twice, and a parent that starts later would close a ring.
with

logged as (
    {% for adapter in ['stg_agent_events__measures', 'int_agent_events_adapted'] %}
    select
        source_system,
        session_id
    from {{ ref(adapter) }}
    {%- if tests_the_batch() %}
    where (source_system, session_id) in (
        select
            source_system,
            session_id
        from {{ as_last_built('int_nodes_touched') }}
    )
    {%- endif %}
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

links as (

    select * from {{ ref('int_sessions_linked') }}

),

sessions_by_case as (

    select
        case_key,
        count(*) as session_count
    from sessions
    where {{ is_tested('session_key') }}
    group by all

)

select
    'logged, but in no case or in several' as fault,
    logged.session_id as subject
from logged
left join sessions
    on
        logged.source_system = sessions.source_system
        and logged.session_id = sessions.session_id
group by logged.source_system, logged.session_id
having count(sessions.session_key) != 1

union all

select
    'its case counts other sessions' as fault,
    cases.case_key as subject
from {{ ref('fct_cases') }} as cases
left join sessions_by_case
    on cases.case_key = sessions_by_case.case_key
where
    {{ is_tested('cases.case_key') }}
    and cases.session_count != coalesce(sessions_by_case.session_count, 0)

union all

select
    'its parent starts later or is of another case' as fault,
    later.session_id as subject
from links
inner join sessions as later
    on links.session_key = later.session_key
left join sessions as parents
    on links.parent_session_key = parents.session_key
where
    links.parent_session_key is not null
    and (
        parents.session_key is null
        or parents.started_at > later.started_at
        or (
            parents.started_at = later.started_at
            and parents.session_id > later.session_id
        )
        or parents.session_key = later.session_key
        or parents.case_key != later.case_key
        or parents.is_production != later.is_production
    )

union all

select
    'it has a rule without a parent, or a parent without a rule' as fault,
    session_id as subject
from sessions
where (link_rule is null) != (parent_session_id is null)
