{#
    Whether the right cases went to people, as people found who audited a sample drawn by
    chance, and how long they waited. One opinion per case, weighted as in the claim.
#}
with

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible and is_handled

),

escalations as (

    select * from {{ ref('fct_escalations') }}
    where is_primary

),

audits as (

    select * from {{ ref('fct_audits') }}
    where is_in_claim and should_have_escalated is not null

),

decisions as (

    select
        cases.case_key,
        cases.opened_on,
        cases.intent,
        cases.agent_version,
        escalations.reason_code,
        escalations.seconds_to_escalation,
        escalations.seconds_to_human_act,
        escalations.case_key is not null as is_escalated
    from cases
    left join escalations
        on cases.case_key = escalations.case_key

),

-- auditors who differ: who finds fault wins, and the earliest of them weighs
opinions as (

    select
        audits.case_key,
        audits.should_have_escalated,
        audits.audit_weight,
        min({{ counted('audits.should_have_escalated') }}) over (
            partition by audits.case_key
        ) != max({{ counted('audits.should_have_escalated') }}) over (
            partition by audits.case_key
        ) as is_disputed
    from audits
    inner join decisions
        on audits.case_key = decisions.case_key
    qualify
        row_number() over (
            partition by audits.case_key
            order by
                case
                    when audits.should_have_escalated = decisions.is_escalated then 1
                    else 0
                end,
                audits.audited_at,
                audits.audit_id,
                audits.audit_key
        ) = 1

),

judged as (

    select
        decisions.*,
        opinions.audit_weight,
        coalesce(opinions.is_disputed, false) as is_disputed,
        case
            when opinions.case_key is null then null
            when decisions.is_escalated and opinions.should_have_escalated
                then 'correct'
            when decisions.is_escalated then 'premature'
            when opinions.should_have_escalated then 'missed'
            else 'kept'
        end as judgement
    from decisions
    left join opinions
        on decisions.case_key = opinions.case_key
    where decisions.is_escalated or opinions.case_key is not null

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type
    union all
    select 'reason_code' as segment_type
    union all
    select 'agent_version' as segment_type

),

segmented as (

    select
        judged.*,
        segment_types.segment_type,
        cast(date_trunc('month', judged.opened_on) as date) as month_start,
        case segment_types.segment_type
            when 'intent' then coalesce(judged.intent, 'unknown')
            when 'reason_code' then coalesce(judged.reason_code, 'not_escalated')
            when 'agent_version' then coalesce(judged.agent_version, 'unknown')
            else 'all'
        end as segment
    from judged
    cross join segment_types

),

sums as (

    select
        month_start,
        segment_type,
        segment,
        count_if(is_escalated) as escalated_cases,
        count(judgement) as audited_cases,
        count_if(is_disputed) as disputed_cases,
        {%- for judgement in ['correct', 'premature', 'missed', 'kept'] %}
        count_if(coalesce(judgement = '{{ judgement }}', false))
            as {{ judgement }}_cases,
        {%- endfor %}
        {%- for wait in ['seconds_to_escalation', 'seconds_to_human_act'] %}
        count({{ wait }}) as {{ wait }}__cases,
        {{ rate(exact_sum(wait), 'count(' ~ wait ~ ')') }} as {{ wait }}__mean,
        {{ quantile(wait, 0.5) }} as {{ wait }}__p50,
        {{ quantile(wait, 0.9) }} as {{ wait }}__p90,
        {%- endfor %}
        coalesce({{ exact_sum(
            "case when judgement = 'correct' then audit_weight end"
        ) }}, 0) as correct_weight,
        coalesce({{ exact_sum(
            "case when judgement in ('correct', 'premature') then audit_weight end"
        ) }}, 0) as escalated_weight,
        coalesce({{ exact_sum(
            "case when judgement in ('correct', 'missed') then audit_weight end"
        ) }}, 0) as needed_weight,
        {{ exact_sum(
            "case when judgement in ('correct', 'premature')"
            ~ ' then audit_weight * audit_weight end'
        ) }} as escalated_squares,
        {{ exact_sum(
            "case when judgement in ('correct', 'missed')"
            ~ ' then audit_weight * audit_weight end'
        ) }} as needed_squares
    from segmented
    group by all

),

rated as (

    select
        *,
        {{ rate('correct_weight', 'escalated_weight') }} as escalation_precision,
        -- by reason there is none: what was missed has no reason
        case
            when segment_type != 'reason_code'
                then {{ rate('correct_weight', 'needed_weight') }}
        end as escalation_recall,
        -- Kish's effective numbers
        coalesce(
            {{ rate('escalated_weight * escalated_weight', 'escalated_squares') }}, 0
        ) as precision_effective_n,
        coalesce(
            {{ rate('needed_weight * needed_weight', 'needed_squares') }}, 0
        ) as recall_effective_n
    from sums

)

select
    -- keys
    cast(month_start as date) as month_start,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,

    -- flags
    cast(precision_effective_n < {{ var('min_cases') }} as boolean)
        as is_precision_too_small,
    cast(recall_effective_n < {{ var('min_cases') }} as boolean)
        as is_recall_too_small,

    -- counts
    cast(escalated_cases as bigint) as escalated_cases,
    cast(audited_cases as bigint) as audited_cases,
    cast(disputed_cases as bigint) as disputed_cases,
    cast(correct_cases as bigint) as correct_cases,
    cast(premature_cases as bigint) as premature_cases,
    cast(missed_cases as bigint) as missed_cases,
    cast(kept_cases as bigint) as kept_cases,
    cast(seconds_to_escalation__cases as bigint) as seconds_to_escalation_cases,
    cast(seconds_to_human_act__cases as bigint) as seconds_to_human_act_cases,

    -- amounts
    cast(correct_weight as double) as precision_numerator,
    cast(escalated_weight as double) as precision_denominator,
    cast(precision_effective_n as double) as precision_effective_n,
    cast(escalation_precision as double) as escalation_precision,
    cast({{ wilson_lower('escalation_precision', 'precision_effective_n') }} as double)
        as precision_lower,
    cast({{ wilson_upper('escalation_precision', 'precision_effective_n') }} as double)
        as precision_upper,
    cast(correct_weight as double) as recall_numerator,
    cast(needed_weight as double) as recall_denominator,
    cast(recall_effective_n as double) as recall_effective_n,
    cast(escalation_recall as double) as escalation_recall,
    cast({{ wilson_lower('escalation_recall', 'recall_effective_n') }} as double)
        as recall_lower,
    cast({{ wilson_upper('escalation_recall', 'recall_effective_n') }} as double)
        as recall_upper,
    cast(seconds_to_escalation__mean as double) as seconds_to_escalation_mean,
    cast(seconds_to_escalation__p50 as double) as seconds_to_escalation_p50,
    cast(seconds_to_escalation__p90 as double) as seconds_to_escalation_p90,
    cast(seconds_to_human_act__mean as double) as seconds_to_human_act_mean,
    cast(seconds_to_human_act__p50 as double) as seconds_to_human_act_p50,
    cast(seconds_to_human_act__p90 as double) as seconds_to_human_act_p90
from rated
