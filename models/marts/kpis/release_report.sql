{#
    One version of an agent against the one before, among the cases around its first day.
    The row of all intents is weighed by the new version's own mix of intents: what would
    the version before have made of these cases?
#}
{%- set days = var('release_window_days') -%}

with

daily as (

    select
        opened_on,
        agent_name,
        agent_version,
        intent,
        kpi,
        {{ exact_sum('numerator') }} as numerator,
        {{ exact_sum('denominator') }} as denominator
    from {{ ref('kpi_daily') }}
    where
        kpi in (
            {%- for kpi in explained_kpis() %}
            '{{ kpi }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
        and agent_version != 'unknown'
    group by all

),

catalog as (

    select * from {{ ref('kpi_catalog') }}

),

first_days as (

    select
        agent_name,
        agent_version,
        min(opened_on) as released_on
    from daily
    where denominator > 0
    group by all

),

ordered as (

    select
        agent_name,
        agent_version,
        released_on,
        lag(agent_version) over (
            partition by agent_name order by released_on, agent_version
        ) as previous_version
    from first_days

),

releases as (

    select
        *,
        {{ date_moved('day', -1 * days, 'released_on') }} as window_start,
        {{ date_moved('day', days, 'released_on') }} as window_end
    from ordered
    where previous_version is not null

),

sides as (

    select
        releases.agent_name,
        releases.agent_version,
        daily.intent,
        daily.kpi,
        daily.numerator as after_numerator,
        daily.denominator as after_denominator,
        0.0 as before_numerator,
        0.0 as before_denominator
    from releases
    inner join daily
        on
            releases.agent_name = daily.agent_name
            and releases.agent_version = daily.agent_version
            and releases.released_on <= daily.opened_on
            and releases.window_end > daily.opened_on

    union all

    -- what the version before did beside the new one belongs to the comparison
    select
        releases.agent_name,
        releases.agent_version,
        daily.intent,
        daily.kpi,
        0.0 as after_numerator,
        0.0 as after_denominator,
        daily.numerator as before_numerator,
        daily.denominator as before_denominator
    from releases
    inner join daily
        on
            releases.agent_name = daily.agent_name
            and releases.previous_version = daily.agent_version
            and releases.window_start <= daily.opened_on
            and releases.window_end > daily.opened_on

),

by_intent as (

    select
        agent_name,
        agent_version,
        intent,
        kpi,
        {{ exact_sum('before_numerator') }} as before_numerator,
        {{ exact_sum('before_denominator') }} as before_denominator,
        {{ exact_sum('after_numerator') }} as after_numerator,
        {{ exact_sum('after_denominator') }} as after_denominator
    from sides
    group by all

),

rated as (

    select
        *,
        before_denominator > 0 and after_denominator > 0 as is_in_both,
        {{ rate('before_numerator', 'before_denominator') }} as before_value,
        {{ rate('after_numerator', 'after_denominator') }} as after_value,
        {{ rate(
            'before_numerator + after_numerator',
            'before_denominator + after_denominator'
        ) }} as pooled_value
    from by_intent

),

bounded as (

    select
        *,
        after_value - before_value as difference,
        least(before_denominator, after_denominator) < {{ var('min_cases') }}
            as is_too_small,
        case when is_in_both then after_denominator end as shared_denominator,
        {{ wilson_lower('before_value', 'before_denominator') }} as before_lower,
        {{ wilson_upper('before_value', 'before_denominator') }} as before_upper,
        {{ wilson_lower('after_value', 'after_denominator') }} as after_lower,
        {{ wilson_upper('after_value', 'after_denominator') }} as after_upper,
        {{ rate(
            'after_value - before_value',
            'sqrt(pooled_value * (1 - pooled_value)'
            ~ ' * (1 / before_denominator + 1 / after_denominator))'
        ) }} as z_score
    from rated

),

-- how far both rates may be from what was seen, squared: Newcombe's interval in parts
uncertain as (

    select
        *,
        (after_value - after_lower) * (after_value - after_lower)
        + (before_upper - before_value) * (before_upper - before_value) as lower_part,
        (after_upper - after_value) * (after_upper - after_value)
        + (before_value - before_lower) * (before_value - before_lower) as upper_part,
        {{ rate(
            'shared_denominator',
            'sum(shared_denominator) over ('
            ~ 'partition by agent_name, agent_version, kpi)'
        ) }} as mix_weight,
        -- where nothing or everything counted on both sides, there is nothing to test
        not is_too_small and z_score is not null as is_tested
    from bounded

),

ranked as (

    select
        *,
        row_number() over (
            partition by agent_name, agent_version, kpi, is_tested
            order by abs(z_score) desc, intent
        ) as strength_rank,
        count(*) over (partition by agent_name, agent_version, kpi, is_tested)
            as intent_count
    from uncertain

),

-- Holm: the k-th strongest difference of m must hold against m - k + 1 comparisons
tested as (

    select
        *,
        case when is_tested then intent_count - strength_rank + 1 end as comparisons
    from ranked

),

judged as (

    select
        *,
        -- two-sided
        {{ upper_normal_quantile(
            'cast(' ~ var('release_error_rate') ~ ' as double) / (2 * comparisons)'
        ) }} as z_required
    from tested

),

-- once a difference does not hold, no weaker one does
intent_rows as (

    select
        agent_name,
        agent_version,
        kpi,
        'intent' as segment_type,
        intent as segment,
        is_too_small,
        before_numerator,
        before_denominator,
        after_numerator,
        after_denominator,
        before_value,
        after_value,
        difference,
        case when is_in_both then 1.0 else 0.0 end as covered_share,
        difference as standardised_difference,
        difference - sqrt(lower_part) as interval_lower,
        difference + sqrt(upper_part) as interval_upper,
        z_score,
        z_required,
        min(case when abs(z_score) >= z_required then 1 else 0 end) over (
            partition by agent_name, agent_version, kpi, is_tested
            order by strength_rank
            rows between unbounded preceding and current row
        ) as holds
    from judged

),

sums as (

    select
        agent_name,
        agent_version,
        kpi,
        {{ exact_sum('before_numerator') }} as before_numerator,
        {{ exact_sum('before_denominator') }} as before_denominator,
        {{ exact_sum('after_numerator') }} as after_numerator,
        {{ exact_sum('after_denominator') }} as after_denominator,
        {{ exact_sum('case when is_in_both then before_denominator end') }}
            as covered_before,
        {{ exact_sum('case when is_in_both then after_denominator end') }}
            as covered_after,
        {{ exact_sum('mix_weight * difference') }} as standardised_difference,
        {{ exact_sum('mix_weight * mix_weight * lower_part') }} as lower_part,
        {{ exact_sum('mix_weight * mix_weight * upper_part') }} as upper_part
    from uncertain
    group by all

),

total_rows as (

    select
        agent_name,
        agent_version,
        kpi,
        'all' as segment_type,
        'all' as segment,
        coalesce(least(covered_before, covered_after), 0) < {{ var('min_cases') }}
            as is_too_small,
        before_numerator,
        before_denominator,
        after_numerator,
        after_denominator,
        {{ rate('before_numerator', 'before_denominator') }} as before_value,
        {{ rate('after_numerator', 'after_denominator') }} as after_value,
        {{ rate('after_numerator', 'after_denominator') }}
        - {{ rate('before_numerator', 'before_denominator') }} as difference,
        coalesce({{ rate('covered_after', 'after_denominator') }}, 0.0)
            as covered_share,
        standardised_difference,
        standardised_difference - sqrt(lower_part) as interval_lower,
        standardised_difference + sqrt(upper_part) as interval_upper,
        cast(null as double) as z_score,
        cast(null as double) as z_required,
        1 as holds
    from sums

),

compared as (

    select * from intent_rows
    union all
    select * from total_rows

)

select
    -- keys
    cast(compared.agent_name as varchar) as agent_name,
    cast(compared.agent_version as varchar) as agent_version,
    cast(compared.kpi as varchar) as kpi,
    cast(compared.segment_type as varchar) as segment_type,
    cast(compared.segment as varchar) as segment,

    -- attributes
    cast(releases.previous_version as varchar) as previous_version,
    cast(
        case
            when compared.is_too_small then 'too_small'
            when compared.holds = 0 then 'no_evidence'
            when compared.interval_lower > 0
                then case catalog.direction when 'up' then 'better' else 'worse' end
            when compared.interval_upper < 0
                then case catalog.direction when 'up' then 'worse' else 'better' end
            else 'no_evidence'
        end as varchar
    ) as verdict,

    -- flags
    cast(compared.is_too_small as boolean) as is_too_small,
    cast(
        {{ hours_after(
            from_reporting_timezone('releases.window_end'),
            var('abandon_after_hours')
        ) }} > {{ as_of() }} as boolean
    ) as is_provisional,

    -- amounts
    cast(compared.before_numerator as double) as before_numerator,
    cast(compared.before_denominator as double) as before_denominator,
    cast(compared.after_numerator as double) as after_numerator,
    cast(compared.after_denominator as double) as after_denominator,
    cast(compared.before_value as double) as before_value,
    cast(compared.after_value as double) as after_value,
    cast(compared.difference as double) as difference,
    cast(compared.standardised_difference as double) as standardised_difference,
    cast(compared.difference - compared.standardised_difference as double)
        as mix_difference,
    cast(compared.interval_lower as double) as interval_lower,
    cast(compared.interval_upper as double) as interval_upper,
    cast(compared.covered_share as double) as covered_share,
    cast(compared.z_score as double) as z_score,
    cast(compared.z_required as double) as z_required,

    -- times
    cast(releases.released_on as date) as released_on
from compared
inner join releases
    on
        compared.agent_name = releases.agent_name
        and compared.agent_version = releases.agent_version
inner join catalog
    on compared.kpi = catalog.kpi
