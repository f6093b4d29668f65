-- Rows of facts that were made of a line of a file.
with

facts as (

    select 'fct_actions' as fact, action_attempt_key as fact_key, case_key, file_path, line_number
    from marts.fct_actions

    union all

    select 'fct_policy_checks' as fact, policy_check_key as fact_key, case_key, file_path, line_number
    from marts.fct_policy_checks

    union all

    select 'fct_escalations' as fact, escalation_key as fact_key, case_key, file_path, line_number
    from marts.fct_escalations

    union all

    select 'fct_survey_responses' as fact, response_key as fact_key, case_key, file_path, line_number
    from marts.fct_survey_responses

    union all

    select 'fct_audits' as fact, audit_key as fact_key, case_key, file_path, line_number
    from marts.fct_audits

)

select
    fact,
    fact_key,
    case_key
from facts
where file_path = ? and line_number = ?
order by fact, fact_key
