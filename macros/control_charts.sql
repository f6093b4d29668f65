{#
    What a control chart takes from the cases of a day: Laney's p' for shares, Wheeler's XmR
    for all else. Laney 2002, Quality Engineering 14(4), 531-537.
#}

{#
    The binomial standard deviation of a day's share around the usual one. No less than one
    case in either direction: where next to nothing is usual, the normal approximation says
    that a single case is out of the usual.
#}
{% macro share_deviation(centre, trials) -%}
    (
        sqrt(greatest({{ trials }} * {{ centre }} * (1 - {{ centre }}), 1))
        / {{ trials }}
    )
{%- endmacro %}


{# The standard deviation that a mean moving range of two stands for: d2 = 1.128. #}
{% macro deviation_of_range(mean_range) -%}
    ({{ mean_range }} / 1.128)
{%- endmacro %}


{# The first day, in the reporting time zone, of which alerts are listed. #}
{% macro first_day_of_alerts() -%}
    {{ date_moved(
        'day',
        -var('alert_days'),
        'cast(' ~ in_reporting_timezone(as_of()) ~ ' as date)'
    ) }}
{%- endmacro %}
