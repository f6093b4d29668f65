{#
    An escalation that is missing here, or here twice, would send the wrong team to work:
    the weeks together must be the escalations of all eligible cases, reason by reason.
#}
with

weekly as (

    select
        reason_code,
        sum(escalations) as escalations
    from {{ ref('escalation_reasons_weekly') }}
    group by all

),

single as (

    select
        reason_code,
        count(*) as escalations
    from {{ ref('fct_escalations') }}
    where is_eligible
    group by all

)

select
    coalesce(weekly.reason_code, single.reason_code) as reason_code,
    weekly.escalations as weekly_escalations,
    single.escalations as single_escalations
from weekly
full outer join single
    on weekly.reason_code = single.reason_code
where coalesce(weekly.escalations, 0) != coalesce(single.escalations, 0)
