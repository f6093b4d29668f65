-- A join that fans out or filters by accident changes every figure without an error.
-- Each landed record must arrive once, in staging and in its fact.
with

counts as (

    select
        'agent_events, placed' as stage,
        (select count(*) from {{ source('raw', 'agent_events') }}) as before_stage,
        (select count(*) from {{ ref('int_agent_events_placed') }}) as after_stage

    union all

    select
        'agent events of all feeds, in sessions' as stage,
        (select count(*) from {{ ref('stg_agent_events__events') }})
        + (select count(*) from {{ ref('int_agent_events_adapted') }}) as before_stage,
        (select coalesce(sum(event_count), 0) from {{ ref('fct_sessions') }})
            as after_stage

    union all

    select
        'ticket_events, staged' as stage,
        (select count(*) from {{ source('raw', 'ticket_events') }}) as before_stage,
        (select count(*) from {{ ref('stg_ticket_events__events') }}) as after_stage

    union all

    select
        'survey_responses, staged' as stage,
        (select count(*) from {{ source('raw', 'survey_responses') }}) as before_stage,
        (select count(*) from {{ ref('stg_survey_responses__responses') }})
            as after_stage

    union all

    select
        'survey_responses, facts' as stage,
        (select count(*) from {{ ref('int_survey_responses_unioned') }})
            as before_stage,
        (select count(*) from {{ ref('fct_survey_responses') }}) as after_stage

    union all

    select
        'compliance_audits, staged' as stage,
        (select count(*) from {{ source('raw', 'compliance_audits') }}) as before_stage,
        (select count(*) from {{ ref('stg_compliance_audits__audits') }}) as after_stage

    union all

    select
        'compliance_audits, facts' as stage,
        (select count(*) from {{ ref('stg_compliance_audits__audits') }})
            as before_stage,
        (select count(*) from {{ ref('fct_audits') }}) as after_stage

    union all

    select
        'tau2_runs, staged' as stage,
        (select count(*) from {{ source('raw', 'tau2_runs') }}) as before_stage,
        (select count(*) from {{ ref('stg_tau2_runs__sessions') }}) as after_stage

    union all

    select
        'servicenow_incidents, staged' as stage,
        (select count(*) from {{ source('raw', 'servicenow_incidents') }})
            as before_stage,
        (select count(*) from {{ ref('stg_servicenow_incidents__updates') }})
            as after_stage

    union all

    select
        'policy checks, facts' as stage,
        (
            select count(*) from {{ ref('stg_agent_events__events') }}
            where action_type = 'policy_checked'
        )
        + (
            select count(*) from {{ ref('int_agent_events_adapted') }}
            where action_type = 'policy_checked'
        ) as before_stage,
        (select count(*) from {{ ref('fct_policy_checks') }}) as after_stage

    union all

    select
        'actions, facts' as stage,
        (
            select count(*) from {{ ref('stg_agent_events__events') }}
            where action_type = 'action_executed'
        )
        + (
            select count(*) from {{ ref('int_agent_events_adapted') }}
            where action_type = 'action_executed'
        ) as before_stage,
        (select count(*) from {{ ref('fct_actions') }}) as after_stage

    union all

    select
        'cases, judged' as stage,
        (select count(*) from {{ ref('int_cases_closed') }}) as before_stage,
        (
            select count(*)
            from {{ ref('int_cases_closed') }} as closed
            inner join {{ ref('fct_cases') }} as cases
                on closed.case_key = cases.case_key
        ) as after_stage

)

select *
from counts
where before_stage != after_stage
