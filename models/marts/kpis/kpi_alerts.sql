{%- set first_day = first_day_of_alerts() -%}
{#
    Neither incremental nor settled by what arrived: another "now" alone raises and drops
    alerts, so the list is made anew from figures that are few.
#}
with

trends as (

    select * from {{ ref('kpi_trends') }}

),

charted_days as (

    select * from {{ ref('int_kpi_days_charted') }}

),

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible

),

actions as (

    select * from {{ ref('fct_actions') }}
    where is_automation and is_write and is_violation

),

audits as (

    select * from {{ ref('fct_audits') }}
    where auditor_type = 'human' and verdict = 'violation'

),

escalations as (

    select * from {{ ref('fct_escalations') }}

),

feeds as (

    select * from {{ ref('feed_health') }}

),

catalog as (

    select * from {{ ref('kpi_catalog') }}

),

reasons as (

    select * from {{ ref('escalation_reasons') }}

),

rules as (

    select * from {{ ref('alert_rules') }}

),

-- the end of the interval that is farthest on the good side, so that chance is left out
weeks as (

    select
        trends.*,
        catalog.direction,
        catalog.warn_at,
        catalog.critical_at,
        {{ date_moved('day', 6, 'trends.period_start') }} as period_end,
        case catalog.direction
            when 'up' then trends.interval_upper
            else -trends.interval_lower
        end as far_end,
        case catalog.direction when 'up' then 1 else -1 end as sign
    from trends
    inner join catalog
        on trends.kpi = catalog.kpi
    inner join rules
        on
            trends.kpi = rules.kpi
            and rules.kind = 'threshold'
            and (
                trends.segment_type = 'all'
                or (trends.segment_type = 'intent' and rules.is_by_intent)
            )
    where
        trends.period_type = 'week'
        and not trends.is_provisional
        and not trends.is_too_small
        -- an intent that is out of scope has no target to miss
        and (trends.target is not null or catalog.target is null)

),

past_thresholds as (

    select
        *,
        case
            when far_end < sign * critical_at then 'critical'
            else 'warning'
        end as severity,
        case
            when far_end < sign * critical_at then critical_at
            else warn_at
        end as passed_limit
    from weeks
    where
        (far_end < sign * warn_at or far_end < sign * critical_at)
        and period_end >= {{ first_day }}

),

past_control_limits as (

    select
        charted_days.*,
        -- too good is worth a look as well: often a log that has gone silent
        case
            when
                (catalog.direction = 'up')
                = (charted_days.value > charted_days.upper_limit)
                then 'notice'
            else 'warning'
        end as severity
    from charted_days
    inner join catalog
        on charted_days.kpi = catalog.kpi
    where
        charted_days.value < charted_days.lower_limit
        or charted_days.value > charted_days.upper_limit

),

-- a logical action breaks its rules once, however often it was tried
violating_actions as (

    select
        actions.case_key,
        actions.logical_action_key as violation_key,
        'action_compliance_rate' as kpi,
        min(actions.executed_at) as violated_at
    from actions
    group by all

),

violations as (

    select * from violating_actions

    union all

    select
        audits.case_key,
        audits.audit_key as violation_key,
        'audited_compliance_rate' as kpi,
        audits.audited_at as violated_at
    from audits

),

violations_of_cases as (

    select
        violations.case_key,
        violations.kpi,
        cast({{ in_reporting_timezone('violations.violated_at') }} as date)
            as period_start,
        count(*) as violations
    from violations
    inner join cases
        on violations.case_key = cases.case_key
    group by all

),

escalations_of_weeks as (

    select
        {{ week_start('cases.opened_on') }} as period_start,
        escalations.reason_code,
        count(*) as escalations
    from escalations
    inner join cases
        on escalations.case_key = cases.case_key
    group by all

),

weeks_with_escalations as (

    select
        period_start,
        sum(escalations) as escalations
    from escalations_of_weeks
    group by all

),

