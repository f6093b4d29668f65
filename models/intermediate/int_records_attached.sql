{#
    The case of each survey and audit: by its ticket if it names one, else by its session.
    A ticket of two cases (a real one and a test) is the real one's.
#}
with

surveys as (

    select * from {{ ref('int_survey_responses_unioned') }}

),

audits as (

    select * from {{ ref('stg_compliance_audits__audits') }}

),

records as (

    select
        response_key as record_key,
        source_system,
        ticket_system,
        ticket_id,
        session_id
    from surveys
    where {{ touched('response_key') }}

    union all

    select
        audit_key as record_key,
        source_system,
        ticket_system,
        ticket_id,
        session_id
    from audits
    where {{ touched('audit_key') }}

),

keyed as (

    select
        record_key,
        case
            when ticket_id is not null
                then {{ ticket_key('ticket_system', 'ticket_id') }}
        end as ticket_key,
        {{ surrogate_key(['source_system', 'session_id']) }} as session_key
    from records

),

merged_tickets as (

    select * from {{ ref('int_tickets_merged') }}

),

tickets as (

    select * from {{ ref('int_case_tickets_joined') }}

),

sessions as (

    select * from {{ ref('int_case_sessions_joined') }}

),

cases as (

    select * from {{ ref('int_cases_described') }}

),

by_ticket as (

    select
        keyed.record_key,
        tickets.case_key
    from keyed
    left join merged_tickets
        on keyed.ticket_key = merged_tickets.ticket_key
    inner join tickets
        on
            coalesce(merged_tickets.target_ticket_key, keyed.ticket_key)
            = tickets.ticket_key
    inner join cases
        on tickets.case_key = cases.case_key
    qualify
        row_number() over (
            partition by keyed.record_key
            order by cases.is_eligible desc, tickets.case_key asc
        ) = 1

),

by_session as (

    select
        keyed.record_key,
        sessions.case_key
    from keyed
    inner join sessions
        on keyed.session_key = sessions.session_key
    where keyed.ticket_key is null

)

select * from by_ticket
union all
select * from by_session
