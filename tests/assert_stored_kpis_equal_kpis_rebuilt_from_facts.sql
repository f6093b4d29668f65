-- The figures are defined in one model; this builds them a second time, straight from
-- the facts and along other ways (outcomes instead of flags, escalations instead of
-- touches, events instead of sums), so that an error has to be made twice to go unseen.
with

cases as (

    select * from {{ ref('fct_cases') }}
    where is_eligible and {{ is_tested_day('opened_on') }}

),

handled as (

    select * from cases
    where is_handled

),

mature as (

    select
        *,
        coalesce(
            outcome = 'resolved_autonomously'
            and reopened_at is null
            and recontacted_at is null,
            false
        ) as is_resolved_for_good
    from handled
    where is_mature and customer_key is not null and intent is not null

),

single_session_cases as (

    select case_key
    from {{ ref('fct_sessions') }}
    group by all
    having count(*) = 1

),

escalations as (

    select escalations.*
    from {{ ref('fct_escalations') }} as escalations
    inner join cases
        on escalations.case_key = cases.case_key

),

checks as (

    select checks.*
    from {{ ref('fct_policy_checks') }} as checks
    inner join handled
        on checks.case_key = handled.case_key
    where checks.is_required and checks.outcome in ('pass', 'fail', 'error')

),

attempts as (

    select attempts.*
    from {{ ref('fct_actions') }} as attempts
    inner join handled
        on attempts.case_key = handled.case_key
    where attempts.actor_type in ('ai_agent', 'system')

),

surveys as (

    select surveys.*
    from {{ ref('fct_survey_responses') }} as surveys
    inner join handled
        on surveys.case_key = handled.case_key
    where surveys.survey_type = 'ces'

),

audits as (

    select
        audits.case_key,
        audits.verdict,
        audits.audit_weight,
        {{ moment_text('audits.audited_at') }} || audits.audit_id as audit_order
    from {{ ref('fct_audits') }} as audits
    inner join handled
        on audits.case_key = handled.case_key
    where audits.is_in_claim and audits.verdict != 'unclear'

),

first_violations as (

    select
        case_key,
        min(audit_order) as audit_order
    from audits
    where verdict = 'violation'
    group by all

),

first_compliant_audits as (

    select
        audits.case_key,
        min(audits.audit_order) as audit_order
    from audits
    left join first_violations
        on audits.case_key = first_violations.case_key
    where first_violations.case_key is null
    group by all

),

weights as (

    select
        coalesce(sum(
            case
                when first_compliant_audits.case_key is not null
                    then audits.audit_weight
            end
        ), 0) as compliant_weight,
        coalesce(sum(
            case
                when
                    first_compliant_audits.case_key is not null
                    or first_violations.case_key is not null
                    then audits.audit_weight
            end
        ), 0) as audited_weight
    from audits
    left join first_violations
        on
            audits.case_key = first_violations.case_key
            and audits.audit_order = first_violations.audit_order
    left join first_compliant_audits
        on
            audits.case_key = first_compliant_audits.case_key
            and audits.audit_order = first_compliant_audits.audit_order

),

model_calls as (

    select
        source_system,
        session_id,
        cost_usd,
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) as tokens
    from {{ ref('stg_agent_events__measures') }}
    where action_type = 'llm_called'

    union all

    select
        source_system,
        session_id,
        cost_usd,
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) as tokens
    from {{ ref('int_agent_events_adapted') }}
    where action_type = 'llm_called'

),

model_costs as (

    select
        coalesce(sum(model_calls.cost_usd), 0) as cost_usd,
        coalesce(sum(
            case when mature.case_key is not null then model_calls.cost_usd end
        ), 0) as mature_cost_usd,
        coalesce(sum(model_calls.tokens), 0) as tokens
    from model_calls
    inner join {{ ref('fct_sessions') }} as sessions
        on
            model_calls.source_system = sessions.source_system
            and model_calls.session_id = sessions.session_id
    inner join handled
        on sessions.case_key = handled.case_key
    left join mature
        on sessions.case_key = mature.case_key

),

involved_cases as (

    select case_key
    from {{ ref('fct_sessions') }}
    where is_involved
    group by all

),

people_alone as (

    select cases.*
    from cases
    left join involved_cases
        on cases.case_key = involved_cases.case_key
    where
        involved_cases.case_key is null
        and cases.outcome = 'resolved_by_human'
        and cases.is_time_known

),

