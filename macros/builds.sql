{#
    The project's own record of builds, in the schema `intermediate`: which loads the marts
    hold (`loads_built`), and what each complete build did (`builds`). Hooks write it:
    dbt_project.yml, `on-run-start` and `on-run-end`.
#}


{% macro is_build() -%}
    {{ return(execute and flags.WHICH in ('run', 'build')) }}
{%- endmacro %}


{# A backfill rebuilds a window of days; it takes nothing in. #}
{% macro is_backfill() -%}
    {{ return(var('rebuild_from', '') != '') }}
{%- endmacro %}


{% macro create_ledger() -%}
    {%- if is_build() %}
        {#- a role that may not make schemas may not ask for one that is there, either #}
        {%- set schema = ledger('builds').schema %}
        {%- if schema not in schema_names() %}
        create schema if not exists {{ target.database }}.{{ schema }};
        {%- endif %}

        {{ create_history() }}

        create table if not exists {{ ledger('loads_built') }} (
            load_id varchar,
            files bigint
        );

        create table if not exists {{ ledger('builds') }} (
            build_number bigint,
            build_id varchar,
            is_full boolean,
            loads bigint,
            records bigint,
            sessions bigint,
            cases bigint,
            days bigint,
            rules varchar,
            macros varchar,
            as_of timestamp,
            finished_at timestamp
        );
    {%- endif %}
{%- endmacro %}


{# A table that is gone can be had again from the whole history only. #}
{% macro distrust_ledger() -%}
    {%- if is_build() and is_batch() and missing_relations() %}
        {%- do log(
            'building everything: there is no ' ~ missing_relations() | join(', '),
            info=true
        ) %}
        delete from {{ ledger('builds') }}
    {%- endif %}
{%- endmacro %}


{% macro missing_relations() -%}
    {%- set missing = [] -%}
    {%- for node in graph.nodes.values() -%}
        {%- if node.config.materialized in ('incremental', 'seed') -%}
            {%- set relation = api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.alias
            ) -%}
            {%- if load_relation(relation) is none -%}
                {%- do missing.append(node.name) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(missing) }}
{%- endmacro %}


{#
    What is written once every model of the project was built and no test failed. Until
    then a batch stays pending, with all that it touched: the next build does it again,
    whole, and tests it again.
#}
{% macro is_complete(results) -%}
    {%- if not is_build() or is_backfill() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set built = [] -%}
    {%- set missing = [] -%}
    {%- for result in results -%}
        {%- if result.status == 'success' -%}
            {%- do built.append(result.node.unique_id) -%}
        {%- elif result.node.resource_type == 'test'
            and result.status not in ('pass', 'warn') -%}
            {%- do missing.append(result.node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() -%}
        {#- what waits for the night holds nothing that a batch has to do -#}
        {%- if
            node.resource_type == 'model'
            and 'nightly' not in node.tags
            and node.unique_id not in built
        -%}
            {%- do missing.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(not missing) }}
{%- endmacro %}


{% macro complete_build(results) -%}
    {%- if is_complete(results) %}
        {%- set is_full = not is_batch() %}
        {#- told first, forgotten last: whoever is killed in between does it all again #}
        insert into {{ ledger('builds') }}
        select
            coalesce(
                (select max(build_number) from {{ ledger('builds') }}), 0
            ) + 1,
            '{{ invocation_id }}',
            {{ is_full }},
            (select count(*) from {{ as_last_built('int_loads_pending') }}),
            (
                select coalesce(sum(records), 0)
                from {{ as_last_built('int_loads_pending') }}
            ),
            (select count(*) from {{ as_last_built('int_sessions_summarised') }}),
            (select count(*) from {{ as_last_built('int_cases_described') }}),
            (
                select count(distinct opened_on)
                from {{ as_last_built('int_cases_described') }}
            ),
            '{{ rules_fingerprint() }}',
            nullif('{{ env_var("ACSR_MACROS", "") }}', ''),
            {{ as_of() }},
            cast(
                '{{ modules.datetime.datetime.now(modules.pytz.utc)
                    .strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp
            );

        {#- as many files as were there: a load that goes on is pending again #}
        delete from {{ ledger('loads_built') }}
        where load_id in (
            select pending.load_id
            from {{ as_last_built('int_loads_pending') }} as pending
        );

        insert into {{ ledger('loads_built') }}
        select
            load_id,
            files
        from {{ as_last_built('int_loads_pending') }};

        {{ forget_gone_cases() }}

        delete from {{ as_last_built('int_nodes_changed') }};

        delete from {{ as_last_built('int_days_touched') }};

        delete from {{ as_last_built('int_hours_touched') }};
    {%- endif %}
{%- endmacro %}
