{#
    All that a relation promises of its rows, asked in one go: a test costs dbt and
    Dagster the same, however much it asks. One row per broken rule: the rule, its column
    or columns, one value that breaks it, and how many do.

    grain            columns that no two rows share; null is a value like any other
    unique           further lists of such columns
    not_null         columns
    accepted_values  column: values; null passes
    relationships    column: {to: relation, field: its column}; null passes
#}
{% test well_formed(
    model, grain=[], unique=[], not_null=[], accepted_values={}, relationships={}
) %}

{%- set rules = [] -%}
{%- set counts = [] -%}
{%- for column in not_null -%}
    {%- set failures = 'nulls_' ~ loop.index -%}
    {%- do counts.append('count_if(' ~ column ~ ' is null) as ' ~ failures) -%}
    {%- do rules.append(
        ('not_null', column, 'cast(null as varchar)', failures, 'counted')
    ) -%}
{%- endfor -%}
{%- for column, values in accepted_values.items() -%}
    {%- set failures, example = 'others_' ~ loop.index, 'other_' ~ loop.index -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(
            dbt.string_literal(dbt.escape_single_quotes(value)) if value is string
            else value
        ) -%}
    {%- endfor -%}
    {%- set is_other = column ~ ' not in (' ~ literals | join(', ') ~ ')' -%}
    {%- do counts.append('count_if(' ~ is_other ~ ') as ' ~ failures) -%}
    {%- do counts.append(
        'min(case when ' ~ is_other ~ ' then cast(' ~ column ~ ' as varchar) end) as '
        ~ example
    ) -%}
    {%- do rules.append(('accepted_values', column, example, failures, 'counted')) -%}
{%- endfor -%}

with

{% if counts -%}
counted as (

    select
        {{ counts | join(',\n        ') }}
    from {{ model }}

),

{% endif -%}
{% for columns in ([grain] if grain else []) + unique -%}
repeated_{{ loop.index }} as (

    select
        {% for column in columns -%}
        coalesce(cast({{ column }} as varchar), 'null')
        {{- " || ', ' || " if not loop.last }}
        {%- endfor %} as example
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1

),

{% do rules.append((
    'grain' if grain and loop.first else 'unique', columns | join(', '),
    'min(example)', 'count(*)', 'repeated_' ~ loop.index
)) -%}
{% endfor -%}
{% for column, referred in relationships.items() -%}
unrelated_{{ loop.index }} as (

    select cast(stated.{{ column }} as varchar) as example
    from (select {{ column }} from {{ model }}) as stated
    left join {{ referred['to'] }} as known
        on stated.{{ column }} = known.{{ referred['field'] }}
    where stated.{{ column }} is not null and known.{{ referred['field'] }} is null

),

{% do rules.append(
    ('relationships', column, 'min(example)', 'count(*)', 'unrelated_' ~ loop.index)
) -%}
{% endfor -%}
broken as (

    {% for rule, columns, example, failures, source in rules -%}
    select
        '{{ rule }}' as rule,
        '{{ columns }}' as columns,
        {{ example }} as example,
        {{ failures }} as failures
    from {{ source }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select *
from broken
where failures > 0

{% endtest %}
