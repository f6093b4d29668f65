{#
    What people call resolved, from the loosest to the strictest. Each is a column
    `is_…` of definition_bridge_cases and a row of the seed `resolution_definitions`.
#}
{% macro resolution_definitions() -%}
    {{ return([
        'contained',
        'assumed_resolved_24h',
        'assumed_resolved_72h',
        'no_callback_24h',
        'strict_upper',
        'strict_or_informational',
        'strict',
        'durable',
        'audited',
    ]) }}
{%- endmacro %}


{# The hours of silence after which vendors take a case for resolved. #}
{% macro assumed_resolved_hours() -%}
    {{ return([24, 72]) }}
{%- endmacro %}


{# What the comparison of link rules knows: the rules in force, each with those before. #}
{% macro link_rule_sets() -%}
    {{ return(['ticket', 'ticket_and_continued', 'all']) }}
{%- endmacro %}


{#
    The re-contact windows that are compared, in hours: the one in force, and those of the
    setting that are shorter. Of a longer one nothing is known: fct_cases looks for the
    first re-contact within the window in force.
#}
{% macro compared_windows() -%}
    {%- set in_force = var('recontact_window_hours') -%}
    {%- set windows = [] -%}
    {%- for hours in var('compared_windows_hours') if hours < in_force -%}
        {%- do windows.append(hours) -%}
    {%- endfor -%}
    {{ return(windows + [in_force]) }}
{%- endmacro %}


{#
    The chance that `draws` cases drawn without putting back all count, of `trials` of
    which `hits` do: C(hits, draws) / C(trials, draws), as a product of ratios, which no
    factorial overflows. Null where there are fewer cases than draws, since one of the
    ratios is of nothing. Unbiased for p^k:
    Chen et al. 2021 (arXiv:2107.03374) for pass@k, Yao et al. 2024 (arXiv:2406.12045).
#}
{% macro chance_of_all(hits, trials, draws) -%}
    {%- for drawn in range(draws) %}
    {{ '* ' if not loop.first -}}
    {{ rate('greatest(' ~ hits ~ ' - ' ~ drawn ~ ', 0)', trials ~ ' - ' ~ drawn) }}
    {%- endfor %}
{%- endmacro %}
