{#
    When the desk is open, cut at UTC midnights, with the opening seconds of all days
    before: so that the opening seconds between two moments are a difference of two rows,
    found by key. The desk has one spell a day by its own clock, so a UTC day has two at
    most: the end of one and the beginning of the next.
#}
with

cases as (

    select * from {{ ref('fct_cases') }}

),

hours as (

    select * from {{ ref('business_hours') }}

),

holidays as (

    select * from {{ ref('holidays') }}

),

bounds as (

    select
        least(coalesce(min(opened_at), {{ as_of() }}), {{ as_of() }}) as first_moment,
        greatest(
            coalesce(max(opened_at), {{ as_of() }}),
            coalesce(max(resolved_at), {{ as_of() }}),
            {{ as_of() }}
        ) as last_moment
    from cases

),

-- a day more at either end: the desk's clock is up to 14 hours off
days as (

    {{ date_spine(
        '(select ' ~ date_moved('day', -1, 'cast(bounds.first_moment as date)')
        ~ ' from bounds)',
        '(select ' ~ date_moved('day', 1, 'cast(bounds.last_moment as date)')
        ~ ' from bounds)'
    ) }}

),

spells as (

    select
        {{ utc_of(
            minutes_after(
                'cast(days.date_day as timestamp)', minutes_of_clock('hours.opens_at')
            ),
            'hours.time_zone'
        ) }} as opens_at,
        {{ utc_of(
            minutes_after(
                'cast(days.date_day as timestamp)', minutes_of_clock('hours.closes_at')
            ),
            'hours.time_zone'
        ) }} as closes_at
    from days
    inner join hours
        on {{ iso_weekday('days.date_day') }} = hours.weekday
    left join holidays
        on days.date_day = holidays.holiday_date
    where holidays.holiday_date is null

),

midnights as (

    select
        date_day as utc_day,
        cast(date_day as timestamp) as day_starts_at,
        cast({{ date_moved('day', 1, 'date_day') }} as timestamp) as day_ends_at
    from days

),

pieces as (

    select
        midnights.utc_day,
        greatest(spells.opens_at, midnights.day_starts_at) as opens_at,
        least(spells.closes_at, midnights.day_ends_at) as closes_at
    from midnights
    inner join spells
        on
            midnights.day_ends_at > spells.opens_at
            and midnights.day_starts_at < spells.closes_at
    where spells.opens_at < spells.closes_at

),

numbered as (

    select
        *,
        {{ seconds_between('opens_at', 'closes_at') }} as open_seconds,
        row_number() over (partition by utc_day order by opens_at) as spell_number
    from pieces

),

opening as (

    select
        utc_day,
        min(opens_at) as first_opens_at,
        min(closes_at) as first_closes_at,
        min(case when spell_number = 2 then opens_at end) as second_opens_at,
        min(case when spell_number = 2 then closes_at end) as second_closes_at,
        sum(cast(open_seconds as bigint)) as open_seconds
    from numbered
    group by all

),

summed as (

    select
        midnights.utc_day,
        opening.first_opens_at,
        opening.first_closes_at,
        opening.second_opens_at,
        opening.second_closes_at,
        coalesce(opening.open_seconds, 0) as open_seconds,
        sum(coalesce(opening.open_seconds, 0)) over (
            order by midnights.utc_day
            rows between unbounded preceding and current row
        ) as open_seconds_until_its_end
    from midnights
    left join opening
        on midnights.utc_day = opening.utc_day

)

select
    -- keys
    cast(utc_day as date) as utc_day,

    -- amounts
    cast(open_seconds as bigint) as open_seconds,
    cast(open_seconds_until_its_end - open_seconds as bigint) as open_seconds_before,

    -- times
    cast(first_opens_at as timestamp) as first_opens_at,
    cast(first_closes_at as timestamp) as first_closes_at,
    cast(second_opens_at as timestamp) as second_opens_at,
    cast(second_closes_at as timestamp) as second_closes_at
from summed
