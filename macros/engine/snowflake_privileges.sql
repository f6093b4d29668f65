{#
    What Snowflake alone has: roles, grants, tags and masking policies. The matrix of
    dbt_project.yml is read here and by orchestration/snowflake/grants.py.
#}
{% macro snowflake_database() -%}
    {{- env_var('SNOWFLAKE_DATABASE', 'ACSR') | upper -}}
{%- endmacro %}

{% macro snowflake_published_database() -%}
    {{- env_var(
        'SNOWFLAKE_PUBLISHED_DATABASE', snowflake_database() ~ '_PUBLISHED'
    ) | upper -}}
{%- endmacro %}

{#
    The matrix as a list of (role, kind, name, privileges), in its order: kind is
    `schema`, `future tables`, ..., name is in full.
#}
{% macro snowflake_matrix() -%}
    {%- set rows = [] -%}
    {%- for role, rights in var('snowflake_privileges').items() -%}
        {%- for subject, privileges in rights.items() -%}
            {%- set words = subject.rsplit(' ', 1) -%}
            {%- set name = words[1]
                | replace('{database}', snowflake_database())
                | replace('{published}', snowflake_published_database()) -%}
            {%- do rows.append((role, words[0], name, privileges)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(rows) -}}
{%- endmacro %}

{#
    Tags the columns of the model at hand that have `meta: {privacy: ...}`, by which the
    policy of the tag masks them. A replaced table has lost its tags, so this is done
    after each build. Nothing on engines that have no tags.
#}
{% macro tag_private_columns() -%}
    {{- return(adapter.dispatch('tag_private_columns')()) -}}
{%- endmacro %}

{% macro default__tag_private_columns() -%}
{%- endmacro %}

{% macro snowflake__tag_private_columns() -%}
    {%- if var('snowflake_masking', true) -%}
        {%- set tag = snowflake_database() ~ '.GOVERNANCE.PRIVACY' -%}
        {%- for column in model.columns.values() -%}
            {%- set privacy = column.get('config', {}).get('meta', {}).get('privacy') -%}
            {%- if privacy %}
alter table {{ this }} modify column {{ column.name }} set tag {{ tag }} = '{{ privacy }}';
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
