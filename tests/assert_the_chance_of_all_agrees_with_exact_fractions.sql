-- C(hits, draws) / C(trials, draws) is multiplied as ratios; the products must be those
-- of exact fractions, also where the binomials themselves fit into no number.
with

examples as (

    select
        3 as hits,
        4 as trials,
        cast(0.25 as double) as chance_of_3,
        cast(null as double) as chance_of_8
    union all
    select
        8 as hits,
        8 as trials,
        cast(1.0 as double) as chance_of_3,
        cast(1.0 as double) as chance_of_8
    union all
    select
        7 as hits,
        8 as trials,
        cast(0.625 as double) as chance_of_3,
        cast(0.0 as double) as chance_of_8
    union all
    select
        0 as hits,
        10 as trials,
        cast(0.0 as double) as chance_of_3,
        cast(0.0 as double) as chance_of_8
    union all
    select
        49 as hits,
        64 as trials,
        cast(0.4422043010752688 as double) as chance_of_3,
        cast(0.10188911360168593 as double) as chance_of_8
    union all
    select
        29 as hits,
        41 as trials,
        cast(0.3427767354596623 as double) as chance_of_3,
        cast(0.04492123324714127 as double) as chance_of_8
    union all
    select
        999999 as hits,
        1000000 as trials,
        cast(0.999997 as double) as chance_of_3,
        cast(0.999992 as double) as chance_of_8
    union all
    select
        700000 as hits,
        1000000 as trials,
        cast(0.342999558999391 as double) as chance_of_3,
        cast(0.05764731822383059 as double) as chance_of_8
    union all
    select
        123456789 as hits,
        987654321 as trials,
        cast(0.0019531249050781263 as double) as chance_of_3,
        cast(5.960462860167205e-08 as double) as chance_of_8

),

computed as (

    select
        *,
        {{ chance_of_all('hits', 'trials', 3) }} as computed_of_3,
        {{ chance_of_all('hits', 'trials', 8) }} as computed_of_8
    from examples

)

select *
from computed
where
    coalesce(abs(computed_of_3 - chance_of_3), 1) > 1e-9 * chance_of_3
    or (computed_of_8 is null) != (chance_of_8 is null)
    or abs(computed_of_8 - chance_of_8) > 1e-9 * chance_of_8
