-- What happened in a case, in the order of time, each with the line of log behind it.
with

events as (

    select
        sessions.started_at as happened_at,
        'session' as kind,
        'Session ' || sessions.session_id as what,
        concat_ws(
            ', ', sessions.agent_name, sessions.agent_version, sessions.channel,
            sessions.event_count || ' events',
            'until ' || strftime(sessions.ended_at, '%Y-%m-%d %H:%M')
        ) as detail,
        sessions.link_rule as outcome,
        sessions.file_path,
        sessions.line_number,
        sessions.load_id
    from marts.fct_sessions as sessions
    cross join asked
    where sessions.case_key = asked.part

    union all

    select
        checks.checked_at as happened_at,
        'check' as kind,
        'Check ' || coalesce(checks.policy_id, checks.check_id, 'unnamed') as what,
        concat_ws(
            ', ', case when checks.is_required then 'required' else 'optional' end,
            'by ' || checks.evaluator, checks.reason
        ) as detail,
        checks.outcome,
        checks.file_path,
        checks.line_number,
        checks.load_id
    from marts.fct_policy_checks as checks
    cross join asked
    where checks.case_key = asked.part

    union all

    select
        actions.executed_at as happened_at,
        'action' as kind,
        'Action ' || coalesce(actions.action_name, 'unnamed') as what,
        concat_ws(
            ', ', case when actions.is_write then 'change' else 'look-up' end,
            'attempt ' || actions.attempt, actions.error_type,
            case when actions.is_violation then 'before its checks had passed' end,
            case when actions.binding_check_count > 0
                then 'checks that bind it: ' || actions.binding_check_count end
        ) as detail,
        case when actions.is_violation then 'violation'
        else coalesce(actions.outcome, 'unsaid') end as outcome,
        actions.file_path,
        actions.line_number,
        actions.load_id
    from marts.fct_actions as actions
    cross join asked
    where actions.case_key = asked.part

    union all

    select
        escalations.escalated_at as happened_at,
        'escalation' as kind,
        'Escalation' as what,
        concat_ws(
            ', ', 'by ' || escalations.initiated_by, escalations.reason_detail,
            'a person acted ' || strftime(escalations.human_acted_at, '%Y-%m-%d %H:%M')
        ) as detail,
        escalations.reason_code as outcome,
        escalations.file_path,
        escalations.line_number,
        escalations.load_id
    from marts.fct_escalations as escalations
    cross join asked
    where escalations.case_key = asked.part

    union all

    select
        audits.audited_at as happened_at,
        'audit' as kind,
        'Audit ' || coalesce('of ' || audits.policy_id, '') as what,
        concat_ws(
            ', ', 'by a ' || audits.auditor_type, audits.sample_method || ' sample'
        ) as detail,
        audits.verdict as outcome,
        audits.file_path,
        audits.line_number,
        audits.load_id
    from marts.fct_audits as audits
    cross join asked
    where audits.case_key = asked.part

    union all

    select
        coalesce(surveys.responded_at, surveys.sent_at) as happened_at,
        'survey' as kind,
        'Survey ' || surveys.survey_type as what,
        case when surveys.is_answered
            then 'score ' || printf('%.2f', surveys.score_1_to_7) || ' on 1 to 7'
        end as detail,
        case when surveys.is_answered then 'answered' else 'unanswered' end as outcome,
        surveys.file_path,
        surveys.line_number,
        surveys.load_id
    from marts.fct_survey_responses as surveys
    cross join asked
    where surveys.case_key = asked.part

    union all

    select
        cases.resolved_at as happened_at,
        'closure' as kind,
        'Closed' as what,
        null as detail,
        cases.closure_leg as outcome,
        null as file_path,
        null as line_number,
        null as load_id
    from marts.fct_cases as cases
    cross join asked
    where cases.case_key = asked.part and cases.resolved_at is not null

    union all

    select
        cases.reopened_at as happened_at,
        'closure' as kind,
        'Reopened' as what,
        null as detail,
        'failed' as outcome,
        null as file_path,
        null as line_number,
        null as load_id
    from marts.fct_cases as cases
    cross join asked
    where cases.case_key = asked.part and cases.reopened_at is not null

    union all

    select
        cases.recontacted_at as happened_at,
        'closure' as kind,
        'The customer came back with the same intent' as what,
        null as detail,
        null as outcome,
        null as file_path,
        null as line_number,
        null as load_id
    from marts.fct_cases as cases
    cross join asked
    where cases.case_key = asked.part and cases.recontacted_at is not null

)

select * from events
order by happened_at, kind, what, line_number
