-- Every rate comes with this interval, so its formula is held against worked examples
-- (Wilson 1927; Newcombe 1998 for 81 of 263, 15 of 148, 0 of 20, 1 of 29). They are
-- those of 95 %, and say nothing where `confidence_z` is set to something else.
with

examples as (

    select
        8 as successes,
        10 as trials,
        0.4902 as lower_bound,
        0.9433 as upper_bound
    union all
    select
        81 as successes,
        263 as trials,
        0.2553 as lower_bound,
        0.3662 as upper_bound
    union all
    select
        15 as successes,
        148 as trials,
        0.0624 as lower_bound,
        0.1605 as upper_bound
    union all
    select
        0 as successes,
        20 as trials,
        0.0000 as lower_bound,
        0.1611 as upper_bound
    union all
    select
        1 as successes,
        29 as trials,
        0.0061 as lower_bound,
        0.1718 as upper_bound
    union all
    select
        10 as successes,
        10 as trials,
        0.7225 as lower_bound,
        1.0000 as upper_bound

),

computed as (

    select
        *,
        {{ wilson_lower(rate('successes', 'trials'), 'trials') }} as computed_lower,
        {{ wilson_upper(rate('successes', 'trials'), 'trials') }} as computed_upper
    from examples

)

select *
from computed
where
    abs({{ var('confidence_z') }} - 1.96) < 0.001
    and (
        abs(computed_lower - lower_bound) > 0.00006
        or abs(computed_upper - upper_bound) > 0.00006
    )
