-- An explanation with a rest explains nothing: what intents, or versions, add to a
-- change must be the change. The tolerance is for the last digits of sums of fractions.
with

explained as (

    select
        kpi,
        period_type,
        period_start,
        segment_type,
        sum(contribution) as contribution,
        sum(share) as share,
        sum(previous_share) as previous_share
    from {{ ref('kpi_change_drivers') }}
    group by all

)

select
    explained.*,
    trends.change
from {{ ref('kpi_trends') }} as trends
inner join explained
    on
        trends.kpi = explained.kpi
        and trends.period_type = explained.period_type
        and trends.period_start = explained.period_start
where
    trends.segment_type = 'all'
    and (
        trends.change is null
        or abs(explained.contribution - trends.change) > 1e-12
        or abs(explained.share - 1) > 1e-12
        or abs(explained.previous_share - 1) > 1e-12
    )