alerts as (

    select
        'threshold' as kind,
        severity,
        kpi,
        segment_type,
        segment,
        'week' as period_type,
        period_start,
        period_end,
        value,
        case when direction = 'up' then passed_limit end as lower_limit,
        case when direction = 'down' then passed_limit end as upper_limit,
        effective_n as n,
        cast(null as varchar) as reason_owner,
        cast(null as varchar) as reason_what_to_do
    from past_thresholds

    union all

    select
        'control_limit' as kind,
        severity,
        kpi,
        segment_type,
        segment,
        'day' as period_type,
        period_start,
        period_start as period_end,
        value,
        lower_limit,
        upper_limit,
        denominator as n,
        null as reason_owner,
        null as reason_what_to_do
    from past_control_limits

    union all

    select
        'zero_tolerance' as kind,
        'critical' as severity,
        kpi,
        'case' as segment_type,
        case_key as segment,
        'day' as period_type,
        period_start,
        period_start as period_end,
        violations as value,
        null as lower_limit,
        0 as upper_limit,
        violations as n,
        null as reason_owner,
        null as reason_what_to_do
    from violations_of_cases
    where period_start >= {{ first_day }}

    union all

    select
        'stale_feed' as kind,
        'warning' as severity,
        null as kpi,
        'feed' as segment_type,
        feed as segment,
        'day' as period_type,
        cast({{ in_reporting_timezone('newest_record_at') }} as date) as period_start,
        cast({{ in_reporting_timezone(as_of()) }} as date) as period_end,
        hours_since_newest_record as value,
        null as lower_limit,
        {{ var('feed_stale_after_hours') }} as upper_limit,
        -- how often its records came is no matter: a second copy is no other alert
        1 as n,
        null as reason_owner,
        null as reason_what_to_do
    from feeds
    where is_stale

    union all

    select
        'unstated_reasons' as kind,
        'warning' as severity,
        'unstated_reason_share' as kpi,
        'reason_code' as segment_type,
        escalations_of_weeks.reason_code as segment,
        'week' as period_type,
        escalations_of_weeks.period_start,
        {{ date_moved('day', 6, 'escalations_of_weeks.period_start') }} as period_end,
        {{ rate(
            'escalations_of_weeks.escalations', 'weeks_with_escalations.escalations'
        ) }} as value,
        null as lower_limit,
        0 as upper_limit,
        weeks_with_escalations.escalations as n,
        reasons.owner as reason_owner,
        reasons.what_to_do as reason_what_to_do
    from escalations_of_weeks
    inner join weeks_with_escalations
        on escalations_of_weeks.period_start = weeks_with_escalations.period_start
    inner join reasons
        on
            escalations_of_weeks.reason_code = reasons.reason_code
            and reasons.is_alarm
    where
        {{ date_moved('day', 6, 'escalations_of_weeks.period_start') }}
        >= {{ first_day }}

),

keyed as (

    select
        alerts.*,
        coalesce(alerts.reason_owner, rules.owner) as owner,
        coalesce(alerts.reason_what_to_do, rules.what_to_do) as what_to_do,
        rules.cases_where,
        {{ surrogate_key([
            'alerts.kind',
            'alerts.kpi',
            'alerts.segment_type',
            'alerts.segment',
            'alerts.period_type',
            moment_text('cast(alerts.period_start as timestamp)'),
        ]) }} as alert_key
    from alerts
    inner join rules
        on
            alerts.kind = rules.kind
            and (alerts.kpi = rules.kpi or alerts.kind = 'stale_feed')

)

select
    -- keys
    cast(alert_key as varchar) as alert_key,
    cast(kind as varchar) as kind,
    cast(kpi as varchar) as kpi,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,
    cast(period_type as varchar) as period_type,
    cast(period_start as date) as period_start,

    -- attributes
    cast(period_end as date) as period_end,
    cast(severity as varchar) as severity,
    cast(owner as varchar) as owner,
    cast(what_to_do as varchar) as what_to_do,
    -- the alert names itself by its key alone: no word of a log is in the statement
    cast(
        case kind
            when 'stale_feed'
                then
                    'select feeds.* from marts.feed_health as feeds'
                    || ' inner join marts.kpi_alerts as alerts'
                    || ' on feeds.feed = alerts.segment'
                    || ' where alerts.alert_key = ''' || alert_key || ''''
            else
                'select cases.case_key, cases.case_id, cases.opened_at'
                || ' from marts.fct_cases as cases'
                || ' inner join marts.kpi_alerts as alerts'
                || ' on alerts.alert_key = ''' || alert_key || ''''
                || case
                    when kind in ('threshold', 'control_limit', 'unstated_reasons')
                        then
                            ' and cases.opened_on between alerts.period_start'
                            || ' and alerts.period_end'
                    else ''
                end
                || case
                    when segment_type = 'intent'
                        then ' and coalesce(cases.intent, ''unknown'') = alerts.segment'
                    else ''
                end
                || ' where cases.is_eligible and ' || cases_where
                || ' order by cases.opened_at, cases.case_key'
        end as varchar
    ) as case_query,

    -- amounts
    cast(value as double) as value,
    cast(lower_limit as double) as lower_limit,
    cast(upper_limit as double) as upper_limit,
    cast(n as double) as n
from keyed
