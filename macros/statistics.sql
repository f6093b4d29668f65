{#
    Fisher's interval of a correlation: tanh(atanh(r) -+ z * se), with se = 1 / sqrt(n - 3)
    for Pearson's r (Fisher 1921, Metron 1) and sqrt((1 + r * r / 2) / (n - 3)) for
    Spearman's (Bonett and Wright 2000, Psychometrika 65(1), 23-28). A perfect correlation
    has no width.
#}
{% macro fisher_bound(correlation, pairs, method, sign) -%}
    case
        when abs({{ correlation }}) >= 1 then {{ correlation }}
        when {{ pairs }} > 3
            then tanh(
                atanh({{ correlation }}) {{ sign }} {{ var('confidence_z') }} * sqrt(
                    case
                        when {{ method }} = 'spearman'
                            then 1 + {{ correlation }} * {{ correlation }} * 0.5
                        else 1.0
                    end
                    / cast({{ pairs }} - 3 as double)
                )
            )
    end
{%- endmacro %}


{#
    The standard normal quantile that is exceeded with a probability between 2e-11 and
    0.075: Wichura 1988, algorithm AS 241 (PPND16), Applied Statistics 37(3), 477-484, of
    which this is the middle part, good to 16 digits. Without it, a significance level
    that depends on the number of comparisons would need a table.
#}
{% macro upper_normal_quantile(probability) -%}
    {%- set numerator = [
        '7.74545014278341407640e-4', '2.27238449892691845833e-2',
        '2.41780725177450611770e-1', '1.27045825245236838258e0',
        '3.64784832476320460504e0', '5.76949722146069140550e0',
        '4.63033784615654529590e0', '1.42343711074968357734e0',
    ] -%}
    {%- set denominator = [
        '1.05075007164441684324e-9', '5.47593808499534494600e-4',
        '1.51986665636164571966e-2', '1.48103976427480074590e-1',
        '6.89767334985100004550e-1', '1.67638483018380384940e0',
        '2.05319162663775882187e0', '1.0e0',
    ] -%}
    {%- set place = 'sqrt(-ln(cast(' ~ probability ~ ' as double))) - 1.6' -%}
    {{ rate(horner(numerator, place), horner(denominator, place)) }}
{%- endmacro %}


{# A polynomial by its coefficients, as text: a decimal would lose their digits. #}
{% macro horner(coefficients, argument) -%}
    {%- set sums = namespace(text="cast('" ~ coefficients[0] ~ "' as double)") -%}
    {%- for coefficient in coefficients[1:] -%}
        {%- set sums.text = '(' ~ sums.text ~ ' * (' ~ argument ~ ')' -%}
        {%- set sums.text = sums.text ~ " + cast('" ~ coefficient ~ "' as double))" -%}
    {%- endfor -%}
    {{- sums.text -}}
{%- endmacro %}
