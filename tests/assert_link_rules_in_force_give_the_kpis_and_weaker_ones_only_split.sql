-- Under the product's own rules and window the comparison is the KPI. Under weaker ones
-- no case is lost and none is joined; else the difference between two rows is no longer
-- what the rules make of the same cases.
with

compared as (

    select * from {{ ref('fcr_by_link_rule') }}

),

daily as (

    select
        cast(date_trunc('month', opened_on) as date) as month_start,
        intent,
        sum(
            case when kpi = 'first_contact_resolution_rate' then numerator else 0 end
        ) as first_contact_count,
        sum(case when kpi = 'durable_resolution_rate' then numerator else 0 end)
            as durable_count,
        sum(case when kpi = 'durable_resolution_rate' then denominator else 0 end)
            as case_count
    from {{ ref('kpi_daily') }}
    group by all

)

select
    'the KPI says otherwise' as fault,
    daily.month_start,
    daily.intent as segment,
    'all' as link_rules
from daily
left join compared
    on
        daily.month_start = compared.month_start
        and daily.intent = compared.segment
        and compared.segment_type = 'intent'
        and compared.link_rules = 'all'
        and compared.window_hours = {{ var('recontact_window_hours') }}
where
    daily.first_contact_count != coalesce(compared.first_contact_count, 0)
    or daily.durable_count != coalesce(compared.durable_count, 0)
    or daily.case_count != coalesce(compared.case_count, 0)
    or daily.case_count != coalesce(compared.piece_count, 0)

union all

select
    'weaker rules lose or join cases' as fault,
    weaker.month_start,
    weaker.segment,
    weaker.link_rules
from compared as weaker
left join compared as stronger
    on
        weaker.month_start = stronger.month_start
        and weaker.segment_type = stronger.segment_type
        and weaker.segment = stronger.segment
        and weaker.window_hours = stronger.window_hours
        and (weaker.link_rules, stronger.link_rules) in (
            ('ticket', 'ticket_and_continued'), ('ticket_and_continued', 'all')
        )
where
    weaker.link_rules != 'all'
    and (
        weaker.case_count != coalesce(stronger.case_count, 0)
        or weaker.piece_count < coalesce(stronger.piece_count, 0)
        or weaker.durable_count < coalesce(stronger.durable_count, 0)
        or weaker.first_contact_count < coalesce(stronger.first_contact_count, 0)
        or weaker.piece_count < weaker.case_count + weaker.split_case_count
    )
