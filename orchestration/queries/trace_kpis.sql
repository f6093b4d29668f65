-- What a case adds to the KPIs of its day and segment.
select *
from intermediate.int_cases_measured
where case_key = ?