rebuilt as (

    select
        'autonomous_resolution_rate' as kpi,
        count_if(outcome = 'resolved_autonomously') as numerator,
        count(*) as denominator
    from handled

    union all

    select
        'autonomous_resolution_rate_upper' as kpi,
        count(*) - count_if(not is_resolved_autonomously) as numerator,
        count(*) as denominator
    from handled

    union all

    select
        'durable_resolution_rate' as kpi,
        count_if(is_resolved_for_good) as numerator,
        count(*) as denominator
    from mature

    union all

    select
        'first_contact_resolution_rate' as kpi,
        count_if(
            mature.is_resolved_for_good and single_session_cases.case_key is not null
        ) as numerator,
        count(*) as denominator
    from mature
    left join single_session_cases
        on mature.case_key = single_session_cases.case_key

    union all

    select
        'automation_rate' as kpi,
        count_if(outcome = 'resolved_autonomously') as numerator,
        count_if(outcome != 'in_progress' and outcome != 'dropped_off') as denominator
    from cases

    union all

    select
        'escalation_rate' as kpi,
        count(distinct escalations.case_key) as numerator,
        count(distinct handled.case_key) as denominator
    from handled
    left join escalations
        on handled.case_key = escalations.case_key

    union all

    select
        'containment_rate' as kpi,
        count_if(escalations.case_key is null) as numerator,
        count(distinct handled.case_key) as denominator
    from handled
    left join escalations
        on handled.case_key = escalations.case_key

    union all

    select
        'unstated_reason_share' as kpi,
        count_if(reason_code = 'unstated') as numerator,
        count(*) as denominator
    from escalations

    union all

    select
        'evidence_coverage' as kpi,
        count_if(
            intent_leg != 'missing'
            and policy_leg != 'missing'
            and action_leg != 'missing'
            and closure_leg != 'missing'
        ) as numerator,
        count(*) as denominator
    from handled

    union all

    select
        'reopen_rate' as kpi,
        count(reopened_at) as numerator,
        count_if(resolved_at is not null or reopened_at is not null) as denominator
    from handled

    union all

    select
        'policy_check_pass_rate' as kpi,
        count_if(outcome = 'pass') as numerator,
        count(*) as denominator
    from checks

    union all

    select
        'action_compliance_rate' as kpi,
        count(distinct logical_action_key)
        - count(distinct case when is_violation then logical_action_key end)
            as numerator,
        count(distinct logical_action_key) as denominator
    from attempts
    where is_write and binding_check_count > 0

    union all

    select
        'action_failure_rate' as kpi,
        count(*) - count_if(outcome = 'success') as numerator,
        count(*) as denominator
    from attempts

    union all

    select
        'audited_compliance_rate' as kpi,
        compliant_weight as numerator,
        audited_weight as denominator
    from weights

    union all

    select
        'ces_mean' as kpi,
        coalesce(sum(score_1_to_7), 0) as numerator,
        count(score_1_to_7) as denominator
    from surveys

    union all

    select
        'ces_favourable_rate' as kpi,
        count_if(score_1_to_7 >= 5) as numerator,
        count(score_1_to_7) as denominator
    from surveys

    union all

    select
        'ces_response_rate' as kpi,
        count(score_1_to_7) as numerator,
        count(*) as denominator
    from surveys

    union all

    select
        'aht_automated_seconds' as kpi,
        coalesce(sum({{ seconds_between('opened_at', 'resolved_at') }}), 0)
            as numerator,
        count(*) as denominator
    from cases
    where outcome = 'resolved_autonomously' and is_time_known

    union all

    select
        'aht_human_active_seconds' as kpi,
        coalesce(sum(human_active_seconds), 0) as numerator,
        count(*) as denominator
    from people_alone
    where human_active_seconds is not null

    union all

    select
        'aht_human_elapsed_seconds' as kpi,
        coalesce(sum({{ seconds_between('opened_at', 'resolved_at') }}), 0)
            as numerator,
        count(*) as denominator
    from people_alone
    where human_active_seconds is null

    union all

    select
        'cost_per_resolution_usd' as kpi,
        max(model_costs.cost_usd) as numerator,
        count_if(handled.outcome = 'resolved_autonomously') as denominator
    from handled
    cross join model_costs

    union all

    select
        'cost_per_case_usd' as kpi,
        max(model_costs.cost_usd) as numerator,
        count(*) as denominator
    from handled
    cross join model_costs

    union all

    select
        'cost_per_durable_resolution_usd' as kpi,
        max(model_costs.mature_cost_usd) as numerator,
        count_if(mature.is_resolved_for_good) as denominator
    from mature
    cross join model_costs

    union all

    select
        'tokens_per_case' as kpi,
        max(model_costs.tokens) as numerator,
        count(*) as denominator
    from handled
    cross join model_costs

),

stored as (

    select
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_daily') }}
    where {{ is_tested_day('opened_on') }}
    group by all

),

compared as (

    select
        catalog.kpi,
        rebuilt.kpi is not null as is_rebuilt,
        coalesce(rebuilt.numerator, 0) as rebuilt_numerator,
        coalesce(rebuilt.denominator, 0) as rebuilt_denominator,
        coalesce(stored.numerator, 0) as stored_numerator,
        coalesce(stored.denominator, 0) as stored_denominator
    from {{ ref('dim_kpis') }} as catalog
    left join rebuilt
        on catalog.kpi = rebuilt.kpi
    left join stored
        on catalog.kpi = stored.kpi

)

select *
from compared
where
    not is_rebuilt
    or abs(rebuilt_numerator - stored_numerator) > 1e-9 * (1 + abs(stored_numerator))
    or abs(rebuilt_denominator - stored_denominator)
    > 1e-9 * (1 + abs(stored_denominator))
