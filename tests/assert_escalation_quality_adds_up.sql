{#
    Every audited case is one of four things, and in one segment of each kind: figures by
    intent, reason or version that do not add up to the whole hide or double somebody.
#}
with

quality as (

    select * from {{ ref('escalation_quality') }}

),

by_kind as (

    select
        month_start,
        segment_type,
        sum(escalated_cases) as escalated_cases,
        sum(audited_cases) as audited_cases,
        sum(correct_cases) as correct_cases,
        sum(missed_cases) as missed_cases,
        sum(seconds_to_human_act_cases) as waits
    from quality
    group by all

),

all_cases as (

    select * from by_kind
    where segment_type = 'all'

)

select
    by_kind.month_start,
    by_kind.segment_type,
    'segments' as what_differs
from by_kind
inner join all_cases
    on by_kind.month_start = all_cases.month_start
where
    by_kind.escalated_cases != all_cases.escalated_cases
    or by_kind.audited_cases != all_cases.audited_cases
    or by_kind.correct_cases != all_cases.correct_cases
    or by_kind.missed_cases != all_cases.missed_cases
    or by_kind.waits != all_cases.waits

union all

select
    month_start,
    segment_type,
    'judgements' as what_differs
from quality
where
    audited_cases != correct_cases + premature_cases + missed_cases + kept_cases
    or correct_cases + premature_cases > escalated_cases
    or disputed_cases > audited_cases
