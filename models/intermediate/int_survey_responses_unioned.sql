{{ config(materialized='view') }}
{%- for adapter in [
    'stg_survey_responses__responses', 'stg_zendesk__responses', 'stg_intercom__responses'
] %}
select * from {{ ref(adapter) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
