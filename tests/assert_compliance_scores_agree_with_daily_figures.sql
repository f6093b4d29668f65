-- The claim is about the same cases, checks and verdicts as the daily figures: two
-- counts of one thing must not part. The weights of audits are worked out twice.
with

scores as (

    select * from {{ ref('compliance_scores') }}
    where period_type = 'month' and segment_type in ('all', 'intent', 'agent_version')

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type
    union all
    select 'agent_version' as segment_type

),

daily as (

    select
        cast(date_trunc('month', figures.opened_on) as date) as period_start,
        segment_types.segment_type,
        {{ compliance_segment('figures', "'unknown'") }} as segment,
        figures.kpi,
        {{ exact_sum('figures.numerator') }} as numerator,
        {{ exact_sum('figures.denominator') }} as denominator,
        {{ rate(
            exact_sum('figures.denominator') ~ ' * ' ~ exact_sum('figures.denominator'),
            exact_sum('figures.squared_weights')
        ) }} as effective_n
    from {{ ref('kpi_daily') }} as figures
    cross join segment_types
    where
        figures.kpi in (
            'policy_check_pass_rate',
            'action_compliance_rate',
            'audited_compliance_rate'
        )
    group by all

)

select
    daily.*,
    scores.claim_status
from daily
left join scores
    on
        daily.period_start = scores.period_start
        and daily.segment_type = scores.segment_type
        and daily.segment = scores.segment
where
    not coalesce(
        case daily.kpi
            when 'policy_check_pass_rate'
                then
                    daily.numerator = scores.passed_checks
                    and daily.denominator = scores.evaluated_checks
            when 'action_compliance_rate'
                then
                    daily.numerator = scores.compliant_actions
                    and daily.denominator = scores.bound_actions
            else
                abs(daily.numerator - scores.compliant_weight) < 1e-6
                and abs(daily.denominator - scores.audited_weight) < 1e-6
                and abs(daily.effective_n - scores.effective_n) < 1e-6
        end,
        false
    )
