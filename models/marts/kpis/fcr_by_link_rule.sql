with recursive

cases as (

    select
        *,
        date_trunc('month', opened_on) as month_start,
        coalesce(is_resolved_autonomously, false) as is_resolved,
        coalesce(resolved_at, last_activity_at) as counts_from
    from {{ ref('fct_cases') }}
    where is_eligible and is_handled and is_recontact_visible

),

-- few: what a weaker set of rules would leave apart
joined_cases as (

    select case_key
    from {{ ref('fct_sessions') }}
    where link_rule in ('continued', 'same_customer_and_intent')
    group by all

),

sessions as (

    select
        sessions.case_key,
        sessions.session_key,
        sessions.parent_session_key,
        sessions.link_rule,
        sessions.started_at,
        row_number() over (
            partition by sessions.case_key
            order by sessions.started_at, sessions.session_id, sessions.source_system
        ) as place
    from {{ ref('fct_sessions') }} as sessions
    inner join joined_cases
        on sessions.case_key = joined_cases.case_key

),

trees as (

    select
        session_key,
        session_key as piece_key
    from sessions
    where coalesce(link_rule, 'root') not in ('ticket', 'continued')

    union all

    select
        sessions.session_key,
        trees.piece_key
    from sessions
    inner join trees
        on sessions.parent_session_key = trees.session_key
    where sessions.link_rule in ('ticket', 'continued')

),

-- the parent by ticket is the ticket's first session, so that one step is all
placed as (

    select
        case_key,
        place,
        started_at,
        'ticket' as link_rules,
        case
            when link_rule = 'ticket' then parent_session_key
            else session_key
        end as piece_key
    from sessions

    union all

    select
        sessions.case_key,
        sessions.place,
        sessions.started_at,
        'ticket_and_continued' as link_rules,
        trees.piece_key
    from sessions
    inner join trees
        on sessions.session_key = trees.session_key

),

pieces as (

    select
        case_key,
        link_rules,
        piece_key,
        count(*) as session_count,
        min(started_at) as began_at,
        max(place) as last_place
    from placed
    group by all

),

-- the piece with the case's last session carries its resolution and its closure
splits as (

    select
        case_key,
        link_rules,
        count(*) as piece_count,
        max_by(session_count, last_place) as session_count,
        max_by(began_at, last_place) as began_at
    from pieces
    group by all

),

-- one row per case, so that it is joined once
split_cases as (

    select
        {%- for rules in link_rule_sets() if rules != 'all' %}
        max(case when link_rules = '{{ rules }}' then piece_count end)
            as piece_count_{{ rules }},
        max(case when link_rules = '{{ rules }}' then session_count end)
            as session_count_{{ rules }},
        max(case when link_rules = '{{ rules }}' then began_at end)
            as began_at_{{ rules }},
        {%- endfor %}
        case_key
    from splits
    group by all

),

-- cases that are alike in all that counts, counted once for all rules and windows
profiles as (

    select
        cases.month_start,
        coalesce(cases.intent, 'unknown') as intent,
        cases.is_resolved,
        {%- for hours in compared_windows() %}
        {{ hours_after('cases.counts_from', hours) }} <= {{ as_of() }}
            as is_mature_{{ hours }},
        coalesce(
            cases.recontacted_at <= {{ hours_after('cases.resolved_at', hours) }},
            false
        ) as is_recontacted_{{ hours }},
        {%- endfor %}
        {%- for rules in link_rule_sets() if rules != 'all' %}
        coalesce(split_cases.piece_count_{{ rules }}, 1) as piece_count_{{ rules }},
        coalesce(split_cases.session_count_{{ rules }}, cases.session_count) = 1
            as is_one_session_{{ rules }},
        -- what was reopened by the last piece's coming is an earlier piece
        cases.reopened_at is not null
        and (
            coalesce(split_cases.piece_count_{{ rules }}, 1) = 1
            or cases.reopened_at > split_cases.began_at_{{ rules }}
        ) as is_reopened_{{ rules }},
        {%- endfor %}
        1 as piece_count_all,
        cases.session_count = 1 as is_one_session_all,
        cases.reopened_at is not null as is_reopened_all,
        count(*) as case_count
    from cases
    left join split_cases
        on cases.case_key = split_cases.case_key
    group by all

),

counts as (

    {%- for rules in link_rule_sets() %}
    {%- set outer_loop = loop %}
    {%- for hours in compared_windows() %}

    select
        month_start,
        intent,
        '{{ rules }}' as link_rules,
        {{ hours }} as window_hours,
        case_count,
        piece_count_{{ rules }} as piece_count,
        is_one_session_{{ rules }} as is_one_session,
        is_resolved and not is_reopened_{{ rules }} and not is_recontacted_{{ hours }}
            as is_durable
    from profiles
    where is_mature_{{ hours }}

    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {%- endfor %}
    {%- endfor %}

),

segment_types as (

    select 'all' as segment_type
    union all
    select 'intent' as segment_type

),

sums as (

    select
        counts.month_start,
        segment_types.segment_type,
        case segment_types.segment_type
            when 'intent' then counts.intent
            else 'all'
        end as segment,
        counts.link_rules,
        counts.window_hours,
        sum(counts.case_count) as case_count,
        sum(case when counts.piece_count > 1 then counts.case_count else 0 end)
            as split_case_count,
        sum(counts.case_count * counts.piece_count) as piece_count,
        sum(case when counts.is_durable then counts.case_count else 0 end)
            as durable_count,
        sum(
            case
                when counts.is_durable and counts.is_one_session
                    then counts.case_count
                else 0
            end
        ) as first_contact_count
    from counts
    cross join segment_types
    group by all

),

valued as (

    select
        *,
        {{ rate('first_contact_count', 'piece_count') }} as first_contact_share,
        {{ rate('durable_count', 'piece_count') }} as durable_share
    from sums

)

select
    -- keys
    cast(month_start as date) as month_start,
    cast(segment_type as varchar) as segment_type,
    cast(segment as varchar) as segment,
    cast(link_rules as varchar) as link_rules,
    cast(window_hours as bigint) as window_hours,

    -- flags
    cast(piece_count < {{ var('min_cases') }} as boolean) as is_too_small,

    -- counts
    cast(case_count as bigint) as case_count,
    cast(split_case_count as bigint) as split_case_count,
    cast(piece_count as bigint) as piece_count,
    cast(first_contact_count as bigint) as first_contact_count,
    cast(durable_count as bigint) as durable_count,

    -- amounts
    cast(first_contact_share as double) as first_contact_resolution_rate,
    cast({{ wilson_lower('first_contact_share', 'piece_count') }} as double)
        as first_contact_interval_lower,
    cast({{ wilson_upper('first_contact_share', 'piece_count') }} as double)
        as first_contact_interval_upper,
    cast(durable_share as double) as durable_resolution_rate,
    cast({{ wilson_lower('durable_share', 'piece_count') }} as double)
        as durable_interval_lower,
    cast({{ wilson_upper('durable_share', 'piece_count') }} as double)
        as durable_interval_upper
from valued
