{#
    Seconds between two moments during which the desk was open. `earlier_day` and
    `later_day` name the rows of `dim_business_days` joined to either moment by its UTC
    date: two joins by key per case, whatever lies between. Negative where the later
    moment is the earlier one, as `seconds_between` is; null where either is unknown.
#}
{% macro business_seconds(earlier, later, earlier_day, later_day) -%}
    (
        {{ open_seconds_until(later, later_day) }}
        - {{ open_seconds_until(earlier, earlier_day) }}
    )
{%- endmacro %}


{# Opening seconds from the calendar's first day up to a moment. #}
{% macro open_seconds_until(moment, day) -%}
    (
        {{ day }}.open_seconds_before
        + {{ open_seconds_of_spell(
            moment, day ~ '.first_opens_at', day ~ '.first_closes_at'
        ) }}
        + {{ open_seconds_of_spell(
            moment, day ~ '.second_opens_at', day ~ '.second_closes_at'
        ) }}
    )
{%- endmacro %}


{% macro open_seconds_of_spell(moment, opens_at, closes_at) -%}
    case
        when {{ opens_at }} < {{ moment }}
            then {{ seconds_between(
                opens_at, 'least(' ~ moment ~ ', ' ~ closes_at ~ ')'
            ) }}
        else 0
    end
{%- endmacro %}


{# Minutes since midnight of a wall-clock time written HH:MM; 24:00 is 1440. #}
{% macro minutes_of_clock(clock) -%}
    (
        60 * cast(substr({{ clock }}, 1, 2) as bigint)
        + cast(substr({{ clock }}, 4, 2) as bigint)
    )
{%- endmacro %}
