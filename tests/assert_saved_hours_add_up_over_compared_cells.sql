{#
    The hours saved are claimed for the whole; they must be those of the cells, so that
    nothing is claimed for a case that was compared with nothing.
#}
with

comparison as (

    select * from {{ ref('handling_time_comparison') }}

),

sums as (

    select
        period_type,
        period_start,
        people_measure,
        sum(case when segment_type = 'all' then hours_saved end) as hours_of_all,
        sum(case when segment_type = 'cell' then hours_saved end) as hours_of_cells,
        sum(case when segment_type = 'all' then agent_cases end) as cases_of_all,
        sum(case when segment_type = 'cell' then agent_cases end) as cases_of_cells,
        sum(case when segment_type = 'all' then covered_agent_cases end)
            as covered_cases_of_all,
        sum(case when is_compared and segment_type = 'cell' then agent_cases end)
            as covered_cases_of_cells
    from comparison
    group by all

)

select * from sums
where
    cases_of_all != cases_of_cells
    or covered_cases_of_all != coalesce(covered_cases_of_cells, 0)
    or (hours_of_all is null) != (hours_of_cells is null)
    or abs(hours_of_all - hours_of_cells) > 1e-6 * (1 + abs(hours_of_all))
