-- A verdict on a release rests on them: 5 % (two-sided) of 1, 2, 10 and 1000
-- comparisons, and the ends of the range in which the algorithm holds.
with

examples as (

    select
        cast(0.025 as double) as probability,
        cast(1.959963984540054 as double) as quantile
    union all
    select
        cast(0.0125 as double) as probability,
        cast(2.241402727604945 as double) as quantile
    union all
    select
        cast(0.0025 as double) as probability,
        cast(2.8070337683438042 as double) as quantile
    union all
    select
        cast(0.000025 as double) as probability,
        cast(4.0556269811224 as double) as quantile
    union all
    select
        cast(0.075 as double) as probability,
        cast(1.4395314709384563 as double) as quantile
    union all
    select
        cast(2e-11 as double) as probability,
        cast(6.604077590405635 as double) as quantile

),

computed as (

    select
        *,
        {{ upper_normal_quantile('probability') }} as computed_quantile
    from examples

)

select *
from computed
where abs(computed_quantile - quantile) > 1e-13
