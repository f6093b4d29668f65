{#
    What was said. A snapshot says what a build found; only what was published was said.
    So each snapshot is written down with the build that took it (`statements`), each
    publication with the build that it shows (`publications`, kept by orchestration: see
    engines.remember_publications), and a restatement is read from both.
#}


{# A table of the record of what was said, which no model makes. #}
{% macro history(name) -%}
    {{ return(api.Relation.create(
        database=target.database, schema='history', identifier=name
    )) }}
{%- endmacro %}


{% macro create_history() -%}
    {%- set schema = history('statements').schema %}
    {%- if schema not in schema_names() %}
        create schema if not exists {{ target.database }}.{{ schema }};
    {%- endif %}

        create table if not exists {{ history('statements') }} (
            build_id varchar,
            taken_at timestamp,
            as_of timestamp,
            rules varchar,
            macros varchar
        );

        create table if not exists {{ history('publications') }} (
            publication_id varchar,
            build_id varchar,
            as_of timestamp,
            published_at timestamp
        );
{%- endmacro %}


{#
    dbt asks this for the time of every version that a snapshot keeps. One moment for all
    that a build says, so that a version leads to its build.
#}
{% macro snapshot_get_time() -%}
    cast(
        '{{ run_started_at.astimezone(modules.pytz.utc)
            .strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp
    )
{%- endmacro %}


{# Before a snapshot is taken: which build takes it, and by which rules. #}
{% macro record_statement() -%}
    {%- if execute -%}
    insert into {{ history('statements') }}
    select
        '{{ invocation_id }}',
        {{ snapshot_get_time() }},
        {{ as_of() }},
        '{{ rules_fingerprint() }}',
        nullif('{{ env_var("ACSR_MACROS", "") }}', '')
    where not exists (
        select build_id from {{ history('statements') }}
        where build_id = '{{ invocation_id }}'
    )
    {%- endif -%}
{%- endmacro %}


{#
    CTEs `statements` and `moments`. A statement is a snapshot that was published, once or
    more often; they are numbered in their order. For every moment at which a snapshot was
    taken, published or not, `moments` has the first statement from then on: a version that
    was replaced before anything was published was never said.
#}
{% macro said_moments() -%}
taken as (

    select
        build_id,
        min(taken_at) as taken_at,
        min(rules || coalesce(macros, '')) as rules
    from {{ history('statements') }}
    group by all

),

published as (

    select
        build_id,
        min(published_at) as said_at,
        min(as_of) as said_as_of
    from {{ history('publications') }}
    where build_id is not null
    group by all

),

statements as (

    select
        taken.build_id,
        taken.taken_at,
        published.said_at,
        published.said_as_of,
        row_number() over (order by taken.taken_at) as statement_number,
        coalesce(
            lag(taken.rules) over (order by taken.taken_at) != taken.rules, false
        ) as is_under_other_rules
    from taken
    inner join published
        on taken.build_id = published.build_id

),

moments as (

    select
        taken.taken_at,
        min(statements.statement_number) over (
            order by taken.taken_at
            rows between current row and unbounded following
        ) as statement_number
    from taken
    left join statements
        on taken.build_id = statements.build_id

),
{%- endmacro %}


{# CTE `name`: the versions of a snapshot that were said, from which statement to which. #}
{% macro said_versions(name, snapshot) -%}
{{ name }} as (

    select
        versions.*,
        first_said.statement_number as said_from,
        no_longer_said.statement_number as said_until
    from {{ snapshot }} as versions
    inner join moments as first_said
        on versions.dbt_valid_from = first_said.taken_at
    left join moments as no_longer_said
        on versions.dbt_valid_to = no_longer_said.taken_at
    where
        first_said.statement_number is not null
        and (
            no_longer_said.statement_number is null
            or first_said.statement_number < no_longer_said.statement_number
        )

),
{%- endmacro %}


{#
    What was said of the cases of a forgotten customer stays, as figures of nobody: a day
    that was restated must still add up. Their keys, which are made of the ids of sessions
    and tickets, become mere numbers, in the record and in what was made of it last night.
#}
{% macro forget_gone_cases() -%}
    {%- set recorded = history('recorded_cases') -%}
    {%- if load_relation(recorded) is not none -%}
        {%- set gone -%}
            (
                select
                    case_key,
                    'erased-'
                    || (select max(build_number) from {{ ledger('builds') }})
                    || '-' || row_number() over (order by case_key) as erased_key
                from {{ recorded }}
                where
                    exists (
                        select 1
                        from {{ source('raw', 'forgotten') }} as forgotten
                        inner join {{ as_last_built('int_loads_pending') }} as pending
                            on forgotten.load_id = pending.load_id
                    )
                    and case_key in (
                        select node_key from {{ as_last_built('int_nodes_touched') }}
                    )
                    and case_key not in (
                        select case_key from {{ as_last_built('fct_cases') }}
                    )
                group by case_key
            )
        {%- endset -%}
        {%- set restated = as_last_built('kpi_restated_cases') -%}
        {%- if load_relation(restated) is not none %}
        update {{ restated }}
        set case_key = gone.erased_key
        from {{ gone }} as gone
        where {{ restated.identifier }}.case_key = gone.case_key;
        {%- endif %}

        update {{ recorded }}
        set
            case_key = gone.erased_key,
            dbt_scd_id = gone.erased_key || '-' || dbt_valid_from
        from {{ gone }} as gone
        where {{ recorded.identifier }}.case_key = gone.case_key;
    {%- endif -%}
{%- endmacro %}
