{# Seconds from one timestamp to another, with their fraction. #}
{% macro seconds_between(earlier, later) %}
    {{- return(adapter.dispatch('seconds_between')(earlier, later)) -}}
{% endmacro %}

{% macro duckdb__seconds_between(earlier, later) -%}
    (date_diff('microsecond', {{ earlier }}, {{ later }}) / 1000000.0)
{%- endmacro %}

{% macro snowflake__seconds_between(earlier, later) -%}
    {#- a decimal quotient would be rounded -#}
    (
        timestampdiff('microsecond', {{ earlier }}, {{ later }})
        / cast(1000000 as double)
    )
{%- endmacro %}


{# A timestamp so many whole hours later; the hours may be negative. #}
{% macro hours_after(moment, hours) %}
    {{- return(adapter.dispatch('hours_after')(moment, hours)) -}}
{% endmacro %}

{% macro duckdb__hours_after(moment, hours) -%}
    ({{ moment }} + to_hours(cast({{ hours }} as bigint)))
{%- endmacro %}

{% macro snowflake__hours_after(moment, hours) -%}
    timestampadd('hour', {{ hours }}, {{ moment }})
{%- endmacro %}


{# A timestamp so many whole minutes later. #}
{% macro minutes_after(moment, minutes) %}
    {{- return(adapter.dispatch('minutes_after')(moment, minutes)) -}}
{% endmacro %}

{% macro duckdb__minutes_after(moment, minutes) -%}
    ({{ moment }} + to_minutes(cast({{ minutes }} as bigint)))
{%- endmacro %}

{% macro snowflake__minutes_after(moment, minutes) -%}
    timestampadd('minute', {{ minutes }}, {{ moment }})
{%- endmacro %}


{# The UTC timestamp of a wall-clock moment in a zone that a column names. #}
{% macro utc_of(moment, zone) %}
    {{- return(adapter.dispatch('utc_of')(moment, zone)) -}}
{% endmacro %}

{% macro duckdb__utc_of(moment, zone) -%}
    ({{ moment }} at time zone {{ zone }} at time zone 'UTC')
{%- endmacro %}

{% macro snowflake__utc_of(moment, zone) -%}
    convert_timezone({{ zone }}, 'UTC', {{ moment }})
{%- endmacro %}


{# A UTC timestamp as the wall clock of `reporting_timezone` shows it. #}
{% macro in_reporting_timezone(moment) %}
    {{- return(adapter.dispatch('in_reporting_timezone')(moment)) -}}
{% endmacro %}

{% macro duckdb__in_reporting_timezone(moment) -%}
    ({{ moment }} at time zone 'UTC' at time zone '{{ var("reporting_timezone") }}')
{%- endmacro %}

{% macro snowflake__in_reporting_timezone(moment) -%}
    convert_timezone('UTC', '{{ var("reporting_timezone") }}', {{ moment }})
{%- endmacro %}


{# The UTC timestamp of a wall-clock moment in `reporting_timezone`. #}
{% macro from_reporting_timezone(moment) %}
    {{- return(adapter.dispatch('from_reporting_timezone')(moment)) -}}
{% endmacro %}

{% macro duckdb__from_reporting_timezone(moment) -%}
    (
        cast({{ moment }} as timestamp)
        at time zone '{{ var("reporting_timezone") }}' at time zone 'UTC'
    )
{%- endmacro %}

{% macro snowflake__from_reporting_timezone(moment) -%}
    convert_timezone(
        '{{ var("reporting_timezone") }}', 'UTC', cast({{ moment }} as timestamp_ntz)
    )
{%- endmacro %}


{# A date moved by whole days, weeks or months. #}
{% macro date_moved(unit, count, date) %}
    {{- return(adapter.dispatch('date_moved')(unit, count, date)) -}}
{% endmacro %}

{% macro duckdb__date_moved(unit, count, date) -%}
    cast({{ date }} + to_{{ unit }}s({{ count }}) as date)
{%- endmacro %}

{% macro snowflake__date_moved(unit, count, date) -%}
    dateadd('{{ unit }}', {{ count }}, {{ date }})
{%- endmacro %}


{# Every date from the first to the last, as a query with the column `date_day`. #}
{% macro date_spine(first_date, last_date) %}
    {{- return(adapter.dispatch('date_spine')(first_date, last_date)) -}}
{% endmacro %}

{% macro duckdb__date_spine(first_date, last_date) -%}
    select cast(day_start as date) as date_day
    from generate_series(
        cast({{ first_date }} as timestamp),
        cast({{ last_date }} as timestamp),
        to_days(1)
    ) as spine (day_start)
{%- endmacro %}

{% macro snowflake__date_spine(first_date, last_date) -%}
    select spine.date_day
    from (
        select
            dateadd('day', row_number() over (order by null) - 1, {{ first_date }})
                as date_day
        from table(generator(rowcount => 100000))
    ) as spine
    where spine.date_day <= {{ last_date }}
{%- endmacro %}


{# The Monday on or before a date; Snowflake's date_trunc asks the session for its week. #}
{% macro week_start(date) %}
    {{- return(adapter.dispatch('week_start')(date)) -}}
{% endmacro %}

{% macro duckdb__week_start(date) -%}
    cast(date_trunc('week', {{ date }}) as date)
{%- endmacro %}

{% macro snowflake__week_start(date) -%}
    cast(dateadd('day', 1 - dayofweekiso({{ date }}), {{ date }}) as date)
{%- endmacro %}


{#
    A timestamp as text to the microsecond, without trailing zeros. A cast would do on
    DuckDB; on Snowflake it asks the session for its format.
#}
{% macro moment_text(moment) %}
    {{- return(adapter.dispatch('moment_text')(moment)) -}}
{% endmacro %}

{% macro duckdb__moment_text(moment) -%}
    cast({{ moment }} as varchar)
{%- endmacro %}

{% macro snowflake__moment_text(moment) -%}
    rtrim(rtrim(to_char({{ moment }}, 'YYYY-MM-DD HH24:MI:SS.FF6'), '0'), '.')
{%- endmacro %}


{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(date) %}
    {{- return(adapter.dispatch('iso_weekday')(date)) -}}
{% endmacro %}

{% macro duckdb__iso_weekday(date) -%}
    isodow({{ date }})
{%- endmacro %}

{% macro snowflake__iso_weekday(date) -%}
    dayofweekiso({{ date }})
{%- endmacro %}
