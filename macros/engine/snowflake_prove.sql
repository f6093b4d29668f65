{#
    What only a real account can show, as statements with what each must answer. Run them
    after a refresh, by hand and one by one: some of them must fail.
#}
{% macro snowflake_prove() -%}
{%- set database = snowflake_database() -%}
{%- set published = snowflake_published_database() -%}
{%- set tag = database ~ '.GOVERNANCE.PRIVACY' -%}
{%- set private = [] -%}
{%- set clustered = [] -%}
{%- set models = graph.nodes.values() | list if execute else [] -%}
{%- for node in models if node.resource_type == 'model' -%}
    {%- for column in node.columns.values() -%}
        {%- if column.get('config', {}).get('meta', {}).get('privacy') -%}
            {%- do private.append((node.alias | upper, column.name | upper)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if node.config.get('cluster_by') -%}
        {%- do clustered.append(node.alias | upper) -%}
    {%- endif -%}
{%- endfor -%}
{%- set cases = ref('fct_cases').identifier | upper -%}
{%- set staged = ref('stg_agent_events__events').identifier | upper -%}
{%- set judged = ref('int_cases_judged').identifier | upper -%}
-- For a user who holds LOADER, TRANSFORMER, REPORTER and may take ACCOUNTADMIN, after
-- `make refresh`. Rendered from the project, so that it names what there is.

-- 1. Grants are enforced. Each must fail: "does not exist or not authorized".
use secondary roles none;
use role REPORTER;
use warehouse REPORTING;
select count(*) from {{ database }}.RAW.AGENT_EVENTS;
select count(*) from {{ database }}.STAGING.{{ staged }};
select count(*) from {{ database }}.INTERMEDIATE.{{ judged }};
select count(*) from {{ database }}.MARTS.{{ cases }};
select count(*) from {{ published }}.MARTS_PREVIOUS.{{ cases }};
create table {{ published }}.MARTS.INTRUDER as select 1 as id;
delete from {{ published }}.MARTS.{{ cases }};
use warehouse TRANSFORMING;
use role LOADER;
use warehouse TRANSFORMING;
select count(*) from {{ database }}.MARTS.{{ cases }};
create schema {{ database }}.INTRUDER;
grant select on table {{ database }}.RAW.AGENT_EVENTS to role PUBLIC;
use role TRANSFORMER;
delete from {{ database }}.RAW.AGENT_EVENTS;
create schema {{ database }}.INTRUDER;
-- Each must answer.
select count(*) from {{ database }}.RAW.AGENT_EVENTS;
use role REPORTER;
use warehouse REPORTING;
select count(*) from {{ published }}.MARTS.{{ cases }};

-- 2. What the publishing role is shown of the grants: the same rows for both roles. Where
-- TRANSFORMER is shown less or refused, the check of each publication is blind there.
use role TRANSFORMER;
{% for role in ['LOADER', 'TRANSFORMER', 'REPORTER', 'PUBLIC'] -%}
show grants to role {{ role }};
{% endfor -%}
show grants of role REPORTER;
show grants on schema {{ database }}.RAW;
show grants on table {{ published }}.MARTS.{{ cases }};
show future grants in schema {{ published }}.MARTS;
show future grants in database {{ published }};
use role SECURITYADMIN;
{% for role in ['LOADER', 'TRANSFORMER', 'REPORTER', 'PUBLIC'] -%}
show grants to role {{ role }};
{% endfor -%}
show grants of role REPORTER;
show grants on schema {{ database }}.RAW;
show grants on table {{ published }}.MARTS.{{ cases }};
-- Must list SELECT on tables of RAW for TRANSFORMER, and nothing else.
show future grants in schema {{ database }}.RAW;
show future grants in database {{ database }};

-- 3. Masks. The first must count only '***' and nulls, the second must not.
use role REPORTER;
use warehouse REPORTING;
{% for table, column in private -%}
select '{{ table }}.{{ column }}' as what, {{ column }}, count(*) as n
from {{ published }}.MARTS.{{ table }} group by all order by n desc limit 3;
{% endfor -%}
use role TRANSFORMER;
use warehouse TRANSFORMING;
{% for table, column in private -%}
select '{{ table }}.{{ column }}' as what, {{ column }}, count(*) as n
from {{ published }}.MARTS.{{ table }} group by all order by n desc limit 3;
{% endfor -%}
-- Clones and swaps keep tags: one row for each of the {{ private | length }} columns.
{% for table in private | map(attribute=0) | unique -%}
select object_name, column_name, tag_value from table(
    {{ published }}.information_schema.tag_references_all_columns(
        '{{ published }}.MARTS.{{ table }}', 'table'
    )
) where tag_name = 'PRIVACY' and level = 'COLUMN';
{% endfor %}
-- 4. Transient, and without time travel: is_transient YES and retention_time 0 everywhere
-- but in RAW.
{% for schema in ['RAW', 'SEEDS', 'INTERMEDIATE', 'MARTS'] -%}
select table_schema, is_transient, retention_time, count(*) as n
from {{ database }}.information_schema.tables
where table_schema = '{{ schema }}' group by all;
{% endfor -%}
select table_schema, is_transient, retention_time, count(*) as n
from {{ published }}.information_schema.tables
where table_schema like 'MARTS%' group by all;

-- 5. Clustering: average_depth near 1. In the query's profile the share of partitions
-- scanned must be near the share of days asked for.
{% for table in clustered -%}
select system$clustering_information('{{ database }}.MARTS.{{ table }}');
{% endfor -%}
select count(*) from {{ published }}.MARTS.{{ cases }}
where opened_on >= dateadd(day, -7, current_date);

-- 6. The swap. Run this in one window, as often as you can, while `make refresh` runs in
-- another: it must never fail, and never show two publications in one answer.
use role REPORTER;
use warehouse REPORTING;
select
    (select max(published_at) from {{ published }}.MARTS.PUBLICATIONS) as published_at,
    (select count(*) from {{ published }}.MARTS.{{ cases }}) as cases,
    (
        select cast(get(parse_json(row_counts), '{{ cases | lower }}') as bigint)
        from {{ published }}.MARTS.PUBLICATIONS
        qualify row_number() over (order by published_at desc) = 1
    ) as cases_as_published;

-- 7. Cost. Credits by day and warehouse, then what each kind of statement took, then
-- storage in bytes. Views of ACCOUNT_USAGE lag by up to three hours.
use role ACCOUNTADMIN;
select cast(start_time as date) as day, warehouse_name, sum(credits_used) as credits
from snowflake.account_usage.warehouse_metering_history
where start_time >= dateadd(day, -7, current_date) group by all order by day, warehouse_name;
select query_type, count(*) as n, sum(total_elapsed_time) / 1000 as seconds,
    sum(credits_used_cloud_services) as cloud_services_credits
from snowflake.account_usage.query_history
where query_tag = 'acsr' and start_time >= dateadd(day, -1, current_timestamp)
group by all order by seconds desc;
select table_schema, sum(active_bytes) as active,
    sum(time_travel_bytes) as time_travel, sum(failsafe_bytes) as fail_safe
from snowflake.account_usage.table_storage_metrics
where table_catalog in ('{{ database }}', '{{ published }}') group by all;
select * from snowflake.account_usage.automatic_clustering_history
where database_name = '{{ database }}' order by start_time desc limit 20;
{% endmacro %}
