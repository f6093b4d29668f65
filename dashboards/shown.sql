-- What every panel may ask, beside the marts: the cases and figures that pass the
-- filters. The one row of `asked` holds what the reader chose, as bound values; no
-- filter is ever pasted into SQL.

create temp macro share(numerator, denominator) as
    cast(numerator as double) / nullif(cast(denominator as double), 0);

-- Wilson's interval, as macros/rates.sql has it: a test holds the two together
create temp macro wilson_bound(p, n, z, side) as
    (p + z * z / (2 * n) + side * z * sqrt(
        greatest(p * (1 - p), 0) / n + z * z / (4 * n * n)
    )) / (1 + z * z / n);

create temp macro wilson_lower(p, n) as case
    when n > 0 then greatest(0.0, wilson_bound(p, n, (select z from asked), -1))
end;

create temp macro wilson_upper(p, n) as case
    when n > 0 then least(1.0, wilson_bound(p, n, (select z from asked), 1))
end;

-- eligible cases that pass every filter but the period
create temp view matching_cases as
select cases.* replace (
    coalesce(cases.intent, 'unknown') as intent,
    coalesce(cases.tier, 'unknown') as tier,
    coalesce(cases.channel, 'unknown') as channel,
    coalesce(cases.agent_version, 'unknown') as agent_version
)
from marts.fct_cases as cases
cross join asked
where
    cases.is_eligible
    and coalesce(asked.intent, cases.intent, 'unknown') = coalesce(cases.intent, 'unknown')
    and coalesce(asked.tier, cases.tier, 'unknown') = coalesce(cases.tier, 'unknown')
    and coalesce(asked.channel, cases.channel, 'unknown')
    = coalesce(cases.channel, 'unknown')
    and coalesce(asked.agent_version, cases.agent_version, 'unknown')
    = coalesce(cases.agent_version, 'unknown');

-- those of the period
create temp view picked_cases as
select matching.*
from matching_cases as matching
cross join asked
where matching.opened_on between asked.first_day and asked.last_day;

create temp view matching_days as
select daily.*
from marts.kpi_daily as daily
cross join asked
where
    coalesce(asked.intent, daily.intent) = daily.intent
    and coalesce(asked.tier, daily.tier) = daily.tier
    and coalesce(asked.channel, daily.channel) = daily.channel
    and coalesce(asked.agent_version, daily.agent_version) = daily.agent_version;

create temp view picked_days as
select matching.*
from matching_days as matching
cross join asked
where matching.opened_on between asked.first_day and asked.last_day;

-- the period, as many days before it, and the steps of the trend around it
create temp view slots as
select 'shown' as slot, first_day, last_day from asked
union all
select 'before' as slot, before_first as first_day, before_last as last_day from asked
union all
select
    'trend' as slot,
    cast(step as date) as first_day,
    cast(step as date) + asked.trend_days - 1 as last_day
from asked, generate_series(
    asked.trend_first, asked.trend_last, to_days(asked.trend_days)
) as steps (step);

-- single observations behind the KPIs that are means: what their intervals need
create temp view observations as
select opened_on, 'aht_automated_seconds' as kpi, handling_seconds as observed
from matching_cases
where is_resolved_autonomously and handling_seconds is not null
union all
select
    opened_on,
    case
        when human_active_seconds is null then 'aht_human_elapsed_seconds'
        else 'aht_human_active_seconds'
    end as kpi,
    coalesce(human_active_seconds, handling_seconds) as observed
from matching_cases
where not is_involved and outcome = 'resolved_by_human' and is_time_known
union all
select cases.opened_on, 'ces_mean' as kpi, surveys.score_1_to_7 as observed
from marts.fct_survey_responses as surveys
inner join matching_cases as cases on surveys.case_key = cases.case_key
where surveys.survey_type = 'ces' and surveys.is_answered and cases.is_handled;

create temp view spreads as
select
    slots.slot,
    slots.first_day,
    observations.kpi,
    stddev_samp(observations.observed) as standard_deviation,
    quantile_cont(observations.observed, 0.5) as p50,
    quantile_cont(observations.observed, 0.9) as p90
from observations
inner join slots
    on observations.opened_on between slots.first_day and slots.last_day
group by all;

-- every KPI of the period, of the one before, and of each step of the trend
create temp view kpi_figures as
with

sums as (

    select
        slots.slot,
        slots.first_day,
        slots.last_day,
        daily.kpi,
        sum(cast(daily.numerator as decimal(38, 12))) as numerator,
        sum(cast(daily.denominator as decimal(38, 12))) as denominator,
        sum(cast(daily.squared_weights as decimal(38, 12))) as squared_weights
    from matching_days as daily
    inner join slots
        on daily.opened_on between slots.first_day and slots.last_day
    group by all

),

valued as (

    select
        sums.slot,
        sums.first_day,
        sums.last_day,
        sums.kpi,
        catalog.sort_order,
        catalog.label,
        catalog.question,
        catalog.unit,
        catalog.direction,
        cast(sums.numerator as double) as numerator,
        cast(sums.denominator as double) as denominator,
        share(sums.numerator, sums.denominator) as value,
        share(
            cast(sums.denominator as double) * cast(sums.denominator as double),
            sums.squared_weights
        ) as effective_n,
        spreads.standard_deviation,
        spreads.p50,
        spreads.p90,
        -- the resolution target holds for intents that the agent is meant to resolve
        case
            when sums.kpi != 'autonomous_resolution_rate' or asked.intent is null
                then catalog.target
            when coalesce(intents.is_in_scope, false) then catalog.target
        end as target,
        asked.min_cases,
        asked.z,
        sums.last_day > asked.final_until as is_provisional
    from sums
    cross join asked
    inner join marts.dim_kpis as catalog on sums.kpi = catalog.kpi
    left join marts.dim_intents as intents on asked.intent = intents.intent
    left join spreads
        on
            sums.slot = spreads.slot
            and sums.first_day = spreads.first_day
            and sums.kpi = spreads.kpi

)

select
    * exclude (standard_deviation, min_cases, z),
    case
        when unit = 'share' then wilson_lower(value, effective_n)
        else value - z * standard_deviation / sqrt(nullif(denominator, 0))
    end as lower,
    case
        when unit = 'share' then wilson_upper(value, effective_n)
        else value + z * standard_deviation / sqrt(nullif(denominator, 0))
    end as upper,
    coalesce(effective_n, 0) < min_cases as is_too_small,
    case
        when target is null then 'no_target'
        when value is null or coalesce(effective_n, 0) < min_cases then 'too_small'
        when direction = 'up' and value >= target then 'met'
        when direction = 'down' and value <= target then 'met'
        else 'missed'
    end as status
from valued;

-- the KPIs of the period, beside those of the period before
create temp view picked_kpis as
select
    shown.*,
    before.value as previous_value,
    shown.value - before.value as change,
    -- larger than the two intervals explain: half their widths, added as errors add
    coalesce(
        abs(shown.value - before.value) > sqrt(
            power((shown.upper - shown.lower) / 2, 2)
            + power((before.upper - before.lower) / 2, 2)
        ),
        false
    ) as is_sure_change
from kpi_figures as shown
left join kpi_figures as before
    on shown.kpi = before.kpi and before.slot = 'before'
where shown.slot = 'shown';
