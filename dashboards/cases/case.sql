select cases.*
from marts.fct_cases as cases
cross join asked
where cases.case_key = asked.part
