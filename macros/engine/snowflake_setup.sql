{#
    The set-up script of a Snowflake account: every statement may be run again, and
    running it again mends what has drifted, except that it revokes nothing: what is in
    force and not declared is found by the check after each publication.
#}
{% macro snowflake_setup() -%}
{%- set database = snowflake_database() -%}
{%- set published = snowflake_published_database() -%}
{%- set roles = ['LOADER', 'TRANSFORMER', 'REPORTER'] -%}
{%- set masking = var('snowflake_masking', true) -%}
-- Rendered from dbt_project.yml: change it there, and render it again.
-- For a user who may take ACCOUNTADMIN; it can be run again at any time.

-- 1. Roles
use role USERADMIN;
create role if not exists LOADER
    comment = 'Writes {{ database }}.RAW';
create role if not exists TRANSFORMER
    comment = 'Reads {{ database }}.RAW, owns the other schemas and {{ published }}';
create role if not exists REPORTER
    comment = 'Reads {{ published }}.MARTS';
use role SECURITYADMIN;
{% for role in roles -%}
grant role {{ role }} to role SYSADMIN;
{% endfor %}
-- 2. Warehouses. Loading and building follow each other and share one: apart, each
-- refresh would wake two, and each bills at least a minute. Readers have their own, so
-- that they wait for no build. Nothing is suspended or resized that is there already.
use role SYSADMIN;
create warehouse if not exists TRANSFORMING
    warehouse_size = XSMALL
    auto_suspend = 60
    auto_resume = true
    initially_suspended = true
    statement_timeout_in_seconds = 1800
    comment = 'Loading, dbt and publishing';
create warehouse if not exists REPORTING
    warehouse_size = XSMALL
    auto_suspend = 60
    auto_resume = true
    initially_suspended = true
    statement_timeout_in_seconds = 300
    comment = 'Readers of {{ published }}';

-- 3. Databases and schemas. RAW cannot be rebuilt once the landed files are gone, nor
-- HISTORY, which holds what was said: they are permanent. The rest is replaced whole by each refresh: transient, without time travel,
-- or every replaced table would be kept and billed. In a schema with managed access the
-- owner of a table cannot give it away.
create database if not exists {{ database }};
create schema if not exists {{ database }}.RAW with managed access;
create schema if not exists {{ database }}.HISTORY;
{% for schema in ['SEEDS', 'STAGING', 'INTERMEDIATE', 'MARTS'] -%}
create transient schema if not exists {{ database }}.{{ schema }}
    data_retention_time_in_days = 0;
{% endfor -%}
drop schema if exists {{ database }}.PUBLIC;
create transient database if not exists {{ published }}
    data_retention_time_in_days = 0;
create transient schema if not exists {{ published }}.MARTS
    data_retention_time_in_days = 0;
drop schema if exists {{ published }}.PUBLIC;

-- 4. Masks, by tag (Enterprise Edition). The role in use decides, not the roles that
-- come with it: a loader and a transformer must read what they compare and join.
create schema if not exists {{ database }}.GOVERNANCE with managed access;
{% if masking -%}
create tag if not exists {{ database }}.GOVERNANCE.PRIVACY
    allowed_values 'identifier', 'pseudonym', 'free_text'
    comment = 'Columns about customers, or in which anything may be written';
create masking policy if not exists {{ database }}.GOVERNANCE.MASK_TEXT
    as (value varchar) returns varchar -> '***';
alter masking policy {{ database }}.GOVERNANCE.MASK_TEXT set body ->
    case
        when current_role() in ('LOADER', 'TRANSFORMER') then value
        when value is not null then '***'
    end;
create masking policy if not exists {{ database }}.GOVERNANCE.MASK_JSON
    as (value variant) returns variant -> to_variant('***');
alter masking policy {{ database }}.GOVERNANCE.MASK_JSON set body ->
    case
        when current_role() in ('LOADER', 'TRANSFORMER') then value
        when value is not null then to_variant('***')
    end;
use role ACCOUNTADMIN;
alter tag {{ database }}.GOVERNANCE.PRIVACY set
    masking policy {{ database }}.GOVERNANCE.MASK_TEXT,
    masking policy {{ database }}.GOVERNANCE.MASK_JSON
    force;
{%- else -%}
-- snowflake_masking is false: readers see what the marts hold.
{%- endif %}

-- 5. Privileges: the matrix of dbt_project.yml, role by role
use role SECURITYADMIN;
{%- for role, kind, name, privileges in snowflake_matrix() %}
{{- _snowflake_grants(role, kind, name, privileges) if masking or kind != 'tag' -}}
{%- endfor %}

-- 6. The user that refreshes, logged in by key pair. Fill in the public key, its lines
-- joined, and run it by hand. No secondary roles: each job has the rights of one role.
-- use role USERADMIN;
-- create user if not exists ACSR_PIPELINE
--     type = service
--     default_role = TRANSFORMER
--     default_warehouse = TRANSFORMING
--     default_secondary_roles = ()
--     rsa_public_key = '<public key>';
-- use role SECURITYADMIN;
-- grant role LOADER to user ACSR_PIPELINE;
-- grant role TRANSFORMER to user ACSR_PIPELINE;
-- grant role REPORTER to user ACSR_PIPELINE;      -- for `make report`
-- grant role REPORTER to user <reader>;

-- 7. A limit on what both warehouses may spend in a month. Fill in the credits.
-- use role ACCOUNTADMIN;
-- create resource monitor if not exists ACSR with
--     credit_quota = <credits>
--     frequency = monthly
--     start_timestamp = immediately
--     triggers on 80 percent do notify on 100 percent do suspend;
-- alter warehouse TRANSFORMING set resource_monitor = ACSR;
-- alter warehouse REPORTING set resource_monitor = ACSR;

-- 8. A landing root that is a bucket. The loader reads what landed with its own
-- credentials and validates it. Without this stage it then uploads load files to
-- Snowflake; with it, it writes them below `_load_files/` in the bucket, where COPY
-- reads them, and removes them. The address must be the one in ACSR_LANDING. Declare
-- what it grants in dbt_project.yml too, under LOADER:
-- `integration ACSR_LANDING: [usage]`.
-- use role ACCOUNTADMIN;
-- create storage integration if not exists ACSR_LANDING
--     type = external_stage
--     storage_provider = 'S3'
--     storage_aws_role_arn = '<role>'
--     enabled = true
--     storage_allowed_locations = ('s3://<bucket>/<prefix>/');
-- grant usage on integration ACSR_LANDING to role LOADER;
-- use role LOADER;
-- create file format if not exists {{ database }}.RAW.JSON_LINES
--     type = json compression = auto;
-- create stage if not exists {{ database }}.RAW.LANDING
--     storage_integration = ACSR_LANDING
--     url = 's3://<bucket>/<prefix>/'
--     file_format = {{ database }}.RAW.JSON_LINES;
{% endmacro %}

{% macro _snowflake_grants(role, kind, name, privileges) -%}
    {%- if kind == 'role' %}
grant role {{ name }} to role {{ role }};
    {%- elif kind == 'future tables' -%}
        {%- for privilege in privileges %}
grant {{ privilege }} on all tables in schema {{ name }} to role {{ role }};
grant {{ privilege }} on future tables in schema {{ name }} to role {{ role }};
        {%- endfor -%}
    {%- elif kind not in ('tables', 'objects') -%}
        {%- for privilege in privileges %}
grant {{ privilege }} on {{ kind }} {{ name }} to role {{ role }}
            {{- ' copy current grants' if privilege == 'ownership' }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
