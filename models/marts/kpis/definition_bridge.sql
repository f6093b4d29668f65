with

cases as (

    select
        *,
        case when is_audited is not null then audit_weight end as weight
    from {{ ref('definition_bridge_cases') }}

),

definitions as (

    select * from {{ ref('resolution_definitions') }}

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type

),

-- each definition over the cases of which it can be judged, and strict over the same
counts as (

    select
        month_start,
        intent,
        {%- for definition in resolution_definitions() if definition != 'audited' %}
        count_if(is_{{ definition }}) as {{ definition }}__n,
        count(is_{{ definition }}) as {{ definition }}__d,
        count_if(is_{{ definition }} is not null and is_strict)
            as {{ definition }}__strict,
        {%- endfor %}
        {{ exact_sum('case when is_audited then weight end') }} as audited__n,
        {{ exact_sum('weight') }} as audited__d,
        {{ exact_sum('case when is_strict then weight end') }} as audited__strict,
        {{ exact_sum('weight * weight') }} as audited__squares
    from cases
    group by all

),

figures as (

    {%- for definition in resolution_definitions() %}

    select
        month_start,
        intent,
        '{{ definition }}' as definition,
        {{ definition }}__n as numerator,
        {{ definition }}__d as denominator,
        {% if definition == 'audited' -%}
        {{ definition }}__squares as squared_weights,
        {%- else -%}
        {{ definition }}__d as squared_weights,
        {%- endif %}
        {{ definition }}__strict as strict_numerator
    from counts

    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

sums as (

    select
        figures.month_start,
        segment_types.segment_type,
        case segment_types.segment_type
            when 'intent' then figures.intent
            else 'all'
        end as segment,
        figures.definition,
        coalesce({{ exact_sum('figures.numerator') }}, 0) as numerator,
        {{ exact_sum('figures.denominator') }} as denominator,
        {{ exact_sum('figures.squared_weights') }} as squared_weights,
        coalesce({{ exact_sum('figures.strict_numerator') }}, 0) as strict_numerator
    from figures
    cross join segment_types
    where figures.denominator > 0
    group by all

),

valued as (

    select
        *,
        {{ rate('numerator', 'denominator') }} as counted_share,
        {{ rate('strict_numerator', 'denominator') }} as strict_share,
        -- Kish's effective number where weights are unequal, the plain one elsewhere
        {{ rate('denominator * denominator', 'squared_weights') }} as effective_n
    from sums

)

select
    -- keys
    cast(valued.month_start as date) as month_start,
    cast(valued.segment_type as varchar) as segment_type,
    cast(valued.segment as varchar) as segment,
    cast(valued.definition as varchar) as definition,

    -- attributes
    cast(definitions.sort_order as bigint) as sort_order,
    cast(definitions.label as varchar) as label,
    cast(definitions.description as varchar) as description,

    -- flags
    cast(valued.effective_n < {{ var('min_cases') }} as boolean) as is_too_small,

    -- amounts
    cast(valued.numerator as double) as numerator,
    cast(valued.denominator as double) as denominator,
    cast(valued.strict_numerator as double) as strict_numerator,
    cast(valued.effective_n as double) as effective_n,
    cast(valued.counted_share as double) as value,
    cast({{ wilson_lower('valued.counted_share', 'valued.effective_n') }} as double)
        as interval_lower,
    cast({{ wilson_upper('valued.counted_share', 'valued.effective_n') }} as double)
        as interval_upper,
    cast(valued.strict_share as double) as strict_value,
    cast(valued.counted_share - valued.strict_share as double) as distance_to_strict
from valued
inner join definitions
    on valued.definition = definitions.definition
