{#
    Says which rules a failed test of `well_formed` found broken: dbt itself says how many.
    A hook, so that nobody has to look for the compiled statement and run it.
#}
{% macro tell_broken_rules(results) -%}
    {%- if execute -%}
        {%- for result in results -%}
            {%- set node = result.node -%}
            {%- if
                node.resource_type == 'test'
                and result.status in ('fail', 'warn')
                and (node.test_metadata or {}).name == 'well_formed'
            -%}
                {%- for row in run_query(node.compiled_code).rows -%}
                    {%- do log(
                        'Broken rule of ' ~ (node.attached_node or node.name).split('.')[-1]
                        ~ ': ' ~ row[0] ~ ' (' ~ row[1] ~ '), ' ~ row[3] ~ ' found'
                        ~ (', such as ' ~ row[2] if row[2] is not none else ''),
                        info=true
                    ) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
