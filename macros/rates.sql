{# The one place that divides. Nothing counted is null, not zero. #}
{% macro rate(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}


{#
    Wilson score interval of a share, clipped to 0..1: Wilson 1927, JASA 22(158), 209-212.
    `trials` may be an effective number (Kish) where the weights are unequal.
#}
{% macro wilson_lower(share, trials) -%}
    {#- of nothing there is no interval; engines differ in what `greatest` makes of null -#}
    case
        when {{ share }} is not null
            then greatest(0.0, {{ wilson_bound(share, trials, '-') }})
    end
{%- endmacro %}

{% macro wilson_upper(share, trials) -%}
    case
        when {{ share }} is not null
            then least(1.0, {{ wilson_bound(share, trials, '+') }})
    end
{%- endmacro %}

{% macro wilson_bound(share, trials, sign) -%}
    {%- set z = var('confidence_z') -%}
    {#- a float: Snowflake rounds the quotients of decimals -#}
    {%- set trials = 'nullif(cast(' ~ trials ~ ' as double), 0)' -%}
    (
        {{ share }} + {{ z }} * {{ z }} / (2 * {{ trials }})
        {{ sign }} {{ z }} * sqrt(
            greatest({{ share }} * (1 - {{ share }}), 0) / {{ trials }}
            + {{ z }} * {{ z }} / (4 * {{ trials }} * {{ trials }})
        )
    ) / (1 + {{ z }} * {{ z }} / {{ trials }})
{%- endmacro %}


{# What a case adds to a sum: an amount where the condition holds, else nothing. #}
{% macro counted(condition, amount=1) -%}
    case when {{ condition }} then {{ amount }} else 0 end
{%- endmacro %}


{#
    A sum of fractions that is the same to the last digit in whatever order rows come:
    added up as decimals, to 12 places. Null where nothing is added.
#}
{% macro exact_sum(amount) -%}
    cast({{ exact_part(amount) }} as double)
{%- endmacro %}


{# A part of such a sum, which can be added up further with no digit lost. #}
{% macro exact_part(amount) -%}
    sum(cast({{ amount }} as decimal(38, 12)))
{%- endmacro %}


{#
    One-sided 95 % bound of the mean behind so many events (Poisson), where the seed
    `violation_bounds` ends: Wilson and Hilferty 1931, PNAS 17(12), 684-688; from 100
    events on within a hundred-thousandth.
#}
{% macro most_events(events) -%}
    {{ cubed_bound('(' ~ events ~ ' + 1)', '+') }}
{%- endmacro %}

{% macro least_events(events) -%}
    {{ cubed_bound(events, '-') }}
{%- endmacro %}

{% macro cubed_bound(events, sign) -%}
    {%- set events = 'cast(' ~ events ~ ' as double)' -%}
    {%- set root -%}
        (1 - 1 / (9 * {{ events }}) {{ sign }} 1.6448536269514722 / (3 * sqrt({{ events }})))
    {%- endset -%}
    {{ events }} * {{ root }} * {{ root }} * {{ root }}
{%- endmacro %}


{#
    Cohen's kappa of two judges who say yes or no, from the number of pairs, those in which
    they agree, and how often each says yes: Cohen 1960, Educ. Psychol. Meas. 20(1), 37-46.
    Null where chance alone would make them agree in all.
#}
{% macro cohens_kappa(pairs, agreed, first_yes, second_yes) -%}
    {%- set by_chance -%}
        (
            {{ first_yes }} * {{ second_yes }}
            + ({{ pairs }} - {{ first_yes }}) * ({{ pairs }} - {{ second_yes }})
        )
    {%- endset -%}
    {{ rate(
        '(' ~ pairs ~ ') * (' ~ agreed ~ ') - ' ~ by_chance,
        '(' ~ pairs ~ ') * (' ~ pairs ~ ') - ' ~ by_chance
    ) }}
{%- endmacro %}
